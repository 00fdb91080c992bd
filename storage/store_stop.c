/* An orderly stop: every tail to its segment, every log's state recorded, and last of all the mark
 * that says so. Until that mark is durable, the next start recovers as after a crash. */
#include "base/assert.h"
#include "storage/cold_file.h"
#include "storage/compaction.h"
#include "storage/epoch_file.h"
#include "storage/index.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/paged.h"
#include "storage/replace.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"

#include <stdatomic.h>
#include <stdlib.h>

/*   DRAIN ──▶ MARK ──▶ CLOSE (each file) ──▶ END
 *     └── failed, or could not record everything ──▲      */
enum stop_stage { STOP_DRAIN, STOP_MARK, STOP_CLOSE, STOP_END };

static const struct op_stage stop_stages[] = {
    [STOP_DRAIN] = {"drain", 0},
    [STOP_MARK] = {"mark", AFTER(STOP_DRAIN)},
    [STOP_CLOSE] = {"close", AFTER(STOP_DRAIN) | AFTER(STOP_MARK) | AFTER(STOP_CLOSE)},
    [STOP_END] = {"end", AFTER(STOP_CLOSE)},
};

struct store_stop {
    struct op op;
    struct store *store;
    struct completion *done;
    struct completion progress;
    bool progress_is_pending;
    bool has_asked;    /* every log to be recorded, once; from then on, the one that holds it up */
    bool has_put_away; /* the indexes, once all is recorded */
    struct list_node *unclosed; /* the log whose files are closed next */
    struct io_request request;
    struct replace replace;
    struct completion replaced;
    enum status status;
    char path[PATH_SIZE];
    uint8_t content[CLEAN_SIZE_MAX];
};

void store_expect_stop(struct store *store)
{
    if (!journal_has_waiting(&store->journal))
        journal_abandon_file(&store->journal);
}

static bool log_is_recorded(const struct log *log)
{
    return log->recorded_offset == log->end_offset && !log_wants_record(log);
}

static bool writing_goes_on(const struct store *store)
{
    return store->failure == STATUS_OK && store->room.level != ROOM_DRY;
}

/* Nothing of this log is in flight, and what can be recorded is. What a failed or full disk did not
 * take stays where it is. */
static bool log_is_settled(const struct log *log)
{
    bool is_done = log_is_recorded(log) && !recycle_leaves_rest(log);
    return log->flush == NULL && log->busy_count == 0 && !log->advance_is_pending &&
           (is_done || !writing_goes_on(log->store));
}

/* Nothing of this store, besides its logs, is in flight. Commits that wait for a file of the ring
 * on a full disk would wait for ever. */
static bool is_quiet(struct store *store)
{
    paged_drop_all(store);
    return !store->checkpoint.begin_is_pending && !store->relief_is_pending &&
           !store->retention.turn_is_pending && graveyard_is_quiet(&store->graveyard) &&
           room_is_quiet(&store->room) && !store->has_strays && store->overdue == NULL &&
           list_is_empty(&store->openings) && catalog_is_idle(&store->catalog) &&
           list_is_empty(&store->deletions) && cold_files_close(store) &&
           (journal_is_idle(&store->journal) || !writing_goes_on(store)) &&
           journal_is_still(&store->journal);
}

static void progress_landed(struct completion *completion, int32_t result)
{
    struct store_stop *stop = container_of(completion, struct store_stop, progress);
    assert(stop->progress_is_pending);
    stop->progress_is_pending = false;
    op_landed(&stop->op, result);
}

void store_progressed(struct store *store)
{
    struct store_stop *stop = store->stop;
    if (stop == NULL || stop->progress_is_pending || stop->op.stage != STOP_DRAIN)
        return;
    stop->progress_is_pending = true;
    completion_init(&stop->progress, progress_landed);
    io_land(store->io, &stop->progress, STATUS_OK);
}

/* On a disk that stays full nothing is recorded any more: whoever waits for that, as retention and
 * compaction do while they use the log, would hold up the stop for ever. */
static void end_wait_for_room(struct log *log)
{
    bool is_under_way = log->snapshot != NULL && log->snapshot->is_put;
    if (log->store->room.level == ROOM_DRY && !is_under_way)
        log_land_records(log, STATUS_NO_SPACE);
}

