#include "storage/linger.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

enum {
    /* Of a journal's commit, and of a log's round: the disk is busy for hardly longer than with a
     * block, and what lingers takes little memory. */
    COMMIT_PIECE_BYTES = 256 * 1024,
    ROUND_PIECE_BYTES = ROUND_SIZE_MAX / 2,
    LINGERING_BYTES_MAX = 8 * 1024 * 1024, /* in the rounds of all logs */
};

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
    return half < COMMIT_PIECE_BYTES ? half : COMMIT_PIECE_BYTES;
}

void linger_in_journal(struct log *log)
{
    struct journal *journal = &log->store->journal;
    if (may_linger(log) && journal_waiting_bytes(journal) < journal_piece_bytes(journal))
        watch(log);
    else
        journal_kick(journal);
}

static void linger_end_in_journal(struct store *store)
{
    if (journal_is_lingering(&store->journal))
        journal_kick(&store->journal);
}

void linger_end_of(struct log *log)
{
    linger_end_in_journal(log->store);
    if (list_node_is_linked(&log->linger_node))
        store_want_flush(log->store, log, true);
}

static void note_lingering(struct log *log, uint64_t size_bytes)
{
    log->lingering_bytes += size_bytes;
    log->store->lingering_bytes += size_bytes;
    if (!list_node_is_linked(&log->linger_node))
        list_push_back(&log->store->lingering_logs, &log->linger_node);
    watch(log);
}

/* The frame itself is the last thing in the log. */
bool linger_in_memory(struct log *log, const struct memory_frame *frame)
{
    uint64_t size_bytes = frame_stored_size(frame->payload_size);
    assert(frame->state == FRAME_SEALED);
    assert(frame->next_offset == log->end_offset);
    if (!may_linger(log) || log->lingering_bytes + size_bytes >= ROUND_PIECE_BYTES)
        return false;
    note_lingering(log, size_bytes);
    if (log->store->lingering_bytes >= LINGERING_BYTES_MAX)
        linger_end(log->store);
    return true;
}

void linger_is_over(struct log *log)
{
    log->due_offset = log->end_offset;
    log->lingering_bytes = 0;
    list_remove(&log->linger_node);
    if (log_waits_for_mention(log))
        linger_end_in_journal(log->store);
}

bool linger_has_due(const struct log *log)
{
    return log->unwritten != NULL && log->unwritten->base_offset < log->due_offset;
}

bool linger_is_any(const struct store *store)
{
    return journal_is_lingering(&store->journal) || !list_is_empty(&store->lingering_logs);
}

void linger_end(struct store *store)
{
    struct list_node *node;
    io_timer_cancel(store->io, &store->lingering);
    store->lingering_bytes = 0;
    linger_end_in_journal(store);
    while ((node = list_first(&store->lingering_logs)) != NULL)
        store_want_flush(store, container_of(node, struct log, linger_node), false);
}

static void lingering_fired(struct timer *timer)
{
    linger_end(container_of(timer, struct store, lingering));
}

void linger_init(struct store *store)
{
    timer_init(&store->lingering, lingering_fired);
    list_init(&store->lingering_logs);
}

void linger_stop(struct store *store)
{
    io_timer_cancel(store->io, &store->lingering);
}
