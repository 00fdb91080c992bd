/* Looking through the segments of a log for recovery. What is behind a bad place is looked at too:
 * a whole frame there says how far the log was durable when it was sealed, and so whether the bad
 * place is a torn tail or damage. */
#include "storage/recovered_log.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

enum {
    WINDOW_SIZE = 1024 * 1024,
    WINDOW_SIZE_MAX = 1 << 30,
    LISTING_BYTES_MAX = 16 << 20,
};

/* --- One file ---------------------------------------------------------------------------------
 *
 * What reads back is not always on the disk: after a sync that failed, the cache may show for a
 * while what no later sync will write. So the frames that are taken are written once more, as they
 * are, and synced before anything is built on them. */
struct scan_file {
    struct recovered_log *log;
    uint32_t index; /* of the segment */
    int32_t handle;
    uint64_t size_bytes;
    struct scan_ahead *ahead; /* whose handle, size and first window these are; NULL: opened here */
    uint8_t *own_window;      /* NULL: none */
    uint8_t *window;
    uint64_t window_capacity;
    uint64_t window_position;
    uint32_t window_size;
    uint64_t taken_from; /* in the window: from here to the segment's size, to be written again */
    bool is_dirty;
    char path[PATH_SIZE];
};

static struct state_segment *segment_of(const struct scan_file *file)
{
    return &file->log->segments[file->index];
}

static enum status write_again(struct scan_file *file)
{
    uint64_t size = segment_of(file)->size_bytes - file->taken_from;
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
    uint64_t end = segment_of(file)->size_bytes;
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
    const struct state_segment *segment = segment_of(file);
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
    struct state_segment *segment = segment_of(file);
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
    return segment_of(file)->generation == 0 ? header->base_offset == end_offset
                                             : header->base_offset >= end_offset;
}

/* The frames from the segment's known size on, to the first that is not good. */
static enum status take_frames(struct scan_file *file)
{
    struct recovered_log *log = file->log;
    struct state_segment *segment = segment_of(file);
    enum status status = STATUS_OK;
    file->taken_from = segment->size_bytes;
    while (status == STATUS_OK && segment->size_bytes < file->size_bytes) {
        enum frame_verdict verdict;
        struct frame_header header;
        status = look(file, segment->size_bytes, &verdict, &header);
        if (status == STATUS_OK && (verdict != FRAME_GOOD || !follows(file, &header))) {
            log->torn_bytes += verdict == FRAME_END ? 0 : FRAME_ALIGNMENT;
            break;
        }
        if (status == STATUS_OK)
            status = take_frame(file, &header);
    }
    log->has_excess = segment->size_bytes < file->size_bytes;
    return status;
}

/* The next good frame from `position` on; each block may be the beginning of one. STATUS_NOT_FOUND
 * at the end of the file. */
