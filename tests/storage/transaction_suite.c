/* Transactions in a log, on every backend: whatever is appended, rolled, stopped, killed, deleted
 * and forgotten, readers of committed records stop where they must, and by what the log says of
 * aborted transactions they tell what was committed from what was not. */
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/rig.h"

#include <stdlib.h>

enum {
    SEEDS = 6,
    LIVES = 4,
    ROUNDS = 50,
    EVENTS_MAX = 1024,
    SENDERS = 5,
    SHORTAGE_BYTES = 64 << 20
};

/* A batch as it was appended; ids count from 100, 0 is nobody. */
enum kind { PLAIN, DATA, COMMIT, ABORT };

struct event {
    enum kind kind;
    int64_t producer_id;
    int64_t offset;
    int64_t last_offset;
};

struct sender {
    int32_t next_sequence;
    bool is_open;
};

struct story {
    struct rig *rig;
    struct prng prng;
    struct event events[EVENTS_MAX];
    uint32_t event_count;
    struct sender senders[SENDERS];
    int64_t high_watermark;
    int64_t committed_offset; /* the greatest high watermark of all lives */
    int64_t start_offset;
};

/* --- What must be ----------------------------------------------------------------------------- */

/* The marker that decides the batch; NULL: it is open. */
static const struct event *decision(const struct story *story, const struct event *event)
{
    for (uint32_t i = 0; i < story->event_count; i++) {
        const struct event *later = &story->events[i];
        if (later->offset > event->offset && later->producer_id == event->producer_id &&
            (later->kind == COMMIT || later->kind == ABORT))
            return later;
    }
    return NULL;
}

/* The first batch whose marker is not below `committed_offset`, or the high watermark. */
static int64_t stable_offset(const struct story *story, int64_t committed_offset)
{
    for (uint32_t i = 0; i < story->event_count; i++) {
        const struct event *event = &story->events[i];
        if (event->kind != DATA || event->offset >= story->high_watermark)
            continue;
        const struct event *marker = decision(story, event);
        if (marker == NULL || marker->offset >= committed_offset)
            return event->offset > story->start_offset ? event->offset : story->start_offset;
    }
    return story->high_watermark;
}

/* What a consumer of committed records does with the list, as Kafka's clients do it. */
struct consumer {
    const struct aborted_list *list;
    uint32_t next;
    bool is_aborted[SENDERS];
};

static bool consumer_shows(struct consumer *consumer, const struct event *event)
{
    while (consumer->next < consumer->list->count &&
           consumer->list->entries[consumer->next].first_offset <= event->last_offset)
        consumer->is_aborted[consumer->list->entries[consumer->next++].producer_id - 100] = true;
    if (event->kind == ABORT)
        consumer->is_aborted[event->producer_id - 100] = false;
    return event->kind == PLAIN ||
           (event->kind == DATA && !consumer->is_aborted[event->producer_id - 100]);
}

static void check_shown(const struct story *story, int64_t from, int64_t to,
                        const struct aborted_list *list)
{
    struct consumer consumer = {.list = list};
    for (uint32_t i = 0; i < story->event_count; i++) {
        const struct event *event = &story->events[i];
        if (event->last_offset < from || event->offset >= to)
            continue;
        bool is_data = event->kind == PLAIN || event->kind == DATA;
        const struct event *marker = event->kind == DATA ? decision(story, event) : NULL;
        bool is_committed = is_data && (marker == NULL || marker->kind == COMMIT);
        assert_int_equal(consumer_shows(&consumer, event), is_committed);
    }
}

static void check_range(struct story *story, int64_t from, int64_t to)
{
    const struct log *log = story->rig->logs[0];
    struct aborted_list list;
    assert_int_equal(rig_aborted(story->rig, 0, log->exchange_count, from, to, &list), STATUS_OK);
    for (uint32_t i = 0; i < list.count; i++) {
        assert_true(i == 0 || list.entries[i - 1].first_offset < list.entries[i].first_offset);
        assert_true(list.entries[i].first_offset < to);
        assert_true(list.entries[i].last_offset >= from);
    }
    check_shown(story, from, to, &list);
    aborted_list_deinit(&list);
}

