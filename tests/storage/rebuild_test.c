/* What a log knows beside its batches (producers, leader epochs) is a function of the batches: at
 * any time, after any history of appends, rolls, refusals, stops, kills and power cuts, it equals
 * what a plain reading of the log gives. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/producer_batch.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

enum { SEEDS = 150, LIVES = 5, PRODUCERS = 4, IN_FLIGHT_MAX = 16 };

/* What a client would remember of itself. */
struct sender {
    int16_t epoch;
    int32_t next_sequence;
    int32_t coordinator_epoch;
    bool has_begun; /* a transaction */
};

struct story {
    struct sim_harness sim;
    struct rig rig;
    struct prng prng;
    struct sender senders[PRODUCERS];
    struct rig_append appends[IN_FLIGHT_MAX];
    uint32_t append_count;
};

/* --- Appending -------------------------------------------------------------------------------- */

/* The end of a transaction, or a marker for nothing; some come from a coordinator that is no more.
 */
static struct bytes make_marker(struct story *story, uint32_t index)
{
    struct sender *sender = &story->senders[index];
    sender->has_begun = false;
    sender->coordinator_epoch += prng_chance(&story->prng, 1, 4);
    return rig_make_marker(&story->rig, &(struct rig_marker){
                                            .producer_id = 100 + index,
                                            .producer_epoch = sender->epoch,
                                            .coordinator_epoch = sender->coordinator_epoch -
                                                                 prng_chance(&story->prng, 1, 8),
                                            .is_abort = prng_chance(&story->prng, 1, 2),
                                        });
}

/* A new epoch, a lost batch (a gap), a repetition, or, mostly, the batch that is next. */
static int32_t choose_sequence(struct story *story, struct sender *sender)
{
    if (prng_chance(&story->prng, 1, 20)) {
        sender->epoch++;
        sender->next_sequence = 0;
    }
    if (prng_chance(&story->prng, 1, 10))
        return sender->next_sequence + 1;
    if (prng_chance(&story->prng, 1, 10) && sender->next_sequence > 0)
        return sender->next_sequence - 1;
    return sender->next_sequence;
}

static void append_one(struct story *story)
{
    struct rig *rig = &story->rig;
    uint32_t index = (uint32_t)prng_below(&story->prng, PRODUCERS + 1);
    struct rig_batch shape = {.value_size = prng_chance(&story->prng, 1, 8)
                                                ? 40000
                                                : 1 + (uint32_t)prng_below(&story->prng, 5000),
                              .seed = prng_u64(&story->prng)};
    struct rig_append *append = &story->appends[story->append_count++];
    rig->leader_epoch += prng_chance(&story->prng, 1, 15);
    if (index < PRODUCERS && prng_chance(&story->prng, 1, 4)) {
        rig_append(rig, 0, append, make_marker(story, index));
        return;
    }
    if (index < PRODUCERS) {
        struct sender *sender = &story->senders[index];
        sender->has_begun = sender->has_begun || prng_chance(&story->prng, 1, 3);
        shape.is_transactional = sender->has_begun;
        shape.producer_id = 100 + index;
        shape.base_sequence = choose_sequence(story, &story->senders[index]);
        shape.producer_epoch = story->senders[index].epoch;
    }
    rig_append(rig, 0, append, rig_make(rig, &shape));
    bool is_new = append->append.refused == STATUS_OK && !append->append.is_duplicate;
    if (index < PRODUCERS && is_new)
        story->senders[index].next_sequence = shape.base_sequence + 1;
}

static void wait_all(struct story *story)
{
    for (uint32_t i = 0; i < story->append_count; i++)
        rig_append_wait(&story->rig, &story->appends[i]);
    story->append_count = 0;
    arena_reset(&story->rig.arena);
}

/* --- Comparing -------------------------------------------------------------------------------- */

struct rebuilt {
    struct epoch_core epochs;
    struct producer_core producers;
};

static void take_batch(struct rebuilt *rebuilt, struct bytes batch)
{
    struct batch_header header;
    assert_int_equal(batch_header_read(batch, &header), STATUS_OK);
    assert_true(epoch_core_reserve(&rebuilt->epochs));
    epoch_core_note(&rebuilt->epochs, header.leader_epoch, header.base_offset);
    struct aborted_transaction aborted;
    assert_true(producer_batch_reserve(&rebuilt->producers, &header));
    producer_batch_note(&rebuilt->producers, &header, batch, 1, &aborted);
}

static void rebuild(struct rig *rig, struct rebuilt *rebuilt)
{
    epoch_core_init(&rebuilt->epochs);
    producer_core_init(&rebuilt->producers, INT64_MAX, NULL);
    int64_t offset = 0;
    while (offset < log_end_offset(rig->logs[0])) {
        struct log_read read;
        assert_int_equal(rig_read(rig, 0, offset, INT64_MAX, 1 << 20, &read), STATUS_OK);
        assert_true(read.piece_count > 0);
        for (uint32_t i = 0; i < read.piece_count; i++) {
            struct bytes rest = read.pieces[i];
            struct bytes batch;
            while (batch_next(&rest, &batch) == STATUS_OK)
                take_batch(rebuilt, batch);
        }
        offset = read.next_offset;
        log_read_release(&read, rig->io);
    }
}

static void compare_producer(const struct producer *a, const struct producer *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->coordinator_epoch, b->coordinator_epoch);
    assert_int_equal(a->open_offset, b->open_offset);
    assert_int_equal(a->batch_count, b->batch_count);
    for (uint32_t i = 0; i < a->batch_count; i++) {
        assert_int_equal(a->batches[i].base_sequence, b->batches[i].base_sequence);
        assert_int_equal(a->batches[i].last_sequence, b->batches[i].last_sequence);
        assert_int_equal(a->batches[i].base_offset, b->batches[i].base_offset);
        assert_int_equal(a->batches[i].last_offset, b->batches[i].last_offset);
    }
}

