/* A checkpoint makes a journal file free: every log with batches that only that file (or an older
 * one) holds is written to its segment and synced, and its state is recorded; so is every log that
 * only that file mentions and that has more than its recorded state says. Nothing is lost with the
 * file then: neither batches, nor mentions, nor the proof of how far each log is durable.
 *
 * It begins when a file is full, not when the ring runs short, unless so many logs are mentioned
 * that their half empty blocks and their states would be much beside what the file holds; also when
 * a quarter of the ring is full, or as many bytes of large batches have been written, and once when
 * the store has become idle: so a crash finds little that is not recorded, and long after the last
 * append nothing. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/* For each log that it brings to disk: about 4 KiB, so a sixteenth of this, are written for it. */
enum { WORTHWHILE_BYTES = 64 * 1024 };

static bool is_behind(const struct log *log, uint64_t last_sequence)
{
    return log->dirty_sequence != 0 && log->dirty_sequence <= last_sequence;
}

/* The newest mention is still on its way, and the one before may be in the file that goes. */
static bool is_mention_in_air(const struct store *store, const struct log *log)
{
    return log->mention_sequence > journal_landed_sequence(&store->journal);
}

static void enlist(struct store *store, struct log *log)
{
    assert(log->checkpoint_version == 0);
    store->checkpoint.pending_count++;
    assert(store->checkpoint.is_running);
    log->checkpoint_version = log->version + 1;
    if (log->deletion != NULL)
        return; /* it leaves when it is gone */
    log->wants_close = !log->is_active;
    log_seal(log);
    if (log->mention_sequence <= store->checkpoint.last_sequence)
        log_drop_mention(log);
    else if (is_mention_in_air(store, log))
        log_doubt_mention(log);
    log_want_record(log);
}

static void begin_soon(struct store *store);

static void finish(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    assert(checkpoint->pending_count == 0);
    checkpoint->is_running = false;
    metrics_observe_ns(store->options.metrics, METRIC_HISTOGRAM_CHECKPOINT,
                       io_now_ns(store->io) - checkpoint->begun_ns);
    journal_release_file(&store->journal, checkpoint->last_sequence);
    begin_soon(store);
    store_progressed(store);
}

/* The list is in the order of mentions, and what is dirty has been mentioned since. */
static void enlist_all(struct store *store, uint64_t last_sequence)
{
    struct log *log, *following;
    list_for_each_entry_safe (log, following, &store->mentioned, mention_node) {
        bool is_forgotten = log->mention_sequence <= last_sequence;
        bool is_recorded = log->recorded_offset == log->end_offset && !log_wants_record(log);
        bool is_in_air = is_mention_in_air(store, log);
        if (is_forgotten && is_recorded && log->deletion == NULL)
            log_drop_mention(log);
        else if (is_in_air && is_recorded && log->deletion == NULL)
            log_doubt_mention(log);
        else if (is_forgotten || is_in_air || is_behind(log, last_sequence))
            enlist(store, log);
        log->is_active = false;
    }
}

/* What the last one has covered needs nothing but that its files are given back. */
static void begin(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    bool is_covered = checkpoint->wanted_sequence == checkpoint->last_sequence;
    assert(!checkpoint->is_running);
    assert(checkpoint->pending_count == 0);
    assert(checkpoint->wanted_sequence >= checkpoint->last_sequence);
    assert(!is_covered || checkpoint->last_sequence == store->journal.released_sequence);
    checkpoint->is_running = true;
    checkpoint->begun_ns = io_now_ns(store->io);
    checkpoint->last_sequence = checkpoint->wanted_sequence;
    checkpoint->wanted_sequence = 0;
    checkpoint->pending_count = 1; /* this call: no log that ends at once may end the whole */
    store->sealed_bytes = 0;
    if (!is_covered)
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

/* Also for what the last one has covered: a file that was not full at that time was not given back,
 * and may have become full with nothing new in it. */
static void begin_soon(struct store *store)
{
    struct checkpoint *checkpoint = &store->checkpoint;
    bool is_wanted =
        checkpoint->wanted_sequence > 0 && checkpoint->wanted_sequence >= checkpoint->last_sequence;
    if (!is_wanted || checkpoint->begin_is_pending || checkpoint->is_running)
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

/* No more than so many logs are mentioned. */
static bool are_mentioned_within(const struct store *store, uint64_t count_max)
{
    uint64_t count = 0;
    for (struct list_node *node = store->mentioned.head.next; node != &store->mentioned.head;
         node = node->next)
        if (++count > count_max)
            return false;
    return true;
}

void checkpoint_offer(struct store *store, uint64_t last_sequence)
{
    bool is_pressing;
    uint64_t full_bytes = journal_full_bytes(&store->journal, &is_pressing);
    if (is_pressing || are_mentioned_within(store, full_bytes / WORTHWHILE_BYTES))
        checkpoint_request(store, last_sequence);
}

static uint64_t sealed_bytes_max(const struct store *store)
{
    uint32_t quarter = store->options.journal_file_count / 4;
    return store->options.journal_file_bytes * (quarter == 0 ? 1 : quarter);
}

void checkpoint_note_sealed(struct store *store, uint64_t size_bytes)
{
    store->sealed_bytes += size_bytes;
    if (store->sealed_bytes < sealed_bytes_max(store) || store->failure != STATUS_OK)
        return;
    store->sealed_bytes = 0;
    checkpoint_request(store, journal_landed_sequence(&store->journal));
}

void checkpoint_watch_idling(struct store *store)
{
    if (timer_is_running(&store->idling) || store->is_stopping || store->failure != STATUS_OK)
        return;
    store->idle_sequence = store->journal.next_sequence;
    io_timer_start(store->io, &store->idling, io_now_ns(store->io) + IDLE_NS);
}

/* What has been mentioned is forgotten by the checkpoint, so the timer rests until the next append.
 */
void checkpoint_idling_fired(struct timer *timer)
{
    struct store *store = container_of(timer, struct store, idling);
    assert(!store->is_stopping);
    if (list_is_empty(&store->mentioned))
        return;
    bool is_idle =
        store->idle_sequence == store->journal.next_sequence && journal_is_idle(&store->journal);
    if (is_idle)
        checkpoint_request(store, journal_landed_sequence(&store->journal));
    else
        checkpoint_watch_idling(store);
}

static void leave(struct store *store, struct log *log)
{
    assert(store->checkpoint.is_running);
    assert(store->checkpoint.pending_count > 0);
    log->checkpoint_version = 0;
    if (--store->checkpoint.pending_count == 0)
        finish(store);
}

void checkpoint_note_recorded(struct store *store, struct log *log)
{
    if (log->checkpoint_version == 0 || log->recorded_version < log->checkpoint_version)
        return;
    assert(!is_behind(log, store->checkpoint.last_sequence));
    leave(store, log);
}

void checkpoint_forget(struct store *store, struct log *log)
{
    if (log->checkpoint_version != 0)
        leave(store, log);
}
