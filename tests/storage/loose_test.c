/* Logs that acknowledge before the disk has it: no more than flush.messages and flush.ms allow, in
 * whole batches, and never taken back. */
#include "storage/log_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

enum { BATCHES = 5 };

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_many_as_flush_messages_allows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_batches_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(disk_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_taken_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_power_cut_takes_what_was_ahead, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("storage_loose", tests, NULL, NULL);
}
