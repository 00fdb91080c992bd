/* The writing of a log as one operation that asks itself again and again what comes next. Deciding
 * anew after every landing keeps the order of duties in one place (flush_pick), whatever has been
 * sealed, asked for or deleted meanwhile. */
#include "storage/flush.h"

#include "base/assert.h"
#include "storage/backlog.h"
#include "storage/flush_turn.h"
#include "storage/groundwork.h"
#include "storage/index.h"
#include "storage/linger.h"
#include "storage/log_delete.h"
#include "storage/log_retire.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

enum { ALLOCATE_STEP_MIN = 64 * 1024, ALLOCATE_STEP_MAX = 16 * 1024 * 1024 };

/* PICK looks at the log and asks for the one thing that comes next, until nothing more may begin;
 * each other stage takes in what has landed and goes back to PICK. A round and a sync may be under
 * way together, and WATCH waits for either; everything else is done while nothing else is. */
enum flush_stage {
    FLUSH_START,
    FLUSH_PICK,
    FLUSH_PLACED,
    FLUSH_RECYCLED,
    FLUSH_OPENED,
    FLUSH_NAMED,
    FLUSH_ALLOCATED,
    FLUSH_TURN,
    FLUSH_WATCH,
    FLUSH_CUT,
    FLUSH_CLOSED,
    FLUSH_END
};

enum {
    AFTER_ANY_LANDED = AFTER(FLUSH_PLACED) | AFTER(FLUSH_RECYCLED) | AFTER(FLUSH_OPENED) |
                       AFTER(FLUSH_NAMED) | AFTER(FLUSH_ALLOCATED) | AFTER(FLUSH_TURN) |
                       AFTER(FLUSH_WATCH) | AFTER(FLUSH_CUT) | AFTER(FLUSH_CLOSED)
};

static const struct op_stage flush_stages[] = {
    [FLUSH_START] = {"start", 0},
    [FLUSH_PICK] = {"pick", AFTER(FLUSH_START) | AFTER_ANY_LANDED},
    [FLUSH_PLACED] = {"placed", AFTER(FLUSH_PICK)},
    [FLUSH_RECYCLED] = {"recycled", AFTER(FLUSH_PICK) | AFTER(FLUSH_PLACED)},
    [FLUSH_OPENED] = {"opened", AFTER(FLUSH_PICK) | AFTER(FLUSH_PLACED) | AFTER(FLUSH_RECYCLED)},
    [FLUSH_NAMED] = {"named", AFTER(FLUSH_OPENED)},
    [FLUSH_ALLOCATED] = {"allocated", AFTER(FLUSH_PICK)},
    [FLUSH_TURN] = {"turn", AFTER(FLUSH_PICK)},
    [FLUSH_WATCH] = {"watch", AFTER(FLUSH_PICK)},
    [FLUSH_CUT] = {"cut", AFTER(FLUSH_PICK)},
    [FLUSH_CLOSED] = {"closed", AFTER(FLUSH_PICK)},
    [FLUSH_END] = {"end", AFTER(FLUSH_PICK)},
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, request.completion)->op, result);
}

static struct io_request *expect(struct flush *flush)
{
    completion_init(&flush->request.completion, request_landed);
    op_expect(&flush->op);
    return &flush->request;
}

static enum op_progress wait_in(struct flush *flush, enum flush_stage stage)
{
    op_move(&flush->op, stage);
    return OP_WAIT;
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void turn_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, turn)->op, result);
}

/* Nothing begins in the middle of an append: what else has arrived with it, on this connection or
 * another, is a round with it. */
static enum op_progress let_gather(struct flush *flush)
{
    completion_init(&flush->turn, turn_landed);
    op_expect(&flush->op);
    io_land(flush->store->io, &flush->turn, STATUS_OK);
    return wait_in(flush, FLUSH_PICK);
}

static enum op_progress ask_turn(struct flush *flush)
{
    completion_init(&flush->turn, turn_landed);
    op_expect(&flush->op);
    flush_await_turn(flush);
    return wait_in(flush, FLUSH_TURN);
}

static void directory_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, placed)->op, result);
}

static enum op_progress ask_directory(struct flush *flush)
{
    completion_init(&flush->placed, directory_landed);
    op_expect(&flush->op);
    log_directory_start(&flush->directory, flush->store->io, flush->store->directory,
                        &flush->log->id, &flush->placed);
    return wait_in(flush, FLUSH_PLACED);
}

