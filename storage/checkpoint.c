/* A checkpoint makes a journal file free: every log with batches that only that file (or an older
 * one) holds is written to its segment and synced.
 *
 * The journal also holds the marks: the proof of how far each log is durable, by which recovery
 * tells a torn tail from damage. They are written again into a newer file before an old one goes,
 * unless the log's state file says as much. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/* --- Marks ------------------------------------------------------------------------------------
 */

static bool put_mark(struct store *store, struct log *log)
{
    if (journal_reserve(&store->journal, 0) != STATUS_OK)
        return false;
    struct commit_entry entry = {
        .kind = COMMIT_MARK,
        .partition = log->id.partition,
        .topic_id = log->id.topic_id,
        .durable_offset = log->durable_offset,
    };
    assert(log->durable_offset >= log->recorded_offset);
    log->mark_sequence = journal_append(&store->journal, &entry, NULL, NULL, -1);
    return true;
}

void store_marking_fired(struct timer *timer)
{
    struct store *store = container_of(timer, struct store, marking);
    struct list_node *node;
    while ((node = list_first(&store->marks)) != NULL) {
        if (!put_mark(store, container_of(node, struct log, mark_node)))
            break;
        list_remove(node);
    }
    journal_kick(&store->journal);
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

/* What the file to be reused says about a log and nothing newer does. */
static void renew_marks(struct store *store, uint64_t last_sequence)
{
    struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        bool is_told = log->recorded_offset >= log->durable_offset;
        if (log->mark_sequence > last_sequence || is_told)
            continue;
        if (!put_mark(store, log))
            break;
    }
    journal_kick(&store->journal);
}

/* --- Checkpoints ------------------------------------------------------------------------------
 */

static bool is_behind(const struct log *log, uint64_t last_sequence)
{
    return log->dirty_sequence != 0 && log->dirty_sequence <= last_sequence;
}

static void enlist(struct store *store, struct log *log)
{
    assert(!log->is_in_checkpoint);
    log->is_in_checkpoint = true;
    store->checkpoint.pending_count++;
    assert(store->checkpoint.is_running);
    if (log->deletion != NULL)
        return; /* it leaves when it is gone */
    log->wants_sync = true;
    log->wants_close = !log->is_active;
    log_seal(log);
    store_want_flush(store, log, false);
}

static void begin_soon(struct store *store);

static void finish(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    assert(checkpoint->pending_count == 0);
    checkpoint->is_running = false;
    journal_release_file(&store->journal, checkpoint->last_sequence);
    begin_soon(store);
    store_progressed(store);
}

static void enlist_all(struct store *store, uint64_t last_sequence)
{
    struct log *log, *following;
    list_for_each_entry_safe (log, following, &store->dirty, dirty_node) {
        if (is_behind(log, last_sequence))
            enlist(store, log);
    }
    list_for_each_entry (log, &store->logs, node) {
        producer_core_expire(&log->producers, io_wall_ms(store->io));
        log->is_active = false;
    }
}

static void begin(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    assert(!checkpoint->is_running);
    assert(checkpoint->pending_count == 0);
    assert(checkpoint->wanted_sequence > checkpoint->last_sequence);
    checkpoint->is_running = true;
    checkpoint->last_sequence = checkpoint->wanted_sequence;
    checkpoint->wanted_sequence = 0;
    checkpoint->pending_count = 1; /* this call: no log that ends at once may end the whole */
    renew_marks(store, checkpoint->last_sequence);
    enlist_all(store, checkpoint->last_sequence);
    if (--checkpoint->pending_count == 0)
        finish(store);
}

static void begin_landed(struct completion *completion, int32_t result)
{
    struct store *store = container_of(completion, struct store, checkpoint.begin);
    (void)result;
    assert(store->checkpoint.begin_is_pending);
    store->checkpoint.begin_is_pending = false;
    if (store->failure == STATUS_OK && !store->checkpoint.is_running)
        begin(store);
    store_progressed(store);
}

static void begin_soon(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    if (checkpoint->wanted_sequence <= checkpoint->last_sequence || checkpoint->begin_is_pending ||
        checkpoint->is_running)
        return;
    checkpoint->begin_is_pending = true;
    completion_init(&checkpoint->begin, begin_landed);
    io_land(store->io, &checkpoint->begin, STATUS_OK);
}

void checkpoint_request(struct store *store, uint64_t last_sequence)
{
    assert(last_sequence < store->journal.next_sequence);
    if (store->failure != STATUS_OK)
        return;
    if (store->checkpoint.wanted_sequence < last_sequence)
        store->checkpoint.wanted_sequence = last_sequence;
    begin_soon(store);
}

static void leave(struct store *store, struct log *log)
{
    assert(store->checkpoint.is_running);
    assert(store->checkpoint.pending_count > 0);
    log->is_in_checkpoint = false;
    if (--store->checkpoint.pending_count == 0)
        finish(store);
}

void checkpoint_note_synced(struct store *store, struct log *log)
{
    if (log->is_in_checkpoint && !is_behind(log, store->checkpoint.last_sequence))
        leave(store, log);
}

void checkpoint_forget(struct store *store, struct log *log)
{
    if (log->is_in_checkpoint)
        leave(store, log);
}
