/* Logs that acknowledge before the disk has it: no more than flush.messages and flush.ms allow, in
 * whole batches, and never taken back. What nobody waits for lingers before it is written. */
#include "storage/backlog.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

enum { BATCHES = 5, MS = 1000 * 1000 };

struct fixture {
    struct sim_harness sim;
    struct rig rig;
    struct rig_append appends[BATCHES];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    sim_harness_init(&fixture->sim, 23);
    rig_init(&fixture->rig, &fixture->sim.harness);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->rig.is_alive)
        rig_kill(&fixture->rig);
    sim_harness_deinit(&fixture->sim);
    rig_deinit(&fixture->rig);
    free(fixture);
    return 0;
}

/* Five batches of two records each, of which the disk has none yet. */
static struct log *append_all(struct fixture *fixture)
{
    struct rig *rig = &fixture->rig;
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct bytes batch = rig_make(rig, &(struct rig_batch){.record_count = 2, .seed = i});
        rig_append(rig, 0, &fixture->appends[i], batch);
    }
    assert_int_equal(rig->logs[0]->durable_offset, 0);
    return rig->logs[0];
}

static void wait_for_all(struct fixture *fixture)
{
    for (uint32_t i = 0; i < BATCHES; i++)
        assert_int_equal(rig_append_wait(&fixture->rig, &fixture->appends[i]), STATUS_OK);
}

/* With room for six records, three batches of two run ahead; the others wait for the disk. */
static void as_many_as_flush_messages_allows(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = 7;
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    struct log *log = append_all(fixture);
    assert_int_equal(log_durable_offset(log), 0);
    assert_int_equal(rig_append_wait(&fixture->rig, &fixture->appends[2]), STATUS_OK);
    assert_int_equal(log->durable_offset, 0);
    assert_int_equal(log_durable_offset(log), 6);
    assert_false(fixture->appends[3].has_landed);
    wait_for_all(fixture);
    assert_int_equal(log->durable_offset, 10);
}

/* Half a batch is never acknowledged, and never seen. */
static void whole_batches_only(void **state)
{
    struct fixture *fixture = *state;
    struct log_read read;
    fixture->rig.config.flush_messages = 6;
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    struct log *log = append_all(fixture);
    assert_int_equal(rig_append_wait(&fixture->rig, &fixture->appends[1]), STATUS_OK);
    assert_int_equal(log->durable_offset, 0);
    assert_int_equal(log_durable_offset(log), 4);
    assert_int_equal(rig_read(&fixture->rig, 0, 0, 10, 1 << 20, &read), STATUS_OK);
    assert_true(read.next_offset == 4 || log->durable_offset > 4);
    log_read_release(&read, fixture->rig.io);
    wait_for_all(fixture);
}

/* One record, or no time, is what the defaults mean: the disk first. */
static void disk_first(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = 1;
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    struct log *log = append_all(fixture);
    assert_int_equal(rig_append_wait(&fixture->rig, &fixture->appends[0]), STATUS_OK);
    assert_true(log->durable_offset >= 2);
    wait_for_all(fixture);
}

/* What was acknowledged early stays visible when the topic is made strict, and what comes then
 * waits for the disk. */
static void nothing_is_taken_back(void **state)
{
    struct fixture *fixture = *state;
    struct log_config strict = fixture->rig.config;
    fixture->rig.config.flush_messages = 5;
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    struct log *log = append_all(fixture);
    assert_int_equal(rig_append_wait(&fixture->rig, &fixture->appends[1]), STATUS_OK);
    log_configure(log, &strict);
    assert_int_equal(log->durable_offset, 0);
    assert_int_equal(log_durable_offset(log), 4);
    wait_for_all(fixture);
    rig_put(&fixture->rig, 0, &(struct rig_batch){.record_count = 2});
    assert_int_equal(log->durable_offset, 12);
}