/* What lies there under the name of a segment that does not exist, no state lists: it goes. */
static enum op_progress open_file(struct flush *flush)
{
    struct log *log = flush->log;
    const struct segment *segment = log->write_segment;
    uint32_t flags = IO_OPEN_CREATE | IO_OPEN_DIRECT | (segment->exists ? 0 : IO_OPEN_TRUNCATE);
    path_segment(log->directory, segment->base_offset, segment->generation, flush->path);
    io_open(flush->store->io, expect(flush), flush->path, flags);
    return wait_in(flush, FLUSH_OPENED);
}

static void recycled_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, recycled)->op, result);
}

/* A new segment gets the file of an old one, if there is one for it. */
static enum op_progress ask_file(struct flush *flush)
{
    struct log *log = flush->log;
    completion_init(&flush->recycled, recycled_landed);
    if (log->write_segment->exists ||
        !recycle_start(&flush->recycle, log, log->write_segment, &flush->recycled))
        return open_file(flush);
    op_expect(&flush->op);
    return wait_in(flush, FLUSH_RECYCLED);
}

/* A log gets its directory with its first segment. */
static enum op_progress ask_open(struct flush *flush, struct segment *segment)
{
    struct log *log = flush->log;
    assert(log->write_handle < 0);
    segment_retain(segment); /* before the release: it may be the same */
    segment_release(log->write_segment);
    log->write_segment = segment;
    return log->has_directory ? ask_file(flush) : ask_directory(flush);
}

/* Where there is little left, no more than is needed now. */
static uint64_t allocation_step(const struct store *store, const struct segment *segment,
                                uint64_t needed_bytes)
{
    uint64_t step = segment->allocated_bytes;
    if (store->is_full)
        return needed_bytes - segment->allocated_bytes;
    if (step < ALLOCATE_STEP_MIN)
        step = ALLOCATE_STEP_MIN;
    if (step > ALLOCATE_STEP_MAX)
        step = ALLOCATE_STEP_MAX;
    if (segment->allocated_bytes + step < needed_bytes)
        step = needed_bytes - segment->allocated_bytes;
    return step;
}

static enum op_progress ask_allocate(struct flush *flush, struct segment *segment,
                                     uint64_t needed_bytes)
{
    assert(needed_bytes > segment->allocated_bytes);
    flush->step_bytes = allocation_step(flush->store, segment, needed_bytes);
    assert(segment->allocated_bytes + flush->step_bytes >= needed_bytes);
    io_allocate(flush->store->io, expect(flush), flush->log->write_handle, segment->allocated_bytes,
                flush->step_bytes);
    return wait_in(flush, FLUSH_ALLOCATED);
}

static void round_landed(struct completion *completion, int32_t result)
{
    struct flush *flush = container_of(completion, struct flush, round.request.completion);
    assert(flush->op.stage == FLUSH_WATCH);
    flush->round.has_landed = true;
    op_landed(&flush->op, result);
}

static enum op_progress ask_write(struct flush *flush)
{
    struct log *log = flush->log;
    round_gather(&flush->round, log);
    if (flush->round.has_direct && log->loose == NULL && !flush_take_turn(flush))
        return ask_turn(flush);
    completion_init(&flush->round.request.completion, round_landed);
    round_write(&flush->round, log);
    return OP_AGAIN;
}

static void sync_landed(struct completion *completion, int32_t result)
{
    struct flush *flush = container_of(completion, struct flush, sync.request.completion);
    assert(flush->op.stage == FLUSH_WATCH);
    flush->sync.has_landed = true;
    op_landed(&flush->op, result);
}

static enum op_progress ask_sync(struct flush *flush)
{
    if (flush->log->write_handle < 0)
        return ask_open(flush, flush->log->write_segment);
    completion_init(&flush->sync.request.completion, sync_landed);
    log_sync_begin(&flush->sync, flush->log);
    return OP_AGAIN;
}

static bool is_busy(const struct flush *flush)
{
    return flush->round.is_under_way || flush->sync.is_under_way || flush->is_noticed;
}

/* For whatever lands first. */
static enum op_progress watch(struct flush *flush)
{
    assert(is_busy(flush));
    op_expect(&flush->op);
    return wait_in(flush, FLUSH_WATCH);
}

static enum op_progress ask_close(struct flush *flush)
{
    int32_t handle = flush->log->write_handle;
    assert(handle >= 0);
    assert(flush->store->open_file_count > 0);
    flush->log->write_handle = -1;
    flush->store->open_file_count--;
    io_close(flush->store->io, expect(flush), handle);
    return wait_in(flush, FLUSH_CLOSED);
}

/* What another segment has left behind the last frame of this one. */
static enum op_progress ask_cut(struct flush *flush)
{
    struct log *log = flush->log;
    if (log->write_handle < 0)
        return ask_open(flush, log->write_segment);
    completion_init(&flush->recycled, recycled_landed);
    op_expect(&flush->op);
    recycle_cut_start(&flush->cut, log, &flush->recycled);
    return wait_in(flush, FLUSH_CUT);
}

