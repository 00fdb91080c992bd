/* Looking through the segments of a log for recovery. What is behind a bad place is looked at too:
 * a whole frame there says how far the log was durable when it was sealed, and so whether the bad
 * place is a torn tail or damage. */
#include "storage/recovered_log.h"

#include "base/assert.h"
#include "storage/await.h"
#include "storage/scan_file.h"

#include <stdlib.h>

enum { LISTING_BYTES_MAX = 16 << 20 };

/* --- The files of a log ----------------------------------------------------------------------- */

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
    enum status status = scan_file_open(log, index, &file);
    if (status == STATUS_NOT_FOUND && log->segments[index].size_bytes == 0)
        return STATUS_OK; /* begun behind a damage, and nothing has come since */
    if (status == STATUS_NOT_FOUND)
        return report_loss(log, "segment file is missing", file.path);
    if (status != STATUS_OK)
        return status;
    if (file.size_bytes < log->segments[index].size_bytes)
        status = report_loss(log, "segment file is shorter than its synced data", file.path);
    else
        status = scan_file_take_frames(&file);
    if (status == STATUS_OK && log->has_excess)
        status = scan_file_look_behind(&file);
    log->torn_bytes += file.torn_bytes;
    return scan_file_close(&file, status);
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

/* --- Stepping over ---------------------------------------------------------------------------- */

/* The rest of the last segment's file, behind its bad place. STATUS_NOT_FOUND: nothing there that
 * is known to have been durable; then the file stays as it is up to where something else begins. */
static enum status step_in_file(struct recovered_log *log)
{
    struct scan_file file;
    struct frame_header header;
    enum status status = scan_file_open(log, log->segment_count - 1, &file);
    if (status == STATUS_NOT_FOUND)
        return status;
    uint64_t position = scan_file_segment(&file)->size_bytes + FRAME_ALIGNMENT;
    if (status == STATUS_OK && position > file.size_bytes)
        status = STATUS_NOT_FOUND;
    while (status == STATUS_OK &&
           (status = scan_file_find_frame(&file, &position, &header)) == STATUS_OK &&
           header.base_offset < log->end_offset)
        position += frame_stored_size(header.payload_size);
    if (status == STATUS_OK && header.base_offset <= log->mark_offset) {
        recovered_log_note_damage(log, header.base_offset, file.path);
        scan_file_segment(&file)->size_bytes = position;
        status = scan_file_take_frames(&file);
        log->torn_bytes += file.torn_bytes;
        return scan_file_close(&file, status);
    }
    if ((status == STATUS_OK || status == STATUS_NOT_FOUND) && !log->is_rebuilt) {
        uint64_t end = position < file.size_bytes ? position : file.size_bytes;
        if (log->has_excess)
            scan_file_segment(&file)->size_bytes = end & ~(uint64_t)(FRAME_ALIGNMENT - 1);
        log->has_excess = scan_file_segment(&file)->size_bytes < file.size_bytes;
    }
    file.taken_from = scan_file_segment(&file)->size_bytes;
    status = status == STATUS_OK ? STATUS_NOT_FOUND : status;
    return scan_file_close(&file, status);
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

/* --- Rebuilding ------------------------------------------------------------------------------- */

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
