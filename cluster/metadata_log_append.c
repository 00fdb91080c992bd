/* Appending and closing. One batch is on its way at a time:
 *
 *   BEGIN ──▶ TAKE ──▶ WRITE ──▶ LAND ──▶ TAKE ... ──▶ END
 *             ▲ │ (a new file, or more space, first: READY)
 *        READY┘ └── nothing waits, or failed ──────────▲
 *
 * A batch for which there is no space at all waits (PAUSE), and is tried again. */
#include "cluster/metadata_log_parts.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A batch takes what waits up to this size, and at least one append. */
enum { BATCH_BYTES_MAX = 4 * 1024 * 1024 };

/* How long a batch waits for space before it is tried again. */
enum { PAUSE_NS = 1000 * 1000 * 1000 };

void metadata_log_name(char name[static METADATA_NAME_MAX], uint64_t first_index)
{
    assert(first_index > 0);
    snprintf(name, METADATA_NAME_MAX, "metadata-%020" PRIu64 ".log", first_index);
}

void metadata_snapshot_name(char name[static METADATA_NAME_MAX], uint64_t index)
{
    assert(index > 0);
    snprintf(name, METADATA_NAME_MAX, "snapshot-%020" PRIu64, index);
}

void metadata_log_add_file(struct metadata_log *log, uint64_t first_index)
{
    assert(first_index > 0);
    assert(log->file_count <= log->file_capacity);
    assert(log->file_count == 0 || first_index > log->files[log->file_count - 1].first_index);
    if (log->file_count == log->file_capacity) {
        log->file_capacity = log->file_capacity == 0 ? 4 : log->file_capacity * 2;
        log->files = reallocarray(log->files, log->file_capacity, sizeof *log->files);
        assert(log->files != NULL);
    }
    log->files[log->file_count++] = (struct metadata_file){first_index, first_index - 1};
}

void metadata_log_fail(struct metadata_log *log, const char *what, int32_t error)
{
    assert(error < 0);
    if (log->failed != STATUS_OK)
        return;
    log->failed = (enum status)error;
    log_error(log->logger, "the metadata log failed; nothing more is written",
              field_text("what", what), field_status("error", log->failed),
              field_text("directory", log->directory));
}

uint64_t metadata_log_stored_index(const struct metadata_log *log)
{
    return log->stored_index;
}

uint64_t metadata_log_grown_bytes(const struct metadata_log *log)
{
    return log->grown_bytes;
}

uint64_t metadata_log_next_batch_size(const struct metadata_log *log)
{
    const struct metadata_append *append;
    uint64_t total = 0;
    list_for_each_entry (append, &log->queue, node) {
        uint64_t size = metadata_batch_size(append->entries, append->entry_count);
        if (total > 0 && total + size > BATCH_BYTES_MAX)
            break;
        total += size;
    }
    return total;
}

/* --- Appending -------------------------------------------------------------------------------- */

enum {
    APPEND_BEGIN,
    APPEND_TAKE,
    APPEND_READY,
    APPEND_PAUSE,
    APPEND_WRITE,
    APPEND_LAND,
    APPEND_END
};

static const struct op_stage append_stages[] = {
    [APPEND_BEGIN] = {"begin", 0},
    [APPEND_TAKE] = {"take", AFTER(APPEND_BEGIN) | AFTER(APPEND_READY) | AFTER(APPEND_PAUSE) |
                                 AFTER(APPEND_LAND)},
    [APPEND_READY] = {"ready", AFTER(APPEND_TAKE)},
    [APPEND_PAUSE] = {"pause", AFTER(APPEND_TAKE)},
    [APPEND_WRITE] = {"write", AFTER(APPEND_TAKE) | AFTER(APPEND_READY)},
    [APPEND_LAND] = {"land", AFTER(APPEND_WRITE)},
    [APPEND_END] = {"end", AFTER(APPEND_TAKE)},
};

static void append_written(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    op_landed(&container_of(request, struct metadata_log, append_request)->append_op, result);
}

static void append_rolled(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct metadata_log, rolled)->append_op, result);
}

static void land_all(struct metadata_log *log, struct list *list, int32_t result)
{
    assert(result <= 0);
    struct list_node *node;
    while ((node = list_pop_front(list)) != NULL)
        io_land(log->io, &container_of(node, struct metadata_append, node)->completion, result);
}