/* A power cut takes what the disk did not have, and leaves a log that goes on. */
static void a_power_cut_takes_what_was_ahead(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.flush_messages = 1000;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put(rig, 0, &(struct rig_batch){.record_count = 2});
    while (rig->logs[0]->durable_offset < 2)
        rig_turn(rig);
    for (uint32_t i = 0; i < 3; i++)
        rig_put(rig, 0, &(struct rig_batch){.record_count = 2, .seed = i});
    assert_int_equal(log_durable_offset(rig->logs[0]), 8);
    rig_cut_power(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_in_range(log_end_offset(rig->logs[0]), 2, 8);
    int64_t end = rig_put(rig, 0, &(struct rig_batch){.record_count = 2}) + 2;
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), end);
}

/* --- Lingering -------------------------------------------------------------------------------- */

/* A log of which one batch is on disk, and nothing under way. */
static struct log *start_settled(struct fixture *fixture, uint32_t log_count)
{
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, log_count), STATUS_OK);
    for (uint32_t log = 0; log < log_count; log++)
        rig_put(rig, log, &(struct rig_batch){.record_count = 2});
    for (uint32_t log = 0; log < log_count; log++)
        while (rig->logs[log]->durable_offset < 2 || !journal_is_idle(&rig->stores[0]->journal))
            rig_turn(rig);
    return rig->logs[0];
}

/* How long it takes until the disk has all of the log. */
static uint64_t wait_until_durable(struct rig *rig, const struct log *log)
{
    uint64_t begun_ns = io_now_ns(rig->io);
    while (log->durable_offset < log->end_offset)
        rig_turn(rig);
    return io_now_ns(rig->io) - begun_ns;
}

/* One after the other, each of which is acknowledged at once; then they wait for nobody. */
static void put_lingering(struct fixture *fixture, uint32_t count)
{
    struct log *log = fixture->rig.logs[0];
    int64_t durable_offset = log->durable_offset;
    for (uint32_t i = 0; i < count; i++)
        rig_put(&fixture->rig, 0, &(struct rig_batch){.record_count = 2, .seed = i});
    assert_int_equal(log_durable_offset(log), log->end_offset);
    assert_int_equal(log->durable_offset, durable_offset);
    assert_true(linger_is_any(fixture->rig.stores[0]));
}

/* They gather, and a moment after the first of them all go in one commit. */
static void what_nobody_waits_for_goes_together(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = INT64_MAX - 1;
    struct log *log = start_settled(fixture, 1);
    const struct journal *journal = &fixture->rig.stores[0]->journal;
    uint64_t sequence = journal_landed_sequence(journal);
    uint64_t begun_ns = io_now_ns(fixture->rig.io);
    put_lingering(fixture, 20);
    wait_until_durable(&fixture->rig, log);
    assert_int_equal(journal_landed_sequence(journal), sequence + 1);
    assert_in_range(io_now_ns(fixture->rig.io) - begun_ns, LOOSE_LINGER_MAX_NS,
                    2 * LOOSE_LINGER_MAX_NS);
}

/* With flush.ms of 40, after 10 of them. */
static void a_short_time_is_a_short_moment(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_ms = 40;
    struct log *log = start_settled(fixture, 1);
    put_lingering(fixture, 2);
    assert_in_range(wait_until_durable(&fixture->rig, log), 5 * MS, 20 * MS);
}

/* The log that lingers least sets the time for all of them. */
static void the_shortest_moment_counts(void **state)
{
    struct fixture *fixture = *state;
    struct log_config hasty = fixture->rig.config;
    hasty.flush_ms = 40;
    fixture->rig.config.flush_messages = 1000;
    struct log *log = start_settled(fixture, 2);
    log_configure(fixture->rig.logs[1], &hasty);
    put_lingering(fixture, 2);
    rig_put(&fixture->rig, 1, &(struct rig_batch){.record_count = 2});
    assert_in_range(wait_until_durable(&fixture->rig, log), 5 * MS, 20 * MS);
}

