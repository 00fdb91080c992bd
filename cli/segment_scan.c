#include "cli/segment_scan.h"

#include "base/assert.h"
#include "protocol/batch.h"

void segment_scan_init(struct segment_scan *scan, struct file_window *window,
                       const struct frame_place *place)
{
    assert(window != NULL);
    *scan = (struct segment_scan){.window = window, .place = place};
}

/* What can be said of a frame without knowing where it belongs. */
static bool batches_are_right(struct bytes payload, uint32_t batch_count)
{
    struct bytes batch;
    uint32_t count = 0;
    for (; count < batch_count && batch_next(&payload, &batch) == STATUS_OK; count++)
        if (batch.size < BATCH_HEADER_SIZE || !batch_crc_is_right(batch))
            return false;
    return count == batch_count && payload.size == 0;
}

static struct bytes payload_of(struct bytes available, const struct frame_header *header)
{
    return bytes_of(available.data + FRAME_HEADER_SIZE, header->payload_size);
}

/* Looks at one position, reading on when the frame is longer than what is at hand. */
static enum frame_verdict look(struct segment_scan *scan, uint64_t position,
                               struct segment_piece *piece)
{
    uint64_t needed_size;
    struct bytes available = file_window_at(scan->window, position, FILE_BLOCK_SIZE);
    enum frame_verdict verdict = frame_peek(available, &piece->header, &needed_size);
    if (verdict == FRAME_SHORT && position + needed_size <= scan->window->size_bytes) {
        available = file_window_at(scan->window, position, needed_size);
        scan->has_failed = scan->has_failed || available.data == NULL;
        verdict = frame_peek(available, &piece->header, &needed_size);
    }
    if (verdict != FRAME_GOOD)
        return verdict == FRAME_END ? FRAME_END : FRAME_BAD;
    piece->payload = payload_of(available, &piece->header);
    piece->size_bytes = needed_size;
    if (scan->place != NULL)
        return frame_verify(available, scan->place, position, &piece->header, &needed_size);
    return batches_are_right(piece->payload, piece->header.batch_count) ? FRAME_GOOD : FRAME_BAD;
}

/* Up to and with the last byte that is not zero. */
static size_t used_size(struct bytes bytes)
{
    size_t size = bytes.size;
    while (size > 0 && bytes.data[size - 1] == 0)
        size--;
    return size;
}

static void note_used(const struct segment_scan *scan, uint64_t position,
                      struct segment_piece *piece)
{
    struct bytes block = file_window_at(scan->window, position, FILE_BLOCK_SIZE);
    block.size = block.size < FILE_BLOCK_SIZE ? block.size : FILE_BLOCK_SIZE;
    size_t used = used_size(block);
    piece->used_size = used > 0 ? position - scan->position + used : piece->used_size;
}

/* The rest begins with its first whole frame; or before it, in the middle of one, if nothing there
 * looks like the beginning of a frame. */
static void end_tail(struct segment_piece *piece, uint64_t rest_at)
{
    if (!piece->has_header)
        rest_at = 0;
    if (rest_at < piece->used_size)
        piece->used_size = rest_at;
    piece->rest_size = piece->size_bytes - rest_at;
}

/* From a position without a good frame to the next that has one, or to the end of the file. Frames
 * begin on blocks. */
static void pass_over(struct segment_scan *scan, struct segment_piece *piece)
{
    uint64_t size_bytes = scan->window->size_bytes;
    uint64_t position = scan->position;
    uint64_t rest_position = UINT64_MAX;
    piece->kind = PIECE_TAIL;
    while (position < size_bytes && !scan->has_failed) {
        struct segment_piece found;
        enum frame_verdict verdict = look(scan, position, &found);
        if (verdict == FRAME_GOOD && position != scan->position) {
            piece->kind = PIECE_DAMAGE;
            break;
        }
        if (verdict == FRAME_FOREIGN && rest_position == UINT64_MAX)
            rest_position = position;
        note_used(scan, position, piece);
        position += FILE_BLOCK_SIZE;
    }
    position = position < size_bytes ? position : size_bytes;
    piece->size_bytes = position - scan->position;
    if (piece->kind == PIECE_TAIL && rest_position != UINT64_MAX)
        end_tail(piece, rest_position - scan->position);
    scan->position = position;
}

bool segment_scan_next(struct segment_scan *scan, struct segment_piece *piece)
{
    *piece = (struct segment_piece){.position = scan->position};
    if (scan->position >= scan->window->size_bytes || scan->has_failed)
        return false;
    enum frame_verdict verdict = look(scan, scan->position, piece);
    piece->has_header = piece->header.magic == FRAME_MAGIC;
    if (verdict == FRAME_GOOD) {
        piece->kind = PIECE_FRAME;
        scan->position += piece->size_bytes;
        return true;
    }
    piece->payload = (struct bytes){0};
    pass_over(scan, piece);
    return true;
}