static bool has_room(const struct metadata_log *log, uint64_t size_bytes)
{
    return log->handle >= 0 && log->write_offset + size_bytes <= log->allocated_end;
}

static uint64_t total_size(const struct list *appends)
{
    const struct metadata_append *append;
    uint64_t total = 0;
    list_for_each_entry (append, appends, node)
        total += metadata_batch_size(append->entries, append->entry_count);
    return total;
}

uint64_t metadata_log_room_bytes(const struct metadata_log *log)
{
    uint64_t taken = log->write_offset + total_size(&log->writing) + total_size(&log->queue);
    return log->handle >= 0 && log->allocated_end > taken ? log->allocated_end - taken : 0;
}

static void ask_room(struct metadata_log *log)
{
    if (log->allocated_end < log->write_offset)
        log->allocated_end = log->write_offset;
    log->growing_bytes = log->write_offset + metadata_log_next_batch_size(log) +
                         2 * METADATA_HEADROOM_BYTES - log->allocated_end;
    log->has_asked_room = true;
    completion_init(&log->append_request.completion, append_written);
    op_expect(&log->append_op);
    io_allocate(log->io, &log->append_request, log->handle, log->allocated_end, log->growing_bytes);
}

static void start_roll(struct metadata_log *log)
{
    log->growing_bytes = 0;
    log->has_asked_room = true;
    completion_init(&log->rolled, append_rolled);
    op_expect(&log->append_op);
    metadata_log_roll_start(log);
}

static void note_lack(struct metadata_log *log, bool is_full)
{
    if (is_full && !log->is_short)
        log_warn(log->logger, "no disk space for metadata: what has been reserved must do",
                 field_text("directory", log->directory),
                 field_u64("bytes", metadata_log_room_bytes(log)));
    log->is_short = is_full;
}

/* There is a new file, or more space, or there is none: then what has been reserved must do. */
static enum op_progress append_ready(struct metadata_log *log)
{
    bool has_rolled = log->growing_bytes == 0;
    bool is_full = has_rolled ? log->roll.is_full : metadata_log_is_lack(log->append_op.error);
    if (is_full)
        log->append_op.error = 0;
    else if (log->append_op.error == 0)
        log->allocated_end += log->growing_bytes;
    if (log->append_op.error == 0)
        note_lack(log, is_full);
    op_move(&log->append_op, log->append_op.error == 0 ? APPEND_TAKE : APPEND_WRITE);
    return OP_AGAIN;
}

void metadata_log_patience_is_over(struct timer *timer)
{
    op_landed(&container_of(timer, struct metadata_log, patience)->append_op, 0);
}

/* What waits has been taken by the quorum and cannot be refused any more. A stop does not wait for
 * space: what is not stored then was not answered. */
static enum op_progress append_pause(struct metadata_log *log)
{
    log->has_asked_room = false;
    if (log->closed != NULL) {
        log->failed = STATUS_NO_SPACE;
        op_move(&log->append_op, APPEND_TAKE);
        return OP_AGAIN;
    }
    op_expect(&log->append_op);
    io_timer_start(log->io, &log->patience, io_now_ns(log->io) + PAUSE_NS);
    op_move(&log->append_op, APPEND_TAKE);
    return OP_WAIT;
}

/* Space is asked for ahead of what is to be written, once for each batch. */
static bool wants_ready(const struct metadata_log *log)
{
    bool is_wanted = log->failed == STATUS_OK && !log->has_asked_room &&
                     (!list_is_empty(&log->queue) || log->is_short);
    return is_wanted && (log->wants_new_file || !has_room(log, metadata_log_next_batch_size(log) +
                                                                   METADATA_HEADROOM_BYTES));
}

/* One batch is on its way at a time: what broke can then only be the last, which is what tells a
 * torn tail from damage. */
static enum op_progress append_take(struct metadata_log *log)
{
    assert(list_is_empty(&log->writing));
    assert(log->batch == NULL);
    if (log->failed != STATUS_OK)
        land_all(log, &log->queue, log->failed);
    if (wants_ready(log)) {
        op_move(&log->append_op, APPEND_READY);
        if (log->wants_new_file)
            start_roll(log);
        else
            ask_room(log);
        return OP_WAIT;
    }
    if (list_is_empty(&log->queue))
        op_move(&log->append_op, APPEND_END);
    else
        op_move(&log->append_op,
                has_room(log, metadata_log_next_batch_size(log)) ? APPEND_WRITE : APPEND_PAUSE);
    return OP_AGAIN;
}

