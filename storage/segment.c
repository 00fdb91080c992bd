/* The index of a segment: a sorted array, one entry for about each 64 KiB. */
#include "storage/segment.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct segment *segment_create(int64_t base_offset, uint32_t generation)
{
    assert(base_offset >= 0);
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL)
        return NULL;
    segment->reference_count = 1;
    segment->base_offset = base_offset;
    segment->generation = generation;
    segment->max_timestamp_ms = -1;
    segment->created_ms = -1;
    segment->appended_ms = -1;
    return segment;
}

struct segment *segment_retain(struct segment *segment)
{
    assert(segment->reference_count > 0);
    assert(segment->reference_count < UINT32_MAX);
    segment->reference_count++;
    return segment;
}

void segment_release(struct segment *segment)
{
    if (segment == NULL)
        return;
    assert(segment->reference_count > 0);
    if (--segment->reference_count > 0)
        return;
    frame_index_deinit(&segment->index);
    free(segment);
}

void frame_index_deinit(struct frame_index *index)
{
    free(index->entries);
    *index = (struct frame_index){0};
}

static bool has_room(struct frame_index *index)
{
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

void frame_index_note(struct frame_index *index, int64_t base_offset, uint64_t position,
                      int64_t max_timestamp_ms)
{
    struct index_entry *last = index->count == 0 ? NULL : &index->entries[index->count - 1];
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

void segment_note_frame(struct segment *segment, int64_t base_offset, uint64_t position,
                        uint64_t stored_size, int64_t max_timestamp_ms)
{
    assert(position == segment->size_bytes);
    assert(base_offset >= segment->base_offset);
    frame_index_note(&segment->index, base_offset, position, max_timestamp_ms);
    segment->size_bytes += stored_size;
    if (segment->max_timestamp_ms < max_timestamp_ms)
        segment->max_timestamp_ms = max_timestamp_ms;
}

void segment_complete_index(struct segment *segment, struct frame_index *earlier)
{
    for (uint32_t i = 0; i < segment->index.count; i++) {
        const struct index_entry *entry = &segment->index.entries[i];
        if (has_room(earlier))
            earlier->entries[earlier->count++] = *entry;
    }
    frame_index_deinit(&segment->index);
    segment->index = *earlier;
    segment->indexed_from = 0;
    *earlier = (struct frame_index){0};
}

uint64_t segment_position(const struct segment *segment, int64_t offset)
{
    assert(segment->indexed_from == 0);
    const struct frame_index *index = &segment->index;
    uint32_t low = 0;
    uint32_t high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->entries[middle].base_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : index->entries[low - 1].position;
}
