/* The names and the array of them are one allocation: each member has such a list, and there may be
 * many thousands of members. */
#include "consumer-groups/name_list.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    return bytes_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

/* Answers how many are left. */
static uint32_t sort(struct bytes *names, uint32_t count)
{
    if (count < 2)
        return count;
    qsort(names, count, sizeof *names, compare);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < count; i++)
        if (!bytes_equal(names[i], names[kept - 1]))
            names[kept++] = names[i];
    return kept;
}

bool name_list_copy(struct name_list *to, struct group_memory *memory, const struct bytes *names,
                    uint32_t count)
{
    assert(to->names == NULL);
    size_t size_bytes = count * sizeof *names;
    for (uint32_t i = 0; i < count; i++)
        size_bytes += names[i].size;
    if (size_bytes == 0)
        return true;
    to->names = group_memory_allocate(memory, size_bytes);
    if (to->names == NULL)
        return false;
    to->size_bytes = size_bytes;
    uint8_t *text = (uint8_t *)(to->names + count);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].size > 0)
            memcpy(text, names[i].data, names[i].size);
        to->names[i] = bytes_of(text, names[i].size);
        text += names[i].size;
    }
    assert(text == (const uint8_t *)to->names + size_bytes);
    to->count = sort(to->names, count);
    assert(to->count <= count);
    return true;
}

void name_list_destroy(struct name_list *list, struct group_memory *memory)
{
    group_memory_free(memory, list->names, list->size_bytes);
    *list = (struct name_list){NULL, 0, 0};
}

bool name_list_has(const struct name_list *list, struct bytes name)
{
    return list->count > 0 &&
           bsearch(&name, list->names, list->count, sizeof name, compare) != NULL;
}

bool name_list_is(const struct name_list *list, struct arena *arena, const struct bytes *names,
                  uint32_t count)
{
    struct bytes *sorted = arena_allocate_array(arena, count, sizeof *sorted);
    if (sorted == NULL)
        return false;
    if (count > 0)
        memcpy(sorted, names, count * sizeof *sorted);
    uint32_t kept = sort(sorted, count);
    if (kept != list->count)
        return false;
    for (uint32_t i = 0; i < kept; i++)
        if (!bytes_equal(sorted[i], list->names[i]))
            return false;
    return true;
}