/* In a new life the high watermark begins again at the start of the log. Then the log may know, but
 * need not, of transactions that were committed in an earlier life. */
static void check_story(struct story *story)
{
    int64_t stable = log_last_stable_offset(story->rig->logs[0]);
    assert_true(stable >= stable_offset(story, story->high_watermark));
    assert_true(stable <= stable_offset(story, story->committed_offset));
    if (stable <= story->start_offset)
        return;
    uint64_t span = (uint64_t)(stable - story->start_offset);
    int64_t from = story->start_offset + (int64_t)prng_below(&story->prng, span);
    int64_t to = from + 1 + (int64_t)prng_below(&story->prng, (uint64_t)(stable - from));
    check_range(story, from, to);
    check_range(story, story->start_offset, stable);
}

/* --- What happens ----------------------------------------------------------------------------- */

static void note(struct story *story, enum kind kind, int64_t producer_id,
                 const struct log_append *append)
{
    assert_true(story->event_count < EVENTS_MAX);
    story->events[story->event_count++] =
        (struct event){kind, producer_id, append->base_offset, append->last_offset};
}

static void put(struct story *story, enum kind kind, int64_t producer_id, struct bytes batch)
{
    struct rig_append append;
    do {
        rig_append(story->rig, 0, &append, batch);
    } while (rig_append_wait(story->rig, &append) == STATUS_NO_MEMORY);
    assert_int_equal(append.result, STATUS_OK);
    note(story, kind, producer_id, &append.append);
    arena_reset(&story->rig->arena);
}

static void append_data(struct story *story, uint32_t index)
{
    bool is_nobody = index == SENDERS;
    struct rig_batch shape = {
        .record_count = 1 + (uint32_t)prng_below(&story->prng, 3),
        .value_size =
            prng_chance(&story->prng, 1, 10) ? 40000 : 1 + (uint32_t)prng_below(&story->prng, 3000),
        .seed = prng_u64(&story->prng),
    };
    if (!is_nobody) {
        struct sender *sender = &story->senders[index];
        shape.producer_id = 100 + index;
        shape.base_sequence = sender->next_sequence;
        shape.is_transactional = true;
        sender->next_sequence += (int32_t)shape.record_count;
        sender->is_open = true;
    }
    put(story, is_nobody ? PLAIN : DATA, shape.producer_id, rig_make(story->rig, &shape));
}

/* Most senders write a few batches and end; some leave their transaction open for long. */
static void append_one(struct story *story)
{
    uint32_t index = (uint32_t)prng_below(&story->prng, SENDERS + 1);
    bool ends = index < SENDERS && story->senders[index].is_open &&
                prng_chance(&story->prng, 1, index == 0 ? 20 : 2);
    if (!ends) {
        append_data(story, index);
        return;
    }
    struct rig_marker shape = {.producer_id = 100 + index,
                               .is_abort = prng_chance(&story->prng, 2, 3)};
    put(story, shape.is_abort ? ABORT : COMMIT, shape.producer_id,
        rig_make_marker(story->rig, &shape));
    story->senders[index].is_open = false;
}

static void commit_some(struct story *story)
{
    int64_t end = log_durable_offset(story->rig->logs[0]);
    assert_true(end >= story->high_watermark);
    story->high_watermark +=
        (int64_t)prng_below(&story->prng, (uint64_t)(end - story->high_watermark) + 1);
    log_note_high_watermark(story->rig->logs[0], story->high_watermark);
    if (story->committed_offset < story->high_watermark)
        story->committed_offset = story->high_watermark;
}

/* Up to anywhere, also into the middle of transactions that were aborted, or are open. */
static void delete_some(struct story *story)
{
    uint64_t span = (uint64_t)(story->high_watermark - story->start_offset);
    int64_t offset = story->start_offset + (int64_t)prng_below(&story->prng, span / 4 + 1);
    assert_int_equal(rig_delete_records(story->rig, 0, offset, &story->start_offset), STATUS_OK);
}

/* Lists of closed segments are dropped as soon as another is used. */
static void run_short(struct story *story)
{
    story->rig->stores[0]->aborted_bytes += SHORTAGE_BYTES;
}