/* Moves what fits from the queue into the batch. Answers how many entries that is. */
static uint32_t gather(struct metadata_log *log)
{
    assert(list_is_empty(&log->writing));
    assert(!list_is_empty(&log->queue));
    uint32_t entry_count = 0;
    size_t size = 0;
    while (!list_is_empty(&log->queue)) {
        struct metadata_append *append =
            container_of(list_first(&log->queue), struct metadata_append, node);
        size += metadata_batch_size(append->entries, append->entry_count);
        if (entry_count > 0 && size > BATCH_BYTES_MAX)
            break;
        list_remove(&append->node);
        list_push_back(&log->writing, &append->node);
        entry_count += append->entry_count;
    }
    return entry_count;
}

/* Appends that came while the last batch flew share a write and a sync: group commit without a
 * timer. */
static void encode_batch(struct metadata_log *log, uint32_t entry_count)
{
    assert(entry_count > 0);
    assert(log->batch == NULL);
    struct metadata_entry *entries = calloc(entry_count, sizeof *entries);
    struct metadata_append *append;
    uint32_t count = 0;
    assert(entries != NULL);
    list_for_each_entry (append, &log->writing, node)
        for (uint32_t i = 0; i < append->entry_count; i++)
            entries[count++] = append->entries[i];
    assert(count == entry_count);
    assert(log->stored_index + entry_count < log->next_index);
    log->batch_entry_count = entry_count;
    log->batch_size = (uint32_t)metadata_batch_size(entries, entry_count);
    log->batch = malloc(log->batch_size);
    assert(log->batch != NULL);
    metadata_batch_encode(log->file_id, log->stored_index + 1, entries, entry_count, log->batch);
    free(entries);
}

/* The batch is written with its sync as one request, so no landing can lie between the two. */
static enum op_progress append_write(struct metadata_log *log)
{
    op_move(&log->append_op, APPEND_LAND);
    if (log->append_op.error != 0)
        return OP_AGAIN;
    encode_batch(log, gather(log));
    assert(log->handle >= 0);
    assert(log->write_offset >= METADATA_BLOCK_SIZE);
    assert(log->write_offset % METADATA_BLOCK_SIZE == 0);
    assert(log->batch_size % METADATA_BLOCK_SIZE == 0);
    completion_init(&log->append_request.completion, append_written);
    op_expect(&log->append_op);
    io_write_durable(log->io, &log->append_request, log->handle, log->batch, log->batch_size,
                     log->write_offset);
    return OP_WAIT;
}

/* Acknowledged in the order of the log and only here: the write and its sync have both come back.
 */
static enum op_progress append_land(struct metadata_log *log)
{
    free(log->batch);
    log->batch = NULL;
    if (log->append_op.error != 0) {
        metadata_log_fail(log, "append", log->append_op.error);
        land_all(log, &log->writing, log->append_op.error);
    } else {
        struct metadata_file *file = &log->files[log->file_count - 1];
        assert(file->last_index == log->stored_index);
        assert(!list_is_empty(&log->writing));
        log->stored_index += log->batch_entry_count;
        file->last_index = log->stored_index;
        log->write_offset += log->batch_size;
        log->grown_bytes += log->batch_size;
        land_all(log, &log->writing, 0);
    }
    log->has_asked_room = false;
    op_move(&log->append_op, APPEND_TAKE);
    return OP_AGAIN;
}

