/* Taking a log away while others may still be using it, so that a power cut at any point leaves
 * either the whole log or nothing that recovery would take for one. */
#include "storage/log_delete.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   START ──▶ QUIET ──▶ CLOSE ──▶ RECORD ──▶ RECORDED ──▶ NAME ──▶ END
 *                                    ▲── no space ──┘
 *
 * QUIET waits until no flush, load or lookup uses the log. Until RECORDED, where the catalog says
 * durably that it is no more, the log may come back after a power cut: so long it stays a log of
 * the store, and checkpoints wait for it, because the journal holds marks that speak of its
 * batches. A cut between that and the directory's new name leaves a directory that recovery
 * renames. The files are removed later, in the background (graveyard.h). */
enum delete_stage {
    DELETE_START,
    DELETE_QUIET,
    DELETE_CLOSE,
    DELETE_RECORD,
    DELETE_RECORDED,
    DELETE_NAME,
    DELETE_END
};

static const struct op_stage delete_stages[] = {
    [DELETE_START] = {"start", 0},
    [DELETE_QUIET] = {"quiet", AFTER(DELETE_START)},
    [DELETE_CLOSE] = {"close", AFTER(DELETE_QUIET)},
    [DELETE_RECORD] = {"record", AFTER(DELETE_CLOSE) | AFTER(DELETE_RECORDED)},
    [DELETE_RECORDED] = {"recorded", AFTER(DELETE_RECORD)},
    [DELETE_NAME] = {"name", AFTER(DELETE_RECORDED)},
    [DELETE_END] = {"end", AFTER(DELETE_RECORDED) | AFTER(DELETE_NAME)},
};

struct log_delete {
    struct op op;
    struct list_node node; /* store->deletions */
    struct io_request request;
    struct completion quiet; /* lands when the log may have become quiet */
    bool quiet_is_pending;
    bool has_directory;
    struct completion removed;
    struct timer patience;
    struct io *io;
    struct log *log;
    struct completion *done; /* NULL: he has been told */
    struct store *store;
    char topic[PATH_SIZE];
    char directory[PATH_SIZE];
    char deleted[PATH_SIZE];
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct log_delete, request.completion)->op, result);
}

static struct io_request *expect(struct log_delete *deletion)
{
    completion_init(&deletion->request.completion, request_landed);
    op_expect(&deletion->op);
    return &deletion->request;
}

static enum op_progress wait_in(struct log_delete *deletion, enum delete_stage stage)
{
    op_move(&deletion->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct log_delete *deletion, enum delete_stage stage)
{
    op_move(&deletion->op, stage);
    return OP_AGAIN;
}

static void quiet_landed(struct completion *completion, int32_t result)
{
    struct log_delete *deletion = container_of(completion, struct log_delete, quiet);
    assert(deletion->quiet_is_pending);
    assert(deletion->op.stage == DELETE_QUIET);
    deletion->quiet_is_pending = false;
    op_landed(&deletion->op, result);
}

void log_delete_progressed(struct log *log)
{
    struct log_delete *deletion = log->deletion;
    if (deletion == NULL || deletion->quiet_is_pending || deletion->op.stage != DELETE_QUIET)
        return;
    deletion->quiet_is_pending = true;
    completion_init(&deletion->quiet, quiet_landed);
    io_land(deletion->io, &deletion->quiet, STATUS_OK);
}

/* Not before the next turn: the caller may be in the middle of something with this log. */
static enum op_progress delete_start(struct log_delete *deletion)
{
    op_expect(&deletion->op);
    op_move(&deletion->op, DELETE_QUIET);
    log_delete_progressed(deletion->log);
    return OP_WAIT;
}

static enum op_progress delete_quiet(struct log_delete *deletion)
{
    struct log *log = deletion->log;
    bool is_recording = log->snapshot != NULL && log->snapshot->is_put;
    if (log->flush != NULL || log->busy_count > 0 || log->advance_is_pending || is_recording) {
        op_expect(&deletion->op);
        return OP_WAIT;
    }
    return move_to(deletion, DELETE_CLOSE);
}

static enum op_progress delete_close(struct log_delete *deletion)
{
    int32_t handle = deletion->log->write_handle;
    deletion->log->write_handle = -1;
    if (handle < 0)
        return move_to(deletion, DELETE_RECORD);
    deletion->store->open_file_count--;
    io_close(deletion->io, expect(deletion), handle);
    return wait_in(deletion, DELETE_RECORD);
}

static void removal_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct log_delete, removed)->op, result);
}

static void tell(struct log_delete *deletion, int32_t result)
{
    if (deletion->done != NULL)
        io_land(deletion->io, deletion->done, result);
    deletion->done = NULL;
}

/* On a full disk nobody is kept waiting: those who wait hold up what comes behind them, which may
 * be the deletion that makes room. */
static enum op_progress delete_record(struct log_delete *deletion)
{
    struct catalog *catalog = &deletion->store->catalog;
    completion_init(&deletion->removed, removal_landed);
    op_expect(&deletion->op);
    if (catalog_is_sparing(catalog))
        tell(deletion, STATUS_NO_SPACE);
    catalog_remove(catalog, &deletion->log->place, &deletion->log->id, &deletion->removed);
    return wait_in(deletion, DELETE_RECORDED);
}