static enum status find_frame(struct scan_file *file, uint64_t *position,
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

/* Whole frames behind a bad one tell how far the log was durable when they were sealed: if beyond
 * the bad one, that is not a torn tail. */
static enum status look_behind(struct scan_file *file)
{
    struct recovered_log *log = file->log;
    struct frame_header header;
    uint64_t position = segment_of(file)->size_bytes + FRAME_ALIGNMENT;
    enum status status;
    while ((status = find_frame(file, &position, &header)) == STATUS_OK) {
        if (log->mark_offset < header.durable_offset)
            log->mark_offset = header.durable_offset;
        position += frame_stored_size(header.payload_size);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
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
static enum status open_file(struct recovered_log *log, uint32_t index, struct scan_file *file)
{
    *file = (struct scan_file){.log = log, .index = index, .handle = -1};
    const struct state_segment *segment = &log->segments[index];
    path_segment(log->directory, segment->base_offset, segment->generation, file->path);
    file->taken_from = segment->size_bytes;
    if (log->ahead != NULL && index == log->ahead->segment_index)
        return take_ahead(file, log->ahead);
    return await_open(log->io, file->path, IO_OPEN_DIRECT, &file->handle, &file->size_bytes);
}

static enum status close_file(struct scan_file *file, enum status status)
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

/* --- The files of a log -----------------------------------------------------------------------
 */

/* From the log's end to there. */
void recovered_log_note_damage(struct recovered_log *log, int64_t to, const char *path)
{
    int64_t from = log->end_offset;
    assert(to >= from);
    log->end_offset = to;
    if (to == from)
        return;
    damage_core_note(&log->damages, from, to);
    log->has_new_damage = true;
    log_error(log->logger, "records are damaged or missing, and cannot be read; others can",
              field_bytes("topic", log->id.topic_name), field_i64("partition", log->id.partition),
              field_i64("from_offset", from), field_i64("to_offset", to), field_text("file", path));
}

/* A file that is gone, or that has become shorter than what had been synced, has lost records for
 * sure; which of them, reading finds out. */
static enum status report_loss(struct recovered_log *log, const char *what, const char *path)
{
    log_error(log->logger, what, field_bytes("topic", log->id.topic_name),
              field_i64("partition", log->id.partition), field_text("file", path));
    log->has_excess = false;
    log->begins_segment = true;
    return STATUS_OK;
}

static enum status scan_segment(struct recovered_log *log, uint32_t index)
{
    struct scan_file file;
    enum status status = open_file(log, index, &file);
    if (status == STATUS_NOT_FOUND && log->segments[index].size_bytes == 0)
        return STATUS_OK; /* begun behind a damage, and nothing has come since */
    if (status == STATUS_NOT_FOUND)
        return report_loss(log, "segment file is missing", file.path);
    if (status != STATUS_OK)
        return status;
    if (file.size_bytes < log->segments[index].size_bytes)
        status = report_loss(log, "segment file is shorter than its synced data", file.path);
    else
        status = take_frames(&file);
    if (status == STATUS_OK && log->has_excess)
        status = look_behind(&file);
    return close_file(&file, status);
}

struct found_file {
    int64_t base_offset;
    uint32_t generation;
};

static int compare_files(const void *left, const void *right)
{
    const struct found_file *a = left;
    const struct found_file *b = right;
    if (a->base_offset != b->base_offset)
        return (a->base_offset > b->base_offset) - (a->base_offset < b->base_offset);
    return (a->generation < b->generation) - (a->generation > b->generation);
}

static enum status choose_files(const struct io_entry *entries, uint32_t entry_count,
                                struct found_file **files, uint32_t *count)
{
    *files = calloc(entry_count + 1, sizeof **files);
    if (*files == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < entry_count; i++) {
        struct found_file *file = &(*files)[*count];
        *count += path_parse_segment(entries[i].name, &file->base_offset, &file->generation);
    }
    qsort(*files, *count, sizeof **files, compare_files);
    return STATUS_OK;
}

/* By base offset; of several with one, the newest generation first. The caller frees them. */
static enum status list_files(struct recovered_log *log, struct found_file **files, uint32_t *count)
{
    struct arena arena;
    const struct scan_ahead *ahead = log->ahead;
    struct io_entry *entries = ahead == NULL ? NULL : ahead->entries;
    uint32_t entry_count = ahead == NULL ? 0 : ahead->entry_count;
    *count = 0;
    *files = NULL;
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = ahead != NULL
                             ? ahead->list_status
                             : await_list(log->io, log->directory, &arena, &entries, &entry_count);
    if (status == STATUS_OK)
        status = choose_files(entries, entry_count, files, count);
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_OK; /* its batches are in the journal */
    arena_deinit(&arena);
    return status;
}

static bool is_wanted(const struct recovered_log *log, const struct found_file *file)
{
    bool is_behind = log->segment_count == 0 ||
                     file->base_offset > log->segments[log->segment_count - 1].base_offset;
    return is_behind && file->base_offset >= log->end_offset &&
           (log->is_rebuilt || file->generation == 0);
}

/* A file that no state lists may have been made and its name, or that of a directory above it, not
 * been synced. */
static enum status scan_found(struct recovered_log *log, const struct found_file *file)
{
    if (!recovered_log_add_segment(log, file->base_offset, file->generation))
        return STATUS_NO_MEMORY;
    log->has_new_names = true;
    return scan_segment(log, log->segment_count - 1);
}

/* A segment is begun only when the one before has been synced, so its mere presence behind a gap
 * proves that all below is durable. The segments of a log that is rebuilt may have been written by
 * compaction, which leaves gaps. */
static enum status scan_following(struct recovered_log *log)
{
    struct found_file *files;
    uint32_t count;
    enum status status = list_files(log, &files, &count);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct found_file *file = &files[i];
        if (!is_wanted(log, file))
            continue;
        if (file->base_offset > log->end_offset && !log->is_rebuilt) {
            log->mark_offset =
                file->base_offset > log->mark_offset ? file->base_offset : log->mark_offset;
            continue;
        }
        log->end_offset = file->base_offset;
        status = scan_found(log, file);
        if (status == STATUS_OK && log->is_rebuilt && log->has_excess)
            break;
    }
    free(files);
    return status;
}

enum status recovered_log_scan(struct recovered_log *log)
{
    enum status status = STATUS_OK;
    assert(!log->is_scanned);
    assert(log->ahead != NULL);
    log->is_scanned = true;
    if (log->segment_count > 0)
        status = scan_segment(log, log->segment_count - 1);
    if (status == STATUS_OK)
        status = scan_following(log);
    log->scanned_offset = log->end_offset;
    log->replayed_offset = log->end_offset;
    return status;
}

/* --- Stepping over ----------------------------------------------------------------------------
 */

/* The rest of the last segment's file, behind its bad place. STATUS_NOT_FOUND: nothing there that
 * is known to have been durable; then the file stays as it is up to where something else begins. */
static enum status step_in_file(struct recovered_log *log)
{
    struct scan_file file;
    struct frame_header header;
    enum status status = open_file(log, log->segment_count - 1, &file);
    if (status == STATUS_NOT_FOUND)
        return status;
    uint64_t position = segment_of(&file)->size_bytes + FRAME_ALIGNMENT;
    if (status == STATUS_OK && position > file.size_bytes)
        status = STATUS_NOT_FOUND;
    while (status == STATUS_OK && (status = find_frame(&file, &position, &header)) == STATUS_OK &&
           header.base_offset < log->end_offset)
        position += frame_stored_size(header.payload_size);
    if (status == STATUS_OK && header.base_offset <= log->mark_offset) {
        recovered_log_note_damage(log, header.base_offset, file.path);
        segment_of(&file)->size_bytes = position;
        return close_file(&file, take_frames(&file));
    }
    if ((status == STATUS_OK || status == STATUS_NOT_FOUND) && !log->is_rebuilt) {
        uint64_t end = position < file.size_bytes ? position : file.size_bytes;
        if (log->has_excess)
            segment_of(&file)->size_bytes = end & ~(uint64_t)(FRAME_ALIGNMENT - 1);
        log->has_excess = segment_of(&file)->size_bytes < file.size_bytes;
    }
    file.taken_from = segment_of(&file)->size_bytes;
    status = status == STATUS_OK ? STATUS_NOT_FOUND : status;
    return close_file(&file, status);
}

/* The next segment, behind a gap. */
static enum status step_to_next(struct recovered_log *log)
{
    struct found_file *files;
    uint32_t count;
    enum status status = list_files(log, &files, &count);
    uint32_t i = 0;
    while (i < count && !is_wanted(log, &files[i]))
        i++;
    if (status == STATUS_OK && (i == count || files[i].base_offset > log->mark_offset))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK) {
        recovered_log_note_damage(log, files[i].base_offset, log->directory);
        log->has_excess = false;
        status = scan_found(log, &files[i]);
    }
    free(files);
    return status;
}

enum status recovered_log_step_over(struct recovered_log *log)
{
    assert(log->end_offset < log->mark_offset);
    assert(!log->may_cross);
    enum status status = log->segment_count == 0 ? STATUS_NOT_FOUND : step_in_file(log);
    if (status == STATUS_NOT_FOUND)
        status = step_to_next(log);
    if (status == STATUS_NOT_FOUND) {
        log->may_cross = true;
        log->begins_segment = true;
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = scan_following(log);
    }
    log->scanned_offset = log->end_offset;
    log->replayed_offset = log->end_offset;
    return status;
}

/* --- Rebuilding -------------------------------------------------------------------------------
 */

/* Nothing is known but the files: everything that is good in them is the log. */
enum status recovered_log_rebuild(struct recovered_log *log)
{
    struct found_file *files;
    uint32_t count;
    enum status status = list_files(log, &files, &count);
    if (status == STATUS_OK && count > 0) {
        log->start_offset = files[0].base_offset;
        log->end_offset = files[0].base_offset;
    }
    free(files);
    log->is_rebuilt = true;
    log->mark_offset = INT64_MAX;
    if (status == STATUS_OK)
        status = scan_following(log);
    while (status == STATUS_OK && !log->may_cross)
        status = recovered_log_step_over(log);
    log->may_cross = false;
    log->begins_segment = false;
    log->is_rebuilt = false;
    log->is_scanned = true;
    log->mark_offset = log->end_offset;
    log->recorded_offset = log->start_offset;
    return status;
}