/* A good piece does not wait for the moment to be over. */
static void a_piece_sets_out_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = 1000;
    struct log *log = start_settled(fixture, 1);
    uint64_t begun_ns = io_now_ns(fixture->rig.io);
    for (uint32_t i = 0; i < 14; i++)
        rig_put(&fixture->rig, 0, &(struct rig_batch){.value_size = 20000, .seed = i});
    wait_until_durable(&fixture->rig, log);
    assert_true(io_now_ns(fixture->rig.io) - begun_ns < LOOSE_LINGER_MAX_NS);
}

/* A quarter of flush.messages is the most that lingers. */
static void few_records_linger_where_few_may(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = 28;
    struct log *log = start_settled(fixture, 1);
    put_lingering(fixture, 3);
    rig_put(&fixture->rig, 0, &(struct rig_batch){.record_count = 2});
    assert_true(wait_until_durable(&fixture->rig, log) < LOOSE_LINGER_MAX_NS / 2);
}

/* What a log commits that acknowledges nothing early takes along what lingers. */
static void strict_logs_take_it_along(void **state)
{
    struct fixture *fixture = *state;
    struct log_config strict = fixture->rig.config;
    fixture->rig.config.flush_messages = 1000;
    struct log *log = start_settled(fixture, 2);
    log_configure(fixture->rig.logs[1], &strict);
    put_lingering(fixture, 2);
    rig_put(&fixture->rig, 1, &(struct rig_batch){.record_count = 2});
    assert_int_equal(log->durable_offset, log->end_offset);
}

/* Nor does it linger when the topic is made strict. */
static void it_ends_with_the_looseness(void **state)
{
    struct fixture *fixture = *state;
    struct log_config strict = fixture->rig.config;
    fixture->rig.config.flush_messages = 1000;
    struct log *log = start_settled(fixture, 1);
    put_lingering(fixture, 2);
    log_configure(log, &strict);
    assert_true(wait_until_durable(&fixture->rig, log) < LOOSE_LINGER_MAX_NS / 2);
}

/* New settings do not know how old the records are that the disk has not: an append waits. */
static void who_waits_ends_it(void **state)
{
    struct fixture *fixture = *state;
    struct rig_append again;
    struct rig *rig = &fixture->rig;
    rig->config.flush_messages = 1000;
    struct log *log = start_settled(fixture, 1);
    put_lingering(fixture, 2);
    log->loose->ms = 400;
    rig_append(rig, 0, &again, rig_make(rig, &(struct rig_batch){0}));
    uint64_t begun_ns = io_now_ns(rig->io);
    assert_int_equal(rig_append_wait(rig, &again), STATUS_OK);
    assert_int_equal(log->durable_offset, log->end_offset);
    assert_true(io_now_ns(rig->io) - begun_ns < LOOSE_LINGER_MAX_NS / 2);
}

/* Memory that is short is not kept for it. */
static void a_lack_of_memory_ends_it(void **state)
{
    struct fixture *fixture = *state;
    static struct chunk *chunks[1000];
    uint32_t count = 0;
    fixture->rig.config.flush_messages = 1000;
    fixture->rig.options.memory_bytes_max = 8 << 20;
    struct log *log = start_settled(fixture, 1);
    put_lingering(fixture, 2);
    while ((chunks[count] = store_acquire_chunk(log->store, 64 << 10)) != NULL)
        assert_true(++count < 1000);
    assert_true(wait_until_durable(&fixture->rig, log) < LOOSE_LINGER_MAX_NS / 2);
    while (count > 0)
        chunk_release(chunks[--count], fixture->rig.io);
}

/* --- Beyond what the disk takes --------------------------------------------------------------- */

enum { LARGE_SIZE = 60000, MANY = 40, FEW = 5 };

static void append_large(struct fixture *fixture, struct rig_append *appends, uint32_t count)
{
    struct rig *rig = &fixture->rig;
    for (uint32_t i = 0; i < count; i++)
        rig_append(rig, 0, &appends[i],
                   rig_make(rig, &(struct rig_batch){.value_size = LARGE_SIZE}));
}