/* --- Picking ---------------------------------------------------------------------------------- */

/* There is something to write whose time has come. */
static bool has_writable(const struct log *log)
{
    return linger_has_due(log) && log_may_write(log, log->unwritten) && !groundwork_is_awaited(log);
}

/* Beside a sync goes what needs nothing else done first, and keeps no other log waiting. And not a
 * little: a sync is needed for it as well, and those who are about to be answered tend to ask again
 * and come along. */
static bool goes_beside_sync(const struct flush *flush, const struct memory_frame *frame)
{
    const struct log *log = flush->log;
    const struct segment *segment = frame->segment;
    return segment == log->write_segment &&
           segment->size_bytes - frame->position >= flush->store->options.beside_size_bytes &&
           memory_frame_end(frame) <= segment->allocated_bytes &&
           (log->loose != NULL || (flush->has_turn && list_is_empty(&flush->store->round_turns)));
}

static bool may_write(const struct flush *flush)
{
    const struct log *log = flush->log;
    return !flush->round.is_under_way && has_writable(log) &&
           (!flush->sync.is_under_way || goes_beside_sync(flush, log->unwritten));
}

/* Who waits for a large batch waits for its sync. Others want all that there is synced at once. */
static bool should_sync(const struct flush *flush)
{
    const struct log *log = flush->log;
    if (flush->sync.is_under_way || !log_has_unsynced(log))
        return false;
    bool snapshot_waits = log->snapshot != NULL && !log->snapshot->is_put;
    return log_has_written_direct(log) || (!flush->round.is_under_way && !has_writable(log) &&
                                           (log->wants_sync || snapshot_waits));
}

static enum op_progress pick_write(struct flush *flush, struct memory_frame *frame)
{
    struct log *log = flush->log;
    if (frame->segment != log->write_segment) {
        if (log_has_unsynced(log))
            return ask_sync(flush);
        if (recycle_leaves_rest(log))
            return ask_cut(flush);
        if (log->write_handle >= 0)
            return ask_close(flush);
        return ask_open(flush, frame->segment);
    }
    if (log->write_handle < 0)
        return ask_open(flush, frame->segment);
    if (memory_frame_end(frame) > frame->segment->allocated_bytes)
        return ask_allocate(flush, frame->segment, memory_frame_end(frame));
    return ask_write(flush);
}

/* The segment may have to be synced later: that opens it again. Not while more for it lingers: with
 * the closing its index may be put away, as of what is whole. */
static bool should_close(const struct store *store, const struct log *log)
{
    if (list_node_is_linked(&log->linger_node))
        return false;
    return log->wants_close || store->open_file_count > store->options.open_files_max;
}

static enum op_progress flush_pick(struct flush *flush)
{
    struct log *log = flush->log;
    bool may_go_on =
        flush->store->failure == STATUS_OK && log->deletion == NULL && flush->op.error == 0;
    if (may_go_on && should_sync(flush))
        return ask_sync(flush);
    if (may_go_on && may_write(flush))
        return pick_write(flush, log->unwritten);
    if (is_busy(flush))
        return watch(flush);
    if (may_go_on && recycle_leaves_rest(log))
        return ask_cut(flush);
    if (may_go_on && log->write_handle >= 0 && should_close(flush->store, log))
        return ask_close(flush);
    if (log->unwritten == NULL && !log_has_unsynced(log))
        log->wants_sync = false;
    op_move(&flush->op, FLUSH_END);
    return OP_AGAIN;
}

/* --- Taking in -------------------------------------------------------------------------------- */

static enum op_progress back_to_pick(struct flush *flush)
{
    op_move(&flush->op, FLUSH_PICK);
    return OP_AGAIN;
}

static void note_shortage(struct flush *flush)
{
    flush->is_short_of_space =
        flush->op.error == STATUS_NO_SPACE || flush->op.error == STATUS_NO_FILES;
}

static enum op_progress flush_placed(struct flush *flush)
{
    note_shortage(flush);
    if (flush->op.error != 0)
        return back_to_pick(flush);
    flush->log->has_directory = true;
    return ask_file(flush);
}

static enum op_progress flush_recycled(struct flush *flush)
{
    if (flush->op.error != 0)
        return back_to_pick(flush);
    if (flush->log->write_segment->exists)
        log_retire_rolled(flush->log);
    return open_file(flush);
}

static enum op_progress flush_opened(struct flush *flush)
{
    struct log *log = flush->log;
    struct segment *segment = log->write_segment;
    if (flush->op.error != 0) {
        note_shortage(flush);
        return back_to_pick(flush);
    }
    log->write_handle = flush->request.completion.result;
    flush->store->open_file_count++;
    if (segment->exists)
        return back_to_pick(flush);
    path_copy(log->directory, flush->path);
    io_sync_directory(flush->store->io, expect(flush), flush->path);
    return wait_in(flush, FLUSH_NAMED);
}

