#include "storage/scan_file.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

enum {
    WINDOW_SIZE = 1024 * 1024,
    WINDOW_SIZE_MAX = 1 << 30, /* what claims to be larger is no frame */
    REST_SIZE_MAX = 16 << 20,  /* of another segment's frames, before the search is over */
};

static enum status write_again(struct scan_file *file)
{
    uint64_t size = scan_file_segment(file)->size_bytes - file->taken_from;
    if (size == 0)
        return STATUS_OK;
    assert(file->taken_from >= file->window_position);
    assert(size <= file->window_size);
    const uint8_t *frames = file->window + (file->taken_from - file->window_position);
    enum status status =
        await_write(file->log->io, file->handle, frames, (uint32_t)size, file->taken_from);
    file->taken_from += size;
    file->is_dirty = true;
    return status;
}

/* What was taken from the window that was read ahead the group writes again, together with what
 * the others have taken. */
static void leave_to_group(struct scan_file *file)
{
    struct scan_ahead *ahead = file->ahead;
    uint64_t end = scan_file_segment(file)->size_bytes;
    assert(file->window == ahead->window);
    ahead->taken = file->window + (file->taken_from - file->window_position);
    ahead->taken_from = file->taken_from;
    ahead->taken_bytes = (uint32_t)(end - file->taken_from);
    file->taken_from = end;
    file->is_dirty = ahead->taken_bytes > 0;
}

static bool is_read_ahead(const struct scan_file *file)
{
    return file->ahead != NULL && file->window == file->ahead->window;
}

/* Before the window is left: nothing that was taken may be. */
static enum status settle(struct scan_file *file)
{
    if (!is_read_ahead(file))
        return write_again(file);
    leave_to_group(file);
    file->window_capacity = 0;
    return STATUS_OK;
}

/* Makes `size` bytes from `position` on available, as far as the file has them. */
static enum status fill(struct scan_file *file, uint64_t position, uint64_t size)
{
    enum status status = settle(file);
    if (status != STATUS_OK)
        return status;
    if (size > file->window_capacity) {
        free(file->own_window);
        file->own_window = aligned_alloc(FRAME_ALIGNMENT, size);
        file->window = file->own_window;
        file->window_capacity = file->window == NULL ? 0 : size;
    }
    if (file->window == NULL)
        return STATUS_NO_MEMORY;
    file->window_position = position;
    return await_read(file->log->io, file->handle, file->window, (uint32_t)file->window_capacity,
                      position, &file->window_size);
}

static struct bytes available(const struct scan_file *file, uint64_t position)
{
    if (position < file->window_position || position >= file->window_position + file->window_size)
        return bytes_of(file->window, 0);
    uint64_t skipped = position - file->window_position;
    return bytes_of(file->window + skipped, file->window_size - skipped);
}

/* What is at `position`: a good frame, nothing, or something else. */
static enum status look(struct scan_file *file, uint64_t position, enum frame_verdict *verdict,
                        struct frame_header *header)
{
    const struct state_segment *segment = scan_file_segment(file);
    struct frame_place place = {file->log->id.topic_id, file->log->id.partition,
                                segment->base_offset, segment->generation};
    uint64_t size;
    *verdict = frame_verify(available(file, position), &place, position, header, &size);
    if (*verdict != FRAME_SHORT)
        return STATUS_OK;
    if (size > WINDOW_SIZE_MAX || position + size > file->size_bytes) {
        *verdict = FRAME_BAD;
        return STATUS_OK;
    }
    enum status status = fill(file, position, size < WINDOW_SIZE ? WINDOW_SIZE : size);
    if (status != STATUS_OK)
        return status;
    *verdict = frame_verify(available(file, position), &place, position, header, &size);
    if (*verdict == FRAME_SHORT && size > file->window_size && position + size <= file->size_bytes)
        return look(file, position, verdict, header);
    if (*verdict == FRAME_SHORT)
        *verdict = FRAME_BAD;
    return STATUS_OK;
}

static enum status take_frame(struct scan_file *file, const struct frame_header *header)
{
    struct recovered_log *log = file->log;
    struct state_segment *segment = scan_file_segment(file);
    struct bytes frame = available(file, segment->size_bytes);
    if (log->mark_offset < header->durable_offset)
        log->mark_offset = header->durable_offset;
    if (segment->max_timestamp_ms < header->max_timestamp_ms)
        segment->max_timestamp_ms = header->max_timestamp_ms;
    if (segment->appended_ms < log->now_ms)
        segment->appended_ms = log->now_ms; /* when exactly, nobody has written down */
    segment->size_bytes += frame_stored_size(header->payload_size);
    return recovered_log_take(log, bytes_of(frame.data + FRAME_HEADER_SIZE, header->payload_size),
                              &segment->aborted_from);
}