static void live(struct story *story)
{
    struct rig *rig = story->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    if (prng_chance(&story->prng, 1, 2))
        run_short(story);
    story->start_offset = log_start_offset(rig->logs[0]);
    story->high_watermark = story->start_offset;
    check_story(story);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        append_one(story);
        if (prng_chance(&story->prng, 1, 3))
            commit_some(story);
        if (prng_chance(&story->prng, 1, 40))
            delete_some(story);
        check_story(story);
    }
    if (prng_chance(&story->prng, 1, 2))
        assert_int_equal(rig_stop(rig), STATUS_OK);
    else
        rig_kill(rig);
}

/* Readers of committed records see what was committed, and nothing else, through any history. */
static void committed_is_told_from_aborted(void **state)
{
    struct rig *rig = *state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct story *story = calloc(1, sizeof *story);
        story->rig = rig;
        prng_init(&story->prng, seed);
        rig->harness->reset(rig->harness);
        for (uint32_t life = 0; life < LIVES; life++)
            live(story);
        free(story);
    }
}

static int set_up(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    rig_init(rig, *state);
    rig->options.direct_size_bytes = 16 << 10;
    rig->config.segment_bytes_max = 96 << 10;
    rig->config.file_delete_delay_ms = 0;
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    *state = rig->harness;
    rig_deinit(rig);
    free(rig);
    return 0;
}

/* --- Cases ------------------------------------------------------------------------------------ */

static int64_t put_data(struct rig *rig, int64_t producer_id, int32_t sequence)
{
    return rig_put(rig, 0,
                   &(struct rig_batch){.producer_id = producer_id,
                                       .base_sequence = sequence,
                                       .is_transactional = true});
}

static enum status put_marker(struct rig *rig, const struct rig_marker *shape)
{
    struct rig_append append;
    rig_append(rig, 0, &append, rig_make_marker(rig, shape));
    int32_t result = rig_append_wait(rig, &append);
    assert_int_equal(result, append.append.refused);
    return append.append.refused;
}

