/* The writing of a log as one operation that asks itself again and again what comes next. Deciding
 * anew after every landing keeps the order of duties in one place (flush_pick), whatever has been
 * sealed, asked for or deleted meanwhile. */
#include "storage/flush.h"

#include "base/assert.h"
#include "storage/flush_parts.h"
#include "storage/flush_turn.h"
#include "storage/log_delete.h"
#include "storage/log_retire.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

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

/* A lack of space or of handles found while reserving them is the one error that may pass: what is
 * sealed waits in memory, and small batches are in the journal. Every other error is final. */
static enum op_progress flush_end(struct flush *flush)
{
    struct log *log = flush->log;
    struct store *store = flush->store;
    assert(log->flush == flush);
    assert(!flush_is_busy(flush));
    /* It may have come for nothing: the log goes away, or the store has failed. */
    flush_give_turn(flush);
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
    case FLUSH_START: return flush_let_gather(flush);
    case FLUSH_PICK: return flush_pick(flush);
    case FLUSH_PLACED: return flush_placed(flush);
    case FLUSH_RECYCLED: return flush_recycled(flush);
    case FLUSH_OPENED: return flush_opened(flush);
    case FLUSH_NAMED: return flush_named(flush);
    case FLUSH_ALLOCATED: return flush_allocated(flush);
    case FLUSH_TURN: return flush_back_to_pick(flush);
    case FLUSH_WATCH: return flush_watched(flush);
    case FLUSH_CUT: return flush_back_to_pick(flush);
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