/* Those that are open: the others leave the list with the high watermark. */
static void compare_transactions(const struct transaction_core *known,
                                 const struct transaction_core *rebuilt)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < known->count; i++) {
        if (known->entries[i].last_offset != TRANSACTION_OPEN)
            continue;
        while (next < rebuilt->count && rebuilt->entries[next].last_offset != TRANSACTION_OPEN)
            next++;
        assert_true(next < rebuilt->count);
        assert_int_equal(known->entries[i].producer_id, rebuilt->entries[next].producer_id);
        assert_int_equal(known->entries[i].first_offset, rebuilt->entries[next].first_offset);
        next++;
    }
    for (; next < rebuilt->count; next++)
        assert_int_not_equal(rebuilt->entries[next].last_offset, TRANSACTION_OPEN);
}

/* All but the times of the batches, which a reading of the log cannot know. */
static void compare(struct story *story)
{
    const struct log *log = story->rig.logs[0];
    struct rebuilt rebuilt;
    rebuild(&story->rig, &rebuilt);
    assert_int_equal(log->epochs.count, rebuilt.epochs.count);
    for (uint32_t i = 0; i < log->epochs.count; i++) {
        assert_int_equal(log->epochs.entries[i].epoch, rebuilt.epochs.entries[i].epoch);
        assert_int_equal(log->epochs.entries[i].start_offset,
                         rebuilt.epochs.entries[i].start_offset);
    }
    compare_transactions(&log->producers.transactions, &rebuilt.producers.transactions);
    for (int64_t id = 100; id < 100 + PRODUCERS; id++) {
        const struct producer *known = producer_core_find(&log->producers, id);
        const struct producer *read = producer_core_find(&rebuilt.producers, id);
        bool is_known = known != NULL && producer_is_noted(known);
        assert_int_equal(is_known, read != NULL);
        if (is_known)
            compare_producer(known, read);
    }
    epoch_core_deinit(&rebuilt.epochs);
    producer_core_deinit(&rebuilt.producers);
}

/* --- The story -------------------------------------------------------------------------------- */

/* What was in flight may be in the log or not: the senders ask it. */
static void remember(struct story *story)
{
    const struct producer_core *producers = &story->rig.logs[0]->producers;
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        const struct producer *producer = producer_core_find(producers, 100 + i);
        bool is_known = producer != NULL && producer_is_noted(producer);
        uint32_t count = is_known ? producer->batch_count : 0;
        story->senders[i] = (struct sender){
            .epoch = is_known ? producer->epoch : 0,
            .next_sequence = count > 0 ? producer->batches[count - 1].last_sequence + 1 : 0,
            .coordinator_epoch = is_known ? producer->coordinator_epoch : 0,
            .has_begun = is_known && producer->open_offset >= 0,
        };
    }
    story->rig.leader_epoch = log_last_epoch(story->rig.logs[0]) + 1;
}

static void live(struct story *story)
{
    assert_int_equal(rig_start(&story->rig, 1, 1), STATUS_OK);
    compare(story);
    remember(story);
    uint32_t rounds = 1 + (uint32_t)prng_below(&story->prng, 8);
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t count = 1 + (uint32_t)prng_below(&story->prng, IN_FLIGHT_MAX);
        for (uint32_t i = 0; i < count; i++)
            append_one(story);
        if (round == rounds - 1 && prng_chance(&story->prng, 1, 2))
            break; /* they are still in flight when the life ends */
        wait_all(story);
        compare(story);
    }
    uint64_t end =
        story->append_count > 0 ? 1 + prng_below(&story->prng, 2) : prng_below(&story->prng, 3);
    if (end == 0)
        assert_int_equal(rig_stop(&story->rig), STATUS_OK);
    else if (end == 1)
        rig_kill(&story->rig);
    else
        rig_cut_power(&story->rig);
    story->append_count = 0;
    arena_reset(&story->rig.arena);
}

static void run_story(uint64_t seed)
{
    struct story *story = calloc(1, sizeof *story);
    prng_init(&story->prng, seed);
    sim_harness_init(&story->sim, seed);
    rig_init(&story->rig, &story->sim.harness);
    story->rig.options.journal_file_bytes = 256 << 10;
    story->rig.options.direct_size_bytes = 16 << 10;
    story->rig.options.memory_bytes_max = 2 << 20;
    story->rig.options.cache_bytes_max = 128 << 10;
    story->rig.config.segment_bytes_max = 128 << 10;
    for (uint32_t life = 0; life < LIVES; life++)
        live(story);
    sim_harness_deinit(&story->sim);
    rig_deinit(&story->rig);
    free(story);
}

/* The log beside its batches equals a plain reading of them. */
static void state_equals_a_reading_of_the_log(void **state)
{
    uint64_t *seed = *state;
    for (*seed = 1; *seed <= SEEDS; (*seed)++)
        run_story(*seed);
    *seed = 0;
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(uint64_t));
    return 0;
}

/* Also after a failure, which leaves the seed where it was. */
static int tear_down(void **state)
{
    uint64_t *seed = *state;
    if (*seed != 0)
        print_message("seed %llu\n", (unsigned long long)*seed);
    free(seed);
    return 0;
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 2) {
        run_story(strtoull(arguments[1], NULL, 10));
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_equals_a_reading_of_the_log, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