/* A transaction is open until its marker is committed, not until it is appended. */
static void open_until_committed(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put(rig, 0, &(struct rig_batch){0});
    put_data(rig, 100, 0);
    rig_commit(rig, 0);
    assert_int_equal(log_last_stable_offset(rig->logs[0]), 1);
    assert_int_equal(put_marker(rig, &(struct rig_marker){.producer_id = 100}), STATUS_OK);
    assert_int_equal(log_last_stable_offset(rig->logs[0]), 1);
    log_note_high_watermark(rig->logs[0], 3);
    assert_int_equal(log_last_stable_offset(rig->logs[0]), 3);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Markers of an older producer, and of a coordinator that has been replaced, are refused; repeated
 * ones, and those for nothing, change nothing. */
static void markers_are_fenced(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct rig_marker marker = {.producer_id = 100, .coordinator_epoch = 5, .is_abort = true};
    put_data(rig, 100, 0);
    assert_int_equal(put_marker(rig, &marker), STATUS_OK);
    assert_int_equal(put_marker(rig, &marker), STATUS_OK);
    marker.coordinator_epoch = 4;
    assert_int_equal(put_marker(rig, &marker), STATUS_FENCED);
    marker.coordinator_epoch = 5;
    marker.producer_epoch = 1;
    assert_int_equal(put_marker(rig, &marker), STATUS_OK);
    marker.producer_epoch = 0;
    assert_int_equal(put_marker(rig, &marker), STATUS_STALE_EPOCH);
    rig_commit(rig, 0);
    struct aborted_list list;
    assert_int_equal(rig_aborted(rig, 0, 0, 0, 4, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.entries[0].first_offset, 0);
    assert_int_equal(list.entries[0].last_offset, 1);
    aborted_list_deinit(&list);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Inside a transaction its producer writes nothing that does not belong to it. */
static void no_batch_outside(void **state)
{
    struct rig *rig = *state;
    struct rig_append append;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_data(rig, 100, 0);
    rig_append(rig, 0, &append,
               rig_make(rig, &(struct rig_batch){.producer_id = 100, .base_sequence = 1}));
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OPEN_TRANSACTION);
    assert_int_equal(put_marker(rig, &(struct rig_marker){.producer_id = 100}), STATUS_OK);
    rig_put(rig, 0, &(struct rig_batch){.producer_id = 100, .base_sequence = 1});
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* How many records a batch has; -1: the log has none at the offset. */
static int32_t count_at(struct rig *rig, int64_t offset)
{
    struct log_read read;
    struct batch_header header;
    assert_int_equal(rig_read(rig, 0, offset, INT64_MAX, 1, &read), STATUS_OK);
    assert_int_equal(batch_header_read(read.pieces[0], &header), STATUS_OK);
    log_read_release(&read, rig_door(rig, 0));
    return header.base_offset == offset ? header.record_count : -1;
}

/* An aborted record never takes the place of a committed one with its key: it goes, with what the
 * log knew of its transaction, and whoever has read before must read again. Nothing of an open
 * transaction is touched. */
static void compaction_takes_out_aborted(void **state)
{
    struct rig *rig = *state;
    rig->config.compacts = true;
    rig->config.deletes = false;
    rig->config.min_cleanable_dirty_ppm = 0;
    rig->options.cleaner_backoff_ms = 1;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    const struct log *log = rig->logs[0];
    put_data(rig, 100, 0);
    assert_int_equal(put_marker(rig, &(struct rig_marker){.producer_id = 100}), STATUS_OK);
    put_data(rig, 101, 0);
    assert_int_equal(put_marker(rig, &(struct rig_marker){.producer_id = 101, .is_abort = true}),
                     STATUS_OK);
    for (uint32_t i = 0; i < 3; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = 60000, .key_count = 1000, .seed = i});
    int64_t open_offset = put_data(rig, 102, 0);
    for (uint32_t i = 0; i < 4; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = 60000, .key_count = 1000, .seed = i});
    rig_commit(rig, 0);
    while (log->cleaned_offset < 4)
        rig_turn(rig);
    assert_true(log->cleaned_offset <= open_offset);
    assert_int_equal(count_at(rig, 0), 1);
    assert_int_not_equal(count_at(rig, 2), 1);
    struct aborted_list list;
    uint64_t exchange_count = log->exchange_count;
    assert_int_equal(rig_aborted(rig, 0, exchange_count, 0, open_offset, &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    struct log_read earlier = {.next_offset = open_offset, .exchange_count = exchange_count - 1};
    assert_true(log_may_have_aborted(log, &earlier));
    assert_int_equal(rig_aborted(rig, 0, exchange_count - 1, 0, open_offset, &list), STATUS_BUSY);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Who has read what has been deleted since is told to read again: nobody knows any more what of it
 * was aborted. */
static void deleted_since_the_read(void **state)
{
    struct rig *rig = *state;
    struct aborted_list list;
    int64_t start_offset;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_data(rig, 100, 0);
    struct rig_marker marker = {.producer_id = 100, .is_abort = true};
    assert_int_equal(put_marker(rig, &marker), STATUS_OK);
    rig_put(rig, 0, &(struct rig_batch){0});
    rig_commit(rig, 0);
    struct log_read read = {.offset = 0, .next_offset = 3};
    assert_int_equal(rig_aborted(rig, 0, 0, 0, 3, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    aborted_list_deinit(&list);
    assert_int_equal(rig_delete_records(rig, 0, 2, &start_offset), STATUS_OK);
    assert_true(log_may_have_aborted(rig->logs[0], &read));
    assert_int_equal(rig_aborted(rig, 0, 0, 0, 3, &list), STATUS_BUSY);
    assert_int_equal(rig_aborted(rig, 0, 0, 2, 3, &list), STATUS_OK);
    aborted_list_deinit(&list);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function)                                                                             \
    {                                                                                              \
#function, function, set_up, tear_down, harness                                            \
    }

int transaction_suite_run(struct rig_harness *harness)
{
    const struct CMUnitTest tests[] = {
        CASE(open_until_committed),   CASE(markers_are_fenced),
        CASE(no_batch_outside),       CASE(compaction_takes_out_aborted),
        CASE(deleted_since_the_read), CASE(committed_is_told_from_aborted),
    };
    return cmocka_run_group_tests_name(harness->name, tests, NULL, NULL);
}
