/* The recording of a log's state for those who wait for it: retention and compaction remove files
 * only after the state that no longer lists them is durable. */
#include "base/assert.h"
#include "sim/disk.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

static int set_up(void **state)
{
    sim_rig_set_up(state, 17);
    return 0;
}

static void put_many(struct rig *rig, uint32_t log, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rig_put(rig, log, &(struct rig_batch){.value_size = 3000, .seed = i});
}

struct wish {
    struct log_record record;
    bool has_landed;
    int32_t result;
};

static void wish_landed(struct completion *completion, int32_t result)
{
    struct wish *wish = container_of(completion, struct wish, record.completion);
    assert_false(wish->has_landed);
    wish->has_landed = true;
    wish->result = result;
}

static void ask(struct rig *rig, uint32_t log, struct wish *wish)
{
    *wish = (struct wish){0};
    completion_init(&wish->record.completion, wish_landed);
    log_record(rig->logs[log], &wish->record);
    assert_false(wish->has_landed);
}

static int32_t wait_for(struct rig *rig, const struct wish *wish)
{
    while (!wish->has_landed)
        rig_turn(rig);
    return wish->result;
}

static int64_t start_after_a_cut(struct rig *rig)
{
    rig_cut_power(rig);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    return log_start_offset(rig->logs[0]);
}

/* What has been recorded, a power cut does not take. */
static void record_survives(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct wish wish;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put_many(rig, 0, 5);
    rig->logs[0]->start_offset = 3;
    ask(rig, 0, &wish);
    assert_int_equal(wait_for(rig, &wish), STATUS_OK);
    assert_int_equal(start_after_a_cut(rig), 3);
    assert_int_equal(log_end_offset(rig->logs[0]), 5);
}

/* A snapshot that was taken before the wish does not serve it. */
static void older_snapshot_is_not_enough(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct wish wish;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put_many(rig, 0, 5);
    log_seal(rig->logs[0]);
    log_take_snapshot(rig->logs[0]);
    assert_non_null(rig->logs[0]->snapshot);
    rig->logs[0]->start_offset = 4;
    ask(rig, 0, &wish);
    assert_int_equal(wait_for(rig, &wish), STATUS_OK);
    assert_int_equal(start_after_a_cut(rig), 4);
}

/* Wishes that come while a record is being written are served by the next; each lands once. */
static void many_wishes_at_once(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    enum { COUNT = 20 };
    struct wish wishes[COUNT];
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put_many(rig, 0, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        rig->logs[0]->start_offset = i;
        ask(rig, 0, &wishes[i]);
        for (uint32_t k = 0; k < i % 4; k++)
            rig_turn(rig);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(wait_for(rig, &wishes[i]), STATUS_OK);
    assert_int_equal(start_after_a_cut(rig), COUNT - 1);
}

/* A log that has nothing in it has a state too. */
static void empty_log_is_recorded(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct wish wish;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    ask(rig, 1, &wish);
    assert_int_equal(wait_for(rig, &wish), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_int_equal(log_end_offset(rig->logs[1]), 0);
}

/* Nobody waits for ever: not for a log that goes away, not for a store that has failed. */
static void wishes_that_cannot_be_served(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct wish going, failing, late;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put_many(rig, 0, 3);
    put_many(rig, 1, 3);
    ask(rig, 1, &going);
    assert_int_equal(rig_delete(rig, 1), STATUS_OK);
    assert_int_equal(wait_for(rig, &going), STATUS_CANCELLED);
    ask(rig, 0, &failing);
    store_fail(rig->stores[0], STATUS_IO);
    assert_int_equal(wait_for(rig, &failing), STATUS_FAILED);
    ask(rig, 0, &late);
    assert_int_equal(wait_for(rig, &late), STATUS_FAILED);
    assert_int_equal(rig_stop(rig), STATUS_FAILED);
}

/* A wish waits until a full disk has space again; a stop before that tells it so. */
static void wish_on_a_full_disk(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct wish patient, unlucky;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    struct disk *disk = node_disk(fixture->sim.node);
    put_many(rig, 0, 3);
    disk->capacity_bytes = disk->used_bytes;
    ask(rig, 0, &patient);
    while (!rig->stores[0]->is_full)
        rig_turn(rig);
    assert_false(patient.has_landed);
    disk->capacity_bytes = 0;
    assert_int_equal(wait_for(rig, &patient), STATUS_OK);
    while (rig->stores[0]->is_full)
        rig_turn(rig);
    put_many(rig, 0, 3);
    disk->capacity_bytes = disk->used_bytes;
    put_many(rig, 1, 1);
    ask(rig, 1, &unlucky);
    while (!rig->stores[0]->is_full)
        rig_turn(rig);
    assert_int_equal(rig_stop(rig), STATUS_NO_SPACE);
    assert_int_equal(wait_for(rig, &unlucky), STATUS_NO_SPACE);
}

/* As retention and compaction do, who use the log while they wait for its record. */
struct use {
    struct wish wish;
    struct log *log;
};

static void use_landed(struct completion *completion, int32_t result)
{
    struct use *use = container_of(completion, struct use, wish.record.completion);
    wish_landed(completion, result);
    use->log->busy_count--;
    store_progressed(use->log->store);
}

/* Nor does the stop wait for whoever uses a log until its state is recorded. */
static void stop_on_a_full_disk_waits_for_no_user(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct use use = {0};
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    struct disk *disk = node_disk(fixture->sim.node);
    put_many(rig, 0, 3);
    disk->capacity_bytes = disk->used_bytes;
    put_many(rig, 1, 1);
    use.log = rig->logs[1];
    use.log->busy_count++;
    completion_init(&use.wish.record.completion, use_landed);
    log_record(use.log, &use.wish.record);
    while (!rig->stores[0]->is_full)
        rig_turn(rig);
    assert_false(use.wish.has_landed);
    assert_int_equal(rig_stop(rig), STATUS_NO_SPACE);
    assert_true(use.wish.has_landed);
}

/* A journal file that becomes full with nothing in it that the last checkpoint has not covered is
 * given back all the same: else the ring would stand still for ever. */
static void full_file_without_news_is_given_back(void **state)
{
    enum { ROUNDS = 40, BURST = 70, IDLE_SECONDS = 15 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct world *world = fixture->sim.world;
    rig->options.journal_file_bytes = 256 << 10;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        rig_put_many(rig, 0, BURST + i, 10000);
        world_run_until(world, world_now_ns(world) + IDLE_SECONDS * 1000000000ull);
    }
    assert_int_equal(log_durable_offset(rig->logs[0]), ROUNDS * BURST + ROUNDS * (ROUNDS - 1) / 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* With a stop before it no journal file is made ready for later; a commit that comes to need one
 * gets it all the same. */
static void commits_go_on_before_a_stop(void **state)
{
    enum { COMMITS = 200 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.journal_file_bytes = 256 << 10;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 1, 10000);
    store_expect_stop(rig->stores[0]);
    rig_put_many(rig, 0, COMMITS, 10000);
    assert_int_equal(log_durable_offset(rig->logs[0]), 1 + COMMITS);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(record_survives),
        CASE(older_snapshot_is_not_enough),
        CASE(many_wishes_at_once),
        CASE(empty_log_is_recorded),
        CASE(wishes_that_cannot_be_served),
        CASE(wish_on_a_full_disk),
        CASE(stop_on_a_full_disk_waits_for_no_user),
        CASE(full_file_without_news_is_given_back),
        CASE(commits_go_on_before_a_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
