#include "cli/metadata_scan.h"

#include "base/assert.h"

void metadata_scan_init(struct metadata_scan *scan, struct bytes content, uint64_t file_id)
{
    assert(content.size >= METADATA_BLOCK_SIZE);
    *scan = (struct metadata_scan){content, file_id, METADATA_BLOCK_SIZE};
}

static bool has_batch(const struct metadata_scan *scan, size_t position,
                      struct metadata_batch *batch)
{
    assert(position < scan->content.size);
    struct bytes rest = bytes_of(scan->content.data + position, scan->content.size - position);
    return metadata_batch_decode(rest, batch) == STATUS_OK && batch->file_id == scan->file_id;
}

static uint64_t used_size(struct bytes content, size_t position)
{
    size_t end = content.size;
    while (end > position && content.data[end - 1] == 0)
        end--;
    return end - position;
}

bool metadata_scan_next(struct metadata_scan *scan, struct metadata_piece *piece)
{
    size_t begin = scan->position;
    struct bytes content = scan->content;
    if (begin >= content.size)
        return false;
    *piece = (struct metadata_piece){.kind = METADATA_PIECE_BATCH, .position = begin};
    bool is_found = has_batch(scan, begin, &piece->batch);
    if (is_found) {
        scan->position += piece->batch.size_bytes;
    } else {
        while (!is_found && (scan->position += METADATA_BLOCK_SIZE) < content.size)
            is_found = has_batch(scan, scan->position, &piece->batch);
        piece->kind = is_found ? METADATA_PIECE_DAMAGE : METADATA_PIECE_TAIL;
        piece->used_size = is_found ? 0 : used_size(content, begin);
        scan->position = is_found ? scan->position : content.size;
    }
    piece->size_bytes = scan->position - begin;
    return true;
}
