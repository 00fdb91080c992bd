/* Mentions: what makes it enough for recovery to look at the logs that the journals speak of.
 *
 * Nothing of a log is written to its segments beyond its recorded state before a commit that
 * mentions it is durable. A small batch mentions its log by itself; the first large one brings a
 * mark, and waits for it. When a journal file is released, the logs whose newest mention is in it
 * have been recorded, and the next thing that happens to them begins with a new mention. A mention
 * counts from when it has landed.
 *
 * A mark also says how far the log is durable, by which recovery tells a torn tail from damage. */
#include "base/assert.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

void log_note_mention(struct log *log, uint64_t sequence)
{
    assert(sequence >= log->mention_sequence);
    assert(log->mention_sequence != 0 || log->write_limit != INT64_MAX);
    log->mention_sequence = sequence;
    list_remove(&log->mention_node);
    list_push_back(&log->store->mentioned, &log->mention_node);
    checkpoint_watch_idling(log->store);
}

void log_mention_landed(struct log *log)
{
    assert(log->mention_sequence != 0);
    if (log->write_limit == INT64_MAX)
        return;
    log->write_limit = INT64_MAX;
    if (linger_has_due(log))
        store_want_flush(log->store, log, !list_is_empty(&log->directs));
}

bool log_may_write(const struct log *log, const struct memory_frame *frame)
{
    return frame->base_offset < log->write_limit;
}

bool log_waits_for_mention(const struct log *log)
{
    return log->unwritten != NULL && !log_may_write(log, log->unwritten) &&
           log->written_offset == log->synced_offset;
}

void log_drop_mention(struct log *log)
{
    assert(log->open == NULL);
    assert(log->write_limit == INT64_MAX);
    log->mention_sequence = 0;
    log->write_limit = log->end_offset;
    list_remove(&log->mention_node);
}

void log_doubt_mention(struct log *log)
{
    assert(log->open == NULL);
    assert(log->mention_sequence != 0);
    if (log->write_limit == INT64_MAX)
        log->write_limit = log->end_offset;
}

/* With the mark, all small batches so far are durable: they are in this commit or in earlier ones.
 */
void log_put_mark(struct log *log)
{
    struct commit_entry entry = {
        .kind = COMMIT_MARK,
        .partition = log->id.partition,
        .topic_id = log->id.topic_id,
        .durable_offset = log->durable_offset,
        .life = log->life,
    };
    assert(log->durable_offset >= log->recorded_offset);
    struct journal *journal = &log->store->journal;
    log_note_mention(log,
                     journal_append(journal, &entry, NULL, &log->journal_client, log->end_offset));
    journal_kick(journal);
}

/* --- Marks ------------------------------------------------------------------------------------ */

void store_marking_fired(struct timer *timer)
{
    struct store *store = container_of(timer, struct store, marking);
    struct list_node *node;
    while ((node = list_first(&store->marks)) != NULL) {
        struct log *log = container_of(node, struct log, mark_node);
        if (log->mention_sequence != 0 && journal_reserve(&store->journal, 0) != STATUS_OK)
            break;
        if (log->mention_sequence != 0) /* otherwise it is being recorded, which says as much */
            log_put_mark(log);
        list_remove(node);
    }
}

void store_want_mark(struct store *store, struct log *log)
{
    assert(log->store == store);
    if (!list_node_is_linked(&log->mark_node))
        list_push_back(&store->marks, &log->mark_node);
    if (timer_is_running(&store->marking) || store->is_stopping)
        return;
    io_timer_start(store->io, &store->marking, io_now_ns(store->io) + MARKING_NS);
}
