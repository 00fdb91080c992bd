/* All or nothing, so that nobody has to know how far a copy has come. */
#include "consumer-groups/group_identity.h"

#include "base/assert.h"

/* "-" and 36 characters of UUID. */
enum { SUFFIX_SIZE = 37, ID_SIZE_MAX = INT16_MAX };

bool group_identity_copy(struct group_memory *memory, struct group_identity *to,
                         const struct group_identity *from)
{
    assert(!bytes_are_null(from->member_id));
    *to = (struct group_identity){{0}};
    if (group_memory_copy(memory, &to->member_id, from->member_id) &&
        group_memory_copy(memory, &to->instance_id, from->instance_id) &&
        group_memory_copy(memory, &to->client_id, from->client_id) &&
        group_memory_copy(memory, &to->client_host, from->client_host))
        return true;
    group_identity_free(memory, to);
    return false;
}

void group_identity_free(struct group_memory *memory, struct group_identity *identity)
{
    group_memory_free_copy(memory, &identity->member_id);
    group_memory_free_copy(memory, &identity->instance_id);
    group_memory_free_copy(memory, &identity->client_id);
    group_memory_free_copy(memory, &identity->client_host);
}

/* Groups of 8, 4, 4, 4 and 12 hexadecimal digits. */
static void write_uuid(uint8_t *to, struct uuid uuid)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < sizeof uuid.bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = (uint8_t)digits[uuid.bytes[i] >> 4];
        *to++ = (uint8_t)digits[uuid.bytes[i] & 15];
    }
}

bool group_identity_make_id(struct arena *arena, struct bytes instance_id, struct bytes client_id,
                            struct uuid fresh_id, struct bytes *member_id)
{
    struct bytes name = bytes_are_null(instance_id) ? client_id : instance_id;
    size_t name_size =
        name.size < ID_SIZE_MAX - SUFFIX_SIZE ? name.size : ID_SIZE_MAX - SUFFIX_SIZE;
    uint8_t *text = arena_allocate(arena, name_size + SUFFIX_SIZE);
    if (text == NULL)
        return false;
    if (name_size > 0)
        memcpy(text, name.data, name_size);
    text[name_size] = '-';
    write_uuid(text + name_size + 1, fresh_id);
    *member_id = bytes_of(text, name_size + SUFFIX_SIZE);
    return true;
}