/* Compaction leaves gaps between frames; appending does not. */
static bool follows(const struct scan_file *file, const struct frame_header *header)
{
    int64_t end_offset = file->log->end_offset;
    return scan_file_segment(file)->generation == 0 ? header->base_offset == end_offset
                                                    : header->base_offset >= end_offset;
}

/* What the file held before it was this segment's is no torn tail, but what every such file ends
 * with. A frame that was to come next has its offset. */
static void note_end(struct scan_file *file, enum frame_verdict verdict,
                     const struct frame_header *header)
{
    bool is_next = header->magic == FRAME_MAGIC && follows(file, header);
    bool is_rest = verdict == FRAME_FOREIGN && !is_next;
    file->may_be_rest = verdict != FRAME_GOOD && !is_next;
    file->torn_bytes = verdict == FRAME_END || is_rest ? 0 : FRAME_ALIGNMENT;
}

enum status scan_file_take_frames(struct scan_file *file)
{
    struct recovered_log *log = file->log;
    struct state_segment *segment = scan_file_segment(file);
    enum status status = STATUS_OK;
    file->taken_from = segment->size_bytes;
    while (status == STATUS_OK && segment->size_bytes < file->size_bytes) {
        enum frame_verdict verdict;
        struct frame_header header;
        status = look(file, segment->size_bytes, &verdict, &header);
        if (status == STATUS_OK && (verdict != FRAME_GOOD || !follows(file, &header))) {
            note_end(file, verdict, &header);
            break;
        }
        if (status == STATUS_OK)
            status = take_frame(file, &header);
    }
    log->has_excess = segment->size_bytes < file->size_bytes;
    return status;
}

enum status scan_file_find_frame(struct scan_file *file, uint64_t *position,
                                 struct frame_header *header)
{
    while (*position < file->size_bytes) {
        enum frame_verdict verdict;
        enum status status = look(file, *position, &verdict, header);
        if (status != STATUS_OK || verdict == FRAME_GOOD)
            return status;
        *position += FRAME_ALIGNMENT;
    }
    return STATUS_NOT_FOUND;
}

enum status scan_file_look_behind(struct scan_file *file)
{
    struct recovered_log *log = file->log;
    uint64_t position = scan_file_segment(file)->size_bytes;
    uint64_t rest_from = position;
    bool is_rest = false; /* since then there has been a frame of another segment, and no own */
    enum status status = STATUS_OK;
    while (status == STATUS_OK && position < file->size_bytes &&
           !(is_rest && position - rest_from >= REST_SIZE_MAX)) {
        enum frame_verdict verdict;
        struct frame_header header;
        status = look(file, position, &verdict, &header);
        bool is_first = position == scan_file_segment(file)->size_bytes;
        bool is_own = verdict == FRAME_GOOD && !is_first;
        bool is_whole = verdict == FRAME_FOREIGN && (!is_first || file->may_be_rest);
        if (is_own && log->mark_offset < header.durable_offset)
            log->mark_offset = header.durable_offset;
        position += is_own || is_whole ? frame_stored_size(header.payload_size) : FRAME_ALIGNMENT;
        rest_from = is_own ? position : rest_from;
        is_rest = (is_rest || is_whole) && !is_own;
    }
    if (is_rest && file->may_be_rest)
        file->torn_bytes = 0;
    return status;
}

static enum status take_ahead(struct scan_file *file, struct scan_ahead *ahead)
{
    file->ahead = ahead;
    file->handle = ahead->handle;
    file->size_bytes = ahead->size_bytes;
    file->window = ahead->window;
    file->window_capacity = ahead->window_capacity;
    file->window_position = file->taken_from;
    file->window_size = ahead->window_size;
    return ahead->handle < 0 ? STATUS_NOT_FOUND : STATUS_OK;
}

/* The first that a scan opens is the one that has been opened ahead. */
enum status scan_file_open(struct recovered_log *log, uint32_t index, struct scan_file *file)
{
    *file = (struct scan_file){.log = log, .index = index, .handle = -1};
    const struct state_segment *segment = &log->segments[index];
    path_segment(log->directory, segment->base_offset, segment->generation, file->path);
    file->taken_from = segment->size_bytes;
    if (log->ahead != NULL && index == log->ahead->segment_index)
        return take_ahead(file, log->ahead);
    return await_open(log->io, file->path, IO_OPEN_DIRECT, &file->handle, &file->size_bytes);
}

enum status scan_file_close(struct scan_file *file, enum status status)
{
    if (status == STATUS_OK)
        status = settle(file);
    free(file->own_window);
    if (file->ahead != NULL) {
        file->ahead->is_dirty = file->is_dirty;
        return status;
    }
    if (file->handle < 0)
        return status;
    if (status == STATUS_OK && file->is_dirty)
        status = await_sync(file->log->io, file->handle);
    enum status close_status = await_close(file->log->io, file->handle);
    return status != STATUS_OK ? status : close_status;
}