/* Asks again; appends have been refused since the stop began. */
static void ask_for_record(struct log *log)
{
    end_wait_for_room(log);
    if (recycle_leaves_rest(log))
        store_want_flush(log->store, log, false);
    if (log_is_recorded(log) || log->flush != NULL || log->deletion != NULL ||
        !writing_goes_on(log->store))
        return;
    if (log_wants_record(log))
        log_pursue_record(log);
    else
        log_want_record(log);
}

static void ask_for_records(struct store *store)
{
    struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        ask_for_record(log);
    }
}

/* Something has happened, perhaps to one log of a hundred thousand. The first that is not settled
 * holds up the stop, so nobody else need be looked at before it is; the settled ones go behind all
 * others, and are looked at once more when none is left before them. */
static bool logs_are_settled(struct store *store)
{
    struct list_node *last = list_last(&store->logs);
    struct list_node *node;
    while ((node = list_first(&store->logs)) != NULL) {
        struct log *log = container_of(node, struct log, node);
        ask_for_record(log);
        if (!log_is_settled(log))
            return false;
        list_remove(node);
        list_push_back(&store->logs, node);
        if (node == last)
            return true;
    }
    return true;
}

static bool everything_is_recorded(const struct store *store)
{
    const struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        if (!log_is_recorded(log))
            return false;
    }
    return true;
}

/* Appends that will not become durable any more are told so; each lands exactly once. */
static void give_up(struct store_stop *stop)
{
    struct store *store = stop->store;
    struct log *log;
    stop->status = store->failure != STATUS_OK ? STATUS_FAILED : STATUS_NO_SPACE;
    list_for_each_entry (log, &store->logs, node) {
        log_land_appends(log, stop->status);
        log_land_records(log, stop->status);
    }
}

/* A smaller segment's index is made anew in less time than it takes to notice. */
static bool is_worth_putting_away(const struct segment *segment)
{
    return segment->indexed_from == 0 && segment->size_bytes >= SNAPSHOT_INTERVAL;
}

/* Or the first reader of old records in the next life would wait until all of the segment that was
 * appended to last has been read. What is not whole in memory is left to him all the same: it would
 * have to be read now, and whoever stops a broker waits, too. */
static void put_indexes_away(struct store_stop *stop)
{
    struct log *log;
    stop->has_put_away = true;
    if (!writing_goes_on(stop->store))
        return;
    list_for_each_entry (log, &stop->store->logs, node) {
        struct segment *segment = log_active_segment(log);
        if (segment != NULL && is_worth_putting_away(segment))
            index_put_away(log, segment);
    }
}

static enum op_progress stop_drain(struct store_stop *stop)
{
    struct store *store = stop->store;
    if (!stop->has_asked)
        ask_for_records(store);
    stop->has_asked = true;
    store_expect_stop(store);
    bool has_settled = logs_are_settled(store);
    if (is_quiet(store) && has_settled && !stop->has_put_away) {
        put_indexes_away(stop);
        has_settled = logs_are_settled(store);
    }
    if (!is_quiet(store) || !has_settled) {
        op_expect(&stop->op);
        return OP_WAIT;
    }
    stop->unclosed = store->logs.head.next;
    if (store->failure != STATUS_OK || !everything_is_recorded(store)) {
        give_up(stop);
        op_move(&stop->op, STOP_CLOSE);
        return OP_AGAIN;
    }
    op_move(&stop->op, STOP_MARK);
    return OP_AGAIN;
}

static void replaced_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct store_stop, replaced)->op, result);
}

/* Every log that there was has been looked through in this life, or needed not to be; and every
 * file that this life took out of a log's list, or made without listing it in the end, has been
 * removed for sure. The counting errs to one side: what ends in any unusual way stays counted, and
 * the next start looks for it. The mark counts only if it is durable, and then nothing was done
 * after it: its run has ended. If it is not, the next start recovers as after a crash, and believes
 * nothing to be swept. Another core may still be opening logs when this one asks, but those are
 * then unswept there, or it cannot have got this far. */