static enum op_progress append_step(struct op *op)
{
    struct metadata_log *log = container_of(op, struct metadata_log, append_op);
    switch (op->stage) {
    case APPEND_BEGIN: op_move(op, APPEND_TAKE); return OP_AGAIN;
    case APPEND_TAKE: return append_take(log);
    case APPEND_READY: return append_ready(log);
    case APPEND_PAUSE: return append_pause(log);
    case APPEND_WRITE: return append_write(log);
    case APPEND_LAND: return append_land(log);
    case APPEND_END:
        assert(list_is_empty(&log->queue));
        log->is_appending = false;
        log->has_asked_room = false;
        metadata_log_close_when_idle(log);
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind append_kind = {"metadata-append", append_step, append_stages};

static void begin_appending(struct metadata_log *log)
{
    if (log->is_appending)
        return;
    log->is_appending = true;
    op_start(&log->append_op, &append_kind, io_ops(log->io));
}

void metadata_log_append(struct metadata_log *log, struct metadata_append *append)
{
    assert(append->entries != NULL);
    assert(append->completion.landed != NULL);
    assert(append->entry_count > 0);
    assert(log->closed == NULL);
    assert(log->next_index > log->stored_index);
    log->next_index += append->entry_count;
    list_node_init(&append->node);
    list_push_back(&log->queue, &append->node);
    begin_appending(log);
}

bool metadata_log_is_short(struct metadata_log *log)
{
    if (!log->is_short || log->closed != NULL)
        return false;
    begin_appending(log);
    return true;
}

/* --- Closing ---------------------------------------------------------------------------------- */

enum { CLOSE_MARK, CLOSE_FILE, CLOSE_DONE };

static const struct op_stage close_stages[] = {
    [CLOSE_MARK] = {"mark", 0},
    [CLOSE_FILE] = {"file", AFTER(CLOSE_MARK)},
    [CLOSE_DONE] = {"done", AFTER(CLOSE_FILE)},
};

static void close_marked(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct metadata_log, state_saved)->close_op, result);
}

static void close_closed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    op_landed(&container_of(request, struct metadata_log, close_request)->close_op, result);
}

/* Says where the log ends, so that what is missing next time is known to be damage. Not after a
 * failure: what is on disk is not known then. */
static enum op_progress close_mark(struct metadata_log *log)
{
    assert(!log->is_appending);
    assert(!log->is_saving_snapshot);
    assert(list_is_empty(&log->queue));
    op_move(&log->close_op, CLOSE_FILE);
    if (log->failed != STATUS_OK || log->state.stored_index == log->stored_index)
        return OP_AGAIN;
    assert(log->next_index == log->stored_index + 1);
    log->state.stored_index = log->stored_index;
    metadata_state_encode(&log->state, log->state_bytes);
    completion_init(&log->state_saved, close_marked);
    op_expect(&log->close_op);
    file_save_start(&log->state_save, log->io, log->directory, "state",
                    bytes_of(log->state_bytes, sizeof log->state_bytes), &log->state_saved);
    return OP_WAIT;
}

/* The file was synced with its last batch, so closing it can lose nothing. */
static enum op_progress close_file(struct metadata_log *log)
{
    assert(!log->is_appending);
    assert(!log->is_saving_snapshot);
    op_move(&log->close_op, CLOSE_DONE);
    if (log->handle < 0)
        return OP_AGAIN;
    completion_init(&log->close_request.completion, close_closed);
    op_expect(&log->close_op);
    io_close(log->io, &log->close_request, log->handle);
    log->handle = -1;
    return OP_WAIT;
}

static enum op_progress close_step(struct op *op)
{
    struct metadata_log *log = container_of(op, struct metadata_log, close_op);
    switch (op->stage) {
    case CLOSE_MARK: return close_mark(log);
    case CLOSE_FILE: return close_file(log);
    case CLOSE_DONE: io_land(log->io, log->closed, op->error); return OP_DONE;
    }
    unreachable();
}

static const struct op_kind close_kind = {"metadata-close", close_step, close_stages};

void metadata_log_close_when_idle(struct metadata_log *log)
{
    assert(log->is_appending || list_is_empty(&log->queue));
    if (log->closed != NULL && !log->is_appending && !log->is_saving_snapshot)
        op_start(&log->close_op, &close_kind, io_ops(log->io));
}

void metadata_log_close(struct metadata_log *log, struct completion *closed)
{
    assert(closed->landed != NULL);
    assert(log->closed == NULL);
    log->closed = closed;
    if (timer_is_running(&log->patience)) {
        io_timer_cancel(log->io, &log->patience);
        io_timer_start(log->io, &log->patience, io_now_ns(log->io));
    }
    metadata_log_close_when_idle(log);
}

/* Also for a world that ended in the middle: nothing is waited for, and what is open belongs to a
 * node that is no more. */
void metadata_log_destroy(struct metadata_log *log)
{
    if (log == NULL)
        return;
    io_timer_cancel(log->io, &log->patience);
    free(log->files);
    free(log->batch);
    free(log->snapshot_bytes);
    free(log->roll.block);
    free(log);
}
