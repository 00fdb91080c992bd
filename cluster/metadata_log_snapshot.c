/* Snapshots: the file first, then everything that it replaces goes. The next entries begin a new
 * log file, so that the present one can go with the next snapshot at the latest.
 *
 *   SAVE ──▶ REMOVE ──▶ REMOVE ... ──▶ DONE
 *     └── error ───────────────────────▲
 */
#include "cluster/metadata_log_parts.h"

#include "base/assert.h"

#include <stdlib.h>

enum { SNAPSHOT_SAVE, SNAPSHOT_REMOVE, SNAPSHOT_DONE };

static const struct op_stage snapshot_stages[] = {
    [SNAPSHOT_SAVE] = {"save", 0},
    [SNAPSHOT_REMOVE] = {"remove", AFTER(SNAPSHOT_SAVE) | AFTER(SNAPSHOT_REMOVE)},
    [SNAPSHOT_DONE] = {"done", AFTER(SNAPSHOT_REMOVE)},
};

static void snapshot_saved(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct metadata_log, snapshot_saved)->snapshot_op, result);
}

static void file_removed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct metadata_log *log = container_of(request, struct metadata_log, remove_request);
    /* A file that will not go costs space, not truth; it is tried again at the next start. */
    (void)result;
    op_landed(&log->snapshot_op, 0);
}

/* Under another name and renamed when whole: a start in between finds the old snapshot and all of
 * the log. */
static enum op_progress snapshot_save(struct metadata_log *log)
{
    assert(log->is_saving_snapshot);
    assert(log->saving_index <= log->stored_index);
    char name[METADATA_NAME_MAX];
    metadata_snapshot_name(name, log->saving_index);
    op_move(&log->snapshot_op, SNAPSHOT_REMOVE);
    completion_init(&log->snapshot_saved, snapshot_saved);
    op_expect(&log->snapshot_op);
    file_save_start(&log->snapshot_save, log->io, log->directory, name, log->snapshot_save.content,
                    &log->snapshot_saved);
    return OP_WAIT;
}

/* The path of one file that the snapshot replaces, which is forgotten; false if there is none. The
 * last log file stays: it may be under the pen. */
static bool take_replaced(struct metadata_log *log)
{
    assert(log->saving_index > 0);
    assert(log->snapshot_index <= log->saving_index);
    char name[METADATA_NAME_MAX];
    if (log->snapshot_index != 0 && log->snapshot_index != log->saving_index) {
        metadata_snapshot_name(name, log->snapshot_index);
    } else if (log->file_count > 1 && log->files[0].last_index <= log->saving_index) {
        metadata_log_name(name, log->files[0].first_index);
        log->file_count--;
        memmove(&log->files[0], &log->files[1], log->file_count * sizeof *log->files);
    } else {
        return false;
    }
    log->snapshot_index = log->saving_index;
    file_path(log->remove_path, log->directory, name);
    return true;
}

/* One file for each step; it is forgotten first, so that nothing asks for it while it goes. */
static enum op_progress snapshot_remove(struct metadata_log *log)
{
    if (log->snapshot_op.error != 0 || !take_replaced(log)) {
        op_move(&log->snapshot_op, SNAPSHOT_DONE);
        return OP_AGAIN;
    }
    op_move(&log->snapshot_op, SNAPSHOT_REMOVE);
    completion_init(&log->remove_request.completion, file_removed);
    op_expect(&log->snapshot_op);
    io_unlink(log->io, &log->remove_request, log->remove_path);
    return OP_WAIT;
}

/* Whether the last file holds entries. A new file after an empty one would get the same name: two
 * rows of the list for one file, and the next snapshot would remove the file that is written to. */
static bool last_file_is_used(const struct metadata_log *log)
{
    assert(log->file_count > 0);
    const struct metadata_file *last = &log->files[log->file_count - 1];
    assert(last->last_index + 1 >= last->first_index);
    return last->last_index >= last->first_index;
}

/* A snapshot that cannot be written ends the log like any other write: the disk is not what it was.
 * But for a lack of space: then it is tried again when the log has grown as much once more. */
static enum op_progress snapshot_done(struct metadata_log *log)
{
    assert(log->is_saving_snapshot);
    assert(log->snapshot_bytes != NULL);
    int32_t result = log->snapshot_op.error;
    bool is_full = metadata_log_is_lack(result);
    if (is_full)
        log_warn(log->logger, "no disk space for a snapshot of the metadata",
                 field_text("directory", log->directory));
    else if (result != 0)
        metadata_log_fail(log, "snapshot", result);
    else
        log->snapshot_index = log->saving_index;
    free(log->snapshot_bytes);
    log->snapshot_bytes = NULL;
    if (!is_full)
        log->wants_new_file = log->wants_new_file || last_file_is_used(log);
    log->is_saving_snapshot = false;
    io_land(log->io, log->snapshot_done, is_full ? STATUS_NO_SPACE : result);
    metadata_log_close_when_idle(log);
    return OP_DONE;
}

static enum op_progress snapshot_step(struct op *op)
{
    struct metadata_log *log = container_of(op, struct metadata_log, snapshot_op);
    switch (op->stage) {
    case SNAPSHOT_SAVE: return snapshot_save(log);
    case SNAPSHOT_REMOVE: return snapshot_remove(log);
    case SNAPSHOT_DONE: return snapshot_done(log);
    }
    unreachable();
}

static const struct op_kind snapshot_kind = {"metadata-snapshot", snapshot_step, snapshot_stages};

void metadata_log_snapshot(struct metadata_log *log, const struct metadata_snapshot *snapshot,
                           struct completion *done)
{
    assert(done->landed != NULL);
    assert(!log->is_saving_snapshot);
    assert(log->closed == NULL);
    assert(snapshot->index <= log->stored_index);
    assert(snapshot->index > log->snapshot_index);
    size_t size = metadata_snapshot_size(snapshot);
    log->snapshot_bytes = malloc(size);
    assert(log->snapshot_bytes != NULL);
    metadata_snapshot_encode(snapshot, log->snapshot_bytes);
    log->snapshot_save.content = bytes_of(log->snapshot_bytes, size);
    log->saving_index = snapshot->index;
    log->snapshot_done = done;
    log->grown_bytes = 0;
    log->is_saving_snapshot = true;
    op_start(&log->snapshot_op, &snapshot_kind, io_ops(log->io));
}
