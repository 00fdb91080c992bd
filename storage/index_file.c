/* Encoding and decoding an index. What its checksum accepts is still checked for sense: the code
 * that uses an index asserts its order. */
#include "storage/index_file.h"

#include "base/assert.h"
#include "base/crc32c.h"

#include <stdlib.h>

enum { INDEX_MAGIC = 0x31495254, INDEX_VERSION = 1 };

struct stored_index {
    uint32_t magic;
    uint32_t version;
    uint32_t size_bytes;
    uint32_t crc;
    struct uuid topic_id;
    int32_t partition;
    uint32_t generation;
    int64_t base_offset;
    uint64_t covered_bytes;
    uint32_t entry_count;
    uint32_t zero;
};
_Static_assert(sizeof(struct stored_index) == 64, "stored format");
_Static_assert(offsetof(struct stored_index, topic_id) == 16, "stored format");
_Static_assert(offsetof(struct stored_index, base_offset) == 40, "stored format");
_Static_assert(offsetof(struct stored_index, covered_bytes) == 48, "stored format");
_Static_assert(offsetof(struct stored_index, entry_count) == 56, "stored format");
_Static_assert(sizeof(struct index_entry) == 24, "stored format");
_Static_assert(offsetof(struct index_entry, position) == 8, "stored format");
_Static_assert(offsetof(struct index_entry, max_timestamp_ms) == 16, "stored format");

struct bytes index_file_encode(const struct frame_place *place, const struct frame_index *index,
                               uint64_t covered_bytes)
{
    assert(covered_bytes % FRAME_ALIGNMENT == 0);
    size_t entries_size = index->count * sizeof index->entries[0];
    size_t size = sizeof(struct stored_index) + entries_size;
    uint8_t *content = size > INDEX_FILE_BYTES_MAX ? NULL : malloc(size);
    if (content == NULL)
        return (struct bytes){0};
    struct stored_index stored = {
        .magic = INDEX_MAGIC,
        .version = INDEX_VERSION,
        .size_bytes = (uint32_t)size,
        .topic_id = place->topic_id,
        .partition = place->partition,
        .generation = place->segment_generation,
        .base_offset = place->segment_base_offset,
        .covered_bytes = covered_bytes,
        .entry_count = index->count,
    };
    memcpy(content, &stored, sizeof stored);
    if (entries_size > 0)
        memcpy(content + sizeof stored, index->entries, entries_size);
    stored.crc = crc32c(0, content, size);
    memcpy(content, &stored, sizeof stored);
    return bytes_of(content, size);
}

bool index_file_place(struct bytes content, struct frame_place *place)
{
    struct stored_index stored;
    if (content.size < sizeof stored)
        return false;
    memcpy(&stored, content.data, sizeof stored);
    *place = (struct frame_place){stored.topic_id, stored.partition, stored.base_offset,
                                  stored.generation};
    return stored.magic == INDEX_MAGIC;
}

static enum status check_header(struct bytes content, const struct frame_place *place,
                                struct stored_index *stored)
{
    if (content.size < sizeof *stored)
        return STATUS_CORRUPT;
    memcpy(stored, content.data, sizeof *stored);
    if (stored->magic != INDEX_MAGIC)
        return STATUS_CORRUPT;
    if (stored->version != INDEX_VERSION)
        return STATUS_UNSUPPORTED;
    struct stored_index zeroed = *stored;
    zeroed.crc = 0;
    uint32_t crc = crc32c(0, &zeroed, sizeof zeroed);
    crc = crc32c(crc, content.data + sizeof zeroed, content.size - sizeof zeroed);
    bool is_whole =
        stored->size_bytes == content.size && crc == stored->crc &&
        stored->entry_count == (content.size - sizeof *stored) / sizeof(struct index_entry) &&
        (content.size - sizeof *stored) % sizeof(struct index_entry) == 0;
    bool is_ours = uuid_equal(stored->topic_id, place->topic_id) &&
                   stored->partition == place->partition &&
                   stored->base_offset == place->segment_base_offset &&
                   stored->generation == place->segment_generation;
    return is_whole && is_ours ? STATUS_OK : STATUS_CORRUPT;
}

/* Frames in order, on whole blocks, within what is covered. */
static bool entries_make_sense(const struct stored_index *stored, const struct index_entry *entries)
{
    if (stored->covered_bytes % FRAME_ALIGNMENT != 0)
        return false;
    for (uint32_t i = 0; i < stored->entry_count; i++) {
        const struct index_entry *entry = &entries[i];
        if (entry->base_offset < stored->base_offset || entry->position >= stored->covered_bytes ||
            entry->position % FRAME_ALIGNMENT != 0)
            return false;
        if (i > 0 && (entry->base_offset <= entries[i - 1].base_offset ||
                      entry->position <= entries[i - 1].position))
            return false;
    }
    return true;
}

enum status index_file_decode(struct bytes content, const struct frame_place *place,
                              struct frame_index *index, uint64_t *covered_bytes)
{
    assert(index->entries == NULL);
    struct stored_index stored;
    enum status status = check_header(content, place, &stored);
    if (status != STATUS_OK)
        return status;
    size_t entries_size = content.size - sizeof stored;
    struct index_entry *entries = malloc(entries_size + 1);
    if (entries == NULL)
        return STATUS_NO_MEMORY;
    memcpy(entries, content.data + sizeof stored, entries_size);
    if (!entries_make_sense(&stored, entries)) {
        free(entries);
        return STATUS_CORRUPT;
    }
    *index = (struct frame_index){entries, stored.entry_count, stored.entry_count};
    *covered_bytes = stored.covered_bytes;
    return STATUS_OK;
}