static void patience_is_over(struct timer *timer)
{
    op_landed(&container_of(timer, struct log_delete, patience)->op, STATUS_OK);
}

/* Lack of space passes. A stop does not wait for that: the log stays as it was. */
static bool is_short(const struct log_delete *deletion)
{
    return deletion->op.error == STATUS_NO_SPACE || deletion->op.error == STATUS_NO_MEMORY;
}

static enum op_progress delete_recorded(struct log_delete *deletion)
{
    if (is_short(deletion) && !deletion->store->is_stopping) {
        if (deletion->op.error == STATUS_NO_SPACE)
            tell(deletion, STATUS_NO_SPACE);
        deletion->op.error = STATUS_OK;
        op_expect(&deletion->op);
        io_timer_start(deletion->io, &deletion->patience, io_now_ns(deletion->io) + RETRY_NS);
        return wait_in(deletion, DELETE_RECORD);
    }
    if (deletion->op.error != 0)
        return move_to(deletion, DELETE_END);
    io_rename(deletion->io, expect(deletion), deletion->directory, deletion->deleted);
    return wait_in(deletion, DELETE_NAME);
}

/* A log that never had a segment has no directory. */
static enum op_progress delete_name(struct log_delete *deletion)
{
    deletion->has_directory = deletion->op.error != STATUS_NOT_FOUND;
    if (!deletion->has_directory)
        deletion->op.error = STATUS_OK;
    if (!deletion->has_directory || deletion->op.error != 0)
        return move_to(deletion, DELETE_END);
    io_sync_directory(deletion->io, expect(deletion), deletion->topic);
    return wait_in(deletion, DELETE_END);
}

/* An error here leaves a directory that may or may not come back: it is final, as of every sync. */
static enum op_progress delete_end(struct log_delete *deletion)
{
    struct store *store = deletion->store;
    assert(deletion->log->flush == NULL);
    assert(deletion->log->busy_count == 0);
    assert(list_is_empty(&deletion->log->appends));
    if (deletion->op.error != 0 && !is_short(deletion))
        store_fail(store, (enum status)deletion->op.error);
    else if (deletion->op.error == 0 && deletion->has_directory)
        graveyard_bury_directory(&store->graveyard, deletion->deleted,
                                 deletion->log->config.file_delete_delay_ms);
    checkpoint_forget(store, deletion->log);
    log_destroy(deletion->log);
    tell(deletion, deletion->op.error);
    list_remove(&deletion->node);
    free(deletion);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress delete_step(struct op *op)
{
    struct log_delete *deletion = container_of(op, struct log_delete, op);
    switch ((enum delete_stage)op->stage) {
    case DELETE_START: return delete_start(deletion);
    case DELETE_QUIET: return delete_quiet(deletion);
    case DELETE_CLOSE: return delete_close(deletion);
    case DELETE_RECORD: return delete_record(deletion);
    case DELETE_RECORDED: return delete_recorded(deletion);
    case DELETE_NAME: return delete_name(deletion);
    case DELETE_END: return delete_end(deletion);
    }
    unreachable();
}

static const struct op_kind delete_kind = {"log-delete", delete_step, delete_stages};

void store_delete_log(struct store *store, struct log *log, struct completion *completion)
{
    assert(log->store == store);
    assert(log->deletion == NULL);
    struct log_delete *deletion = calloc(1, sizeof *deletion);
    if (deletion == NULL) {
        io_land(store->io, completion, STATUS_NO_MEMORY);
        return;
    }
    deletion->io = store->io;
    deletion->store = store;
    deletion->log = log;
    deletion->done = completion;
    timer_init(&deletion->patience, patience_is_over);
    path_copy(log->directory, deletion->directory);
    path_parent(deletion->directory, deletion->topic);
    path_deleted(deletion->directory, io_random_u64(store->io), deletion->deleted);

    log->deletion = deletion;
    log->observer = NULL;
    graveyard_forget(&store->graveyard, log);
    list_push_back(&store->deletions, &deletion->node);
    journal_forget(&store->journal, &log->journal_client);
    list_remove(&log->flush_node);
    list_remove(&log->linger_node);
    list_remove(&log->held_node);
    list_remove(&log->mark_node);
    list_remove(&log->unswept_node);
    log_land_appends(log, STATUS_CANCELLED);
    log_land_records(log, STATUS_CANCELLED);
    op_start(&deletion->op, &delete_kind, io_ops(store->io));
}

bool log_is_being_deleted(const struct store *store, const struct log_id *id)
{
    const struct log_delete *deletion;
    list_for_each_entry (deletion, &store->deletions, node) {
        const struct log_id *deleted = &deletion->log->id;
        if (deleted->partition == id->partition && uuid_equal(deleted->topic_id, id->topic_id))
            return true;
    }
    return false;
}

void store_drop_deletions(struct store *store)
{
    struct list_node *node;
    while ((node = list_pop_front(&store->deletions)) != NULL) {
        struct log_delete *deletion = container_of(node, struct log_delete, node);
        io_timer_cancel(deletion->io, &deletion->patience);
        free(deletion);
    }
}
