/* A segment in memory: counted, and growing frame by frame. */
#include "storage/segment.h"

#include "base/assert.h"

#include <stdlib.h>

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
    list_node_init(&segment->index_node);
    segment->appended_ms = -1;
    segment->aborted_from = -1;
    segment->aborted_known_from = base_offset;
    list_node_init(&segment->aborted_node);
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
    for (uint32_t kind = 0; kind < COLD_FILE_KIND_COUNT; kind++)
        assert(segment->files[kind] == NULL);
    assert(segment->paged == NULL);
    assert(!list_node_is_linked(&segment->index_node));
    assert(!list_node_is_linked(&segment->aborted_node));
    aborted_list_deinit(&segment->aborted);
    frame_index_deinit(&segment->index);
    free(segment);
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
    frame_index_join(earlier, &segment->index);
    segment->index = *earlier;
    segment->indexed_from = 0;
    *earlier = (struct frame_index){0};
}

void segment_drop_index(struct segment *segment)
{
    frame_index_deinit(&segment->index);
    segment->indexed_from = segment->size_bytes;
}

/* Without memory, the batches have to be asked. */
void segment_note_aborted(struct segment *segment, const struct aborted_transaction *aborted)
{
    assert(aborted->last_offset >= segment->aborted_known_from);
    if (segment->aborted_from < 0 || aborted->first_offset < segment->aborted_from)
        segment->aborted_from = aborted->first_offset;
    if (aborted_list_push(&segment->aborted, aborted))
        return;
    segment_drop_aborted(segment);
    segment->aborted_known_from = aborted->last_offset + 1;
}

bool segment_complete_aborted(struct segment *segment, struct aborted_list *earlier)
{
    assert(!list_node_is_linked(&segment->aborted_node));
    for (uint32_t i = 0; i < segment->aborted.count; i++) {
        if (!aborted_list_push(earlier, &segment->aborted.entries[i]))
            return false;
    }
    aborted_list_deinit(&segment->aborted);
    segment->aborted = *earlier;
    *earlier = (struct aborted_list){0};
    segment->aborted_known_from = segment->base_offset;
    segment->aborted_from = aborted_list_begin(&segment->aborted);
    return true;
}

void segment_drop_aborted(struct segment *segment)
{
    const struct aborted_list *list = &segment->aborted;
    assert(!list_node_is_linked(&segment->aborted_node));
    if (list->count > 0)
        segment->aborted_known_from = list->entries[list->count - 1].last_offset + 1;
    aborted_list_deinit(&segment->aborted);
}
