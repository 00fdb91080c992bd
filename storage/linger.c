#include "storage/linger.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/* What is worth a write of its own: the disk is busy for hardly longer than with a block, and the
 * journal gathers so much without keeping much memory. */
enum { PIECE_BYTES = 256 * 1024 };

static bool may_linger(const struct log *log)
{
    return log->loose != NULL && !log->store->is_stopping &&
           loose_core_may_linger(log->loose, log->durable_offset, log->end_offset);
}

/* Every log has its own time, and the shortest counts for all. */
static void watch(struct log *log)
{
    struct store *store = log->store;
    uint64_t due_ns = io_now_ns(store->io) + loose_core_linger_ns(log->loose);
    if (timer_is_running(&store->lingering) && store->lingering.deadline <= due_ns)
        return;
    io_timer_cancel(store->io, &store->lingering);
    io_timer_start(store->io, &store->lingering, due_ns);
}

/* Where commits are small, one that is full must not hold up appends. */
static uint64_t journal_piece_bytes(const struct journal *journal)
{
    uint32_t half = journal->commit_size_max / 2;
    return half < PIECE_BYTES ? half : PIECE_BYTES;
}

void linger_in_journal(struct log *log)
{
    struct journal *journal = &log->store->journal;
    if (may_linger(log) && journal_waiting_bytes(journal) < journal_piece_bytes(journal))
        watch(log);
    else
        journal_kick(journal);
}

void linger_end_of(struct log *log)
{
    if (journal_is_lingering(&log->store->journal))
        journal_kick(&log->store->journal);
}

bool linger_is_any(const struct store *store)
{
    return journal_is_lingering(&store->journal);
}

void linger_end(struct store *store)
{
    io_timer_cancel(store->io, &store->lingering);
    if (journal_is_lingering(&store->journal))
        journal_kick(&store->journal);
}

static void lingering_fired(struct timer *timer)
{
    linger_end(container_of(timer, struct store, lingering));
}

void linger_init(struct store *store)
{
    timer_init(&store->lingering, lingering_fired);
}

void linger_stop(struct store *store)
{
    io_timer_cancel(store->io, &store->lingering);
}