static bool is_swept(const struct store *store)
{
    const struct store_states *states = store->states;
    bool all_opened = atomic_load(&states->open_count) == states->count;
    return store->unlisted_count == 0 && list_is_empty(&store->unswept) &&
           store->leftovers == NULL && (states->is_swept || all_opened);
}

static enum op_progress stop_mark(struct store_stop *stop)
{
    struct store *store = stop->store;
    assert(store->failure == STATUS_OK);
    assert(journal_is_still(&store->journal));
    assert(everything_is_recorded(store));
    uint32_t size = epoch_file_encode_clean(store->journal.epoch, is_swept(store), stop->content);
    path_clean(store->directory, io_core_index(store->io), stop->path);
    completion_init(&stop->replaced, replaced_landed);
    op_expect(&stop->op);
    replace_start(&stop->replace, store->io, stop->path, bytes_of(stop->content, size),
                  &stop->replaced);
    op_move(&stop->op, STOP_CLOSE);
    return OP_WAIT;
}

static int32_t take_log_handle(struct store_stop *stop)
{
    while (stop->unclosed != &stop->store->logs.head) {
        struct log *log = container_of(stop->unclosed, struct log, node);
        int32_t handle = log->write_handle;
        log->write_handle = -1;
        stop->unclosed = stop->unclosed->next;
        if (handle >= 0)
            return handle;
    }
    return -1;
}

/* The next file that is open; -1 when all are closed. */
static int32_t take_open_handle(struct store_stop *stop)
{
    struct store *store = stop->store;
    int32_t log_handle = take_log_handle(stop);
    if (log_handle >= 0)
        return log_handle;
    int32_t catalog_handle = catalog_take_handle(&store->catalog);
    if (catalog_handle >= 0)
        return catalog_handle;
    for (uint32_t i = 0; i < store->journal.file_count; i++) {
        int32_t handle = store->journal.files[i].handle;
        store->journal.files[i].handle = -1;
        if (handle >= 0)
            return handle;
    }
    return -1;
}

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct store_stop, request.completion)->op, result);
}

static enum op_progress stop_close(struct store_stop *stop)
{
    assert(journal_is_still(&stop->store->journal));
    int32_t handle = take_open_handle(stop);
    if (handle < 0) {
        op_move(&stop->op, STOP_END);
        return OP_AGAIN;
    }
    completion_init(&stop->request.completion, request_landed);
    op_expect(&stop->op);
    io_close(stop->store->io, &stop->request, handle);
    op_move(&stop->op, STOP_CLOSE);
    return OP_WAIT;
}

static enum op_progress stop_end(struct store_stop *stop)
{
    if (stop->status == STATUS_OK)
        stop->status = (enum status)stop->op.error;
    io_land(stop->store->io, stop->done, (int32_t)stop->status);
    return OP_DONE;
}

static enum op_progress stop_step(struct op *op)
{
    struct store_stop *stop = container_of(op, struct store_stop, op);
    switch ((enum stop_stage)op->stage) {
    case STOP_DRAIN: return stop_drain(stop);
    case STOP_MARK: return stop_mark(stop);
    case STOP_CLOSE: return stop_close(stop);
    case STOP_END: return stop_end(stop);
    }
    unreachable();
}

static const struct op_kind stop_kind = {"store-stop", stop_step, stop_stages};

void store_stop(struct store *store, struct completion *completion)
{
    assert(store->stop == NULL);
    struct store_stop *stop = calloc(1, sizeof *stop);
    if (stop == NULL) {
        io_land(store->io, completion, STATUS_NO_MEMORY);
        return;
    }
    stop->store = store;
    stop->done = completion;
    store->stop = stop;
    store->is_stopping = true;
    io_timer_cancel(store->io, &store->retry);
    room_stop(&store->room);
    io_timer_cancel(store->io, &store->marking);
    io_timer_cancel(store->io, &store->idling);
    linger_end(store);
    compaction_stop(store);
    retention_stop(store);
    graveyard_close(&store->graveyard);
    catalog_hurry(&store->catalog);
    op_start(&stop->op, &stop_kind, io_ops(store->io));
}
