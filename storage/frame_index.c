/* A sorted array, one entry for about each 64 KiB. */
#include "storage/frame_index.h"

#include "base/assert.h"

#include <stdlib.h>

void frame_index_deinit(struct frame_index *index)
{
    free(index->entries);
    *index = (struct frame_index){0};
}

static bool has_room(struct frame_index *index)
{
    assert(index->count <= index->capacity);
    if (index->count < index->capacity)
        return true;
    uint32_t capacity = index->capacity == 0 ? 4 : index->capacity * 2;
    struct index_entry *entries = realloc(index->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    index->entries = entries;
    index->capacity = capacity;
    return true;
}

static struct index_entry *last_entry(const struct frame_index *index)
{
    return index->count == 0 ? NULL : &index->entries[index->count - 1];
}

void frame_index_note(struct frame_index *index, int64_t base_offset, uint64_t position,
                      int64_t max_timestamp_ms)
{
    struct index_entry *last = last_entry(index);
    assert(last == NULL || base_offset > last->base_offset);
    assert(last == NULL || position > last->position);
    bool is_far = last == NULL || position - last->position >= INDEX_INTERVAL_BYTES;
    if (is_far && has_room(index)) {
        index->entries[index->count++] =
            (struct index_entry){base_offset, position, max_timestamp_ms};
        return;
    }
    if (last != NULL && last->max_timestamp_ms < max_timestamp_ms)
        last->max_timestamp_ms = max_timestamp_ms;
}

/* Without memory for an entry, the one before it speaks for its frames too. */
void frame_index_join(struct frame_index *index, struct frame_index *later)
{
    assert(index != later);
    for (uint32_t i = 0; i < later->count; i++) {
        const struct index_entry *entry = &later->entries[i];
        struct index_entry *last = last_entry(index);
        assert(last == NULL || entry->position > last->position);
        if (has_room(index))
            index->entries[index->count++] = *entry;
        else if (last != NULL && last->max_timestamp_ms < entry->max_timestamp_ms)
            last->max_timestamp_ms = entry->max_timestamp_ms;
    }
    frame_index_deinit(later);
}

const struct index_entry *frame_index_find(const struct frame_index *index, int64_t offset)
{
    uint32_t low = 0;
    uint32_t high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->entries[middle].base_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == index->count || index->entries[low].base_offset > offset);
    return low == 0 ? NULL : &index->entries[low - 1];
}

uint64_t frame_index_bound(const struct frame_index *index, uint64_t position, uint64_t otherwise)
{
    uint32_t low = 0;
    uint32_t high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->entries[middle].position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == 0 || index->entries[low - 1].position <= position);
    return low == index->count ? otherwise : index->entries[low].position;
}