/* Of so many large batches, all at once, the first to be acknowledged is on disk. */
static bool first_is_durable(struct fixture *fixture, uint32_t count)
{
    struct rig *rig = &fixture->rig;
    const struct log *log = rig->logs[0];
    struct rig_append appends[MANY];
    int64_t begin = log->end_offset;
    assert_int_equal(log->durable_offset, begin);
    append_large(fixture, appends, count);
    assert_int_equal(rig_append_wait(rig, &appends[0]), STATUS_OK);
    bool is_durable = log->durable_offset > begin;
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
    wait_until_durable(rig, log);
    return is_durable;
}

/* Where an eighth of the memory waits for the disk, nobody is let run further ahead of it: memory
 * would fill up until appends are refused. When it has caught up, all is as before. */
static void who_outruns_the_disk_waits_for_it(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = 1000;
    fixture->rig.options.memory_bytes_max = 16 << 20;
    const struct log *log = start_settled(fixture, 1);
    assert_false(first_is_durable(fixture, FEW));
    assert_true(first_is_durable(fixture, MANY));
    assert_int_equal(log->store->backlog_bytes, 0);
    assert_false(first_is_durable(fixture, FEW));
}

/* Others, for whose batches the disk has no time yet, are let go when the backlog has shrunk. */
static void who_was_held_goes_on_when_it_can(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[MANY];
    struct rig_append other;
    rig->config.flush_messages = 1000;
    rig->options.memory_bytes_max = 16 << 20;
    rig->options.open_files_max = 2; /* one log is written at a time */
    start_settled(fixture, 2);
    const struct log *log = rig->logs[1];
    append_large(fixture, appends, MANY);
    rig_append(rig, 1, &other, rig_make(rig, &(struct rig_batch){.value_size = LARGE_SIZE}));
    rig_turn(rig);
    assert_true(backlog_is_large(log->store));
    assert_false(other.has_landed);
    assert_int_equal(rig_append_wait(rig, &other), STATUS_OK);
    assert_false(backlog_is_large(log->store));
    assert_true(log->durable_offset < log->end_offset);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
}

/* What a log that goes away has not written, nobody waits for. */
static void a_deleted_log_leaves_no_backlog(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[MANY];
    rig->config.flush_messages = 1000;
    const struct log *log = start_settled(fixture, 1);
    const struct store *store = log->store;
    append_large(fixture, appends, MANY);
    assert_true(store->backlog_bytes > 0);
    assert_int_equal(rig_delete(rig, 0), STATUS_OK);
    assert_int_equal(store->backlog_bytes, 0);
}

/* An orderly stop loses nothing of it. */
static void a_stop_writes_it(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.flush_messages = 1000;
    start_settled(fixture, 1);
    put_lingering(fixture, 3);
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    assert_int_equal(log_end_offset(fixture->rig.logs[0]), 8);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(as_many_as_flush_messages_allows),
        CASE(whole_batches_only),
        CASE(disk_first),
        CASE(nothing_is_taken_back),
        CASE(a_power_cut_takes_what_was_ahead),
        CASE(what_nobody_waits_for_goes_together),
        CASE(a_short_time_is_a_short_moment),
        CASE(the_shortest_moment_counts),
        CASE(a_piece_sets_out_at_once),
        CASE(few_records_linger_where_few_may),
        CASE(strict_logs_take_it_along),
        CASE(it_ends_with_the_looseness),
        CASE(who_waits_ends_it),
        CASE(a_lack_of_memory_ends_it),
        CASE(who_outruns_the_disk_waits_for_it),
        CASE(who_was_held_goes_on_when_it_can),
        CASE(a_deleted_log_leaves_no_backlog),
        CASE(a_stop_writes_it),
    };
    return cmocka_run_group_tests_name("storage_loose", tests, NULL, NULL);
}