static enum op_progress flush_named(struct flush *flush)
{
    if (flush->op.error != 0)
        return back_to_pick(flush);
    flush->log->write_segment->exists = true;
    log_retire_rolled(flush->log);
    return back_to_pick(flush);
}

static enum op_progress flush_allocated(struct flush *flush)
{
    note_shortage(flush);
    if (flush->op.error != 0)
        return back_to_pick(flush);
    flush->log->write_segment->allocated_bytes += flush->step_bytes;
    room_note_allocated(&flush->store->room, flush->step_bytes);
    return back_to_pick(flush);
}

static void take_in_round(struct flush *flush)
{
    if (!round_take_in(&flush->round, flush->log))
        return;
    backlog_relieve(flush->store);
    if (flush->round.has_direct)
        groundwork_consider(flush->log, round_bytes(&flush->round));
    store_trim_caches(flush->store);
}

static void take_in_sync(struct flush *flush)
{
    if (log_sync_take_in(&flush->sync, flush->log))
        store_trim_caches(flush->store);
    flush_note_turn_used(flush);
}

static enum op_progress flush_watched(struct flush *flush)
{
    if (flush->round.has_landed)
        take_in_round(flush);
    if (flush->sync.has_landed)
        take_in_sync(flush);
    return back_to_pick(flush);
}

static enum op_progress flush_closed(struct flush *flush)
{
    struct log *log = flush->log;
    struct segment *segment = log->write_segment;
    if (flush->op.error == 0 && (log->wants_close || segment != log_active_segment(log)))
        index_put_away(log, segment);
    if (flush->op.error == 0)
        log_touch_aborted(log, segment);
    log->wants_close = false;
    return back_to_pick(flush);
}

/* A lack of space or of handles found while reserving them is the one error that may pass: what is
 * sealed waits in memory, and small batches are in the journal. Every other error is final. */
static enum op_progress flush_end(struct flush *flush)
{
    struct log *log = flush->log;
    struct store *store = flush->store;
    assert(log->flush == flush);
    assert(!is_busy(flush));
    flush_give_turn(
        flush); /* it may have come for nothing: the log goes away, or the store has failed */
    flush->log = NULL;
    log->flush = NULL;
    if (flush->is_short_of_space)
        room_ran_short(&store->room);
    else if (flush->op.error != 0)
        store_fail(store, (enum status)flush->op.error);
    log_delete_progressed(log);
    log_retire_progressed(log);
    store_flush_ended(store, flush);
    return OP_DONE;
}

static enum op_progress flush_step(struct op *op)
{
    struct flush *flush = container_of(op, struct flush, op);
    switch ((enum flush_stage)op->stage) {
    case FLUSH_START: return let_gather(flush);
    case FLUSH_PICK: return flush_pick(flush);
    case FLUSH_PLACED: return flush_placed(flush);
    case FLUSH_RECYCLED: return flush_recycled(flush);
    case FLUSH_OPENED: return flush_opened(flush);
    case FLUSH_NAMED: return flush_named(flush);
    case FLUSH_ALLOCATED: return flush_allocated(flush);
    case FLUSH_TURN: return back_to_pick(flush);
    case FLUSH_WATCH: return flush_watched(flush);
    case FLUSH_CUT: return back_to_pick(flush);
    case FLUSH_CLOSED: return flush_closed(flush);
    case FLUSH_END: return flush_end(flush);
    }
    unreachable();
}

static const struct op_kind flush_kind = {"flush", flush_step, flush_stages};

void flush_start(struct flush *flush, struct log *log)
{
    assert(flush->log == NULL);
    assert(log->flush == NULL);
    flush->log = log;
    flush->is_short_of_space = false;
    log->flush = flush;
    op_start(&flush->op, &flush_kind, io_ops(flush->store->io));
}

static void notice_landed(struct completion *completion, int32_t result)
{
    struct flush *flush = container_of(completion, struct flush, notice);
    flush->is_noticed = false;
    if (flush->log != NULL && flush->op.stage == FLUSH_WATCH)
        op_landed(&flush->op, result);
}

/* Only beside a sync may a round begin before what is under way has landed. */
void flush_notice(struct flush *flush)
{
    assert(flush->log != NULL);
    if (flush->op.stage != FLUSH_WATCH || flush->round.is_under_way || flush->is_noticed)
        return;
    flush->is_noticed = true;
    completion_init(&flush->notice, notice_landed);
    io_land(flush->store->io, &flush->notice, STATUS_OK);
}
