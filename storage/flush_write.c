/* What goes into the open file: rounds of frames, and the syncs behind them. A round and a sync may
 * be under way together (flush.h). */
#include "storage/flush_parts.h"

#include "base/assert.h"
#include "storage/backlog.h"
#include "storage/flush_turn.h"
#include "storage/groundwork.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

static void turn_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, turn)->op, result);
}

enum op_progress flush_let_gather(struct flush *flush)
{
    completion_init(&flush->turn, turn_landed);
    op_expect(&flush->op);
    io_land(flush->store->io, &flush->turn, STATUS_OK);
    return flush_wait_in(flush, FLUSH_PICK);
}

static enum op_progress ask_turn(struct flush *flush)
{
    completion_init(&flush->turn, turn_landed);
    op_expect(&flush->op);
    flush_await_turn(flush);
    return flush_wait_in(flush, FLUSH_TURN);
}

static void round_landed(struct completion *completion, int32_t result)
{
    struct flush *flush = container_of(completion, struct flush, round.request.completion);
    assert(flush->op.stage == FLUSH_WATCH);
    flush->round.has_landed = true;
    op_landed(&flush->op, result);
}

enum op_progress flush_ask_write(struct flush *flush)
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

enum op_progress flush_ask_sync(struct flush *flush)
{
    if (flush->log->write_handle < 0)
        return flush_ask_open(flush, flush->log->write_segment);
    completion_init(&flush->sync.request.completion, sync_landed);
    log_sync_begin(&flush->sync, flush->log);
    return OP_AGAIN;
}

bool flush_is_busy(const struct flush *flush)
{
    return flush->round.is_under_way || flush->sync.is_under_way || flush->is_noticed;
}

enum op_progress flush_watch(struct flush *flush)
{
    assert(flush_is_busy(flush));
    op_expect(&flush->op);
    return flush_wait_in(flush, FLUSH_WATCH);
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

enum op_progress flush_watched(struct flush *flush)
{
    if (flush->round.has_landed)
        take_in_round(flush);
    if (flush->sync.has_landed)
        take_in_sync(flush);
    return flush_back_to_pick(flush);
}
