/* What has been written stays in memory for those who read it, and for nobody not for long. */
#include "storage/tail_cache.h"

#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { CACHE_SIZE = 1 << 20, VALUE_SIZE = 60000, FEW = 8, MANY = 40 };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 53);
    fixture->rig.options.cache_bytes_max = CACHE_SIZE;
    assert_int_equal(rig_start(&fixture->rig, 1, 2), STATUS_OK);
    return 0;
}

/* All of the log is on disk, and has been looked at for what may go. */
static void put(struct rig *rig, uint32_t log, uint32_t count)
{
    rig_put_many(rig, log, count, VALUE_SIZE);
    while (rig->logs[log]->flush != NULL || rig->logs[log]->groundwork != NULL)
        rig_turn(rig);
}

/* Whether the batch was in memory; its reader counts as one. */
static bool read_is_warm(struct rig *rig, uint32_t log, int64_t offset)
{
    struct log_read read;
    assert_int_equal(rig_read(rig, log, offset, offset + 1, 1 << 20, &read), STATUS_OK);
    assert_int_equal(read.next_offset, offset + 1);
    log_read_release(&read, rig->io);
    return !read.has_waited;
}

/* However much is written, what nobody reads takes its small share, and the newest is there. */
static void what_nobody_reads_is_let_go(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    put(rig, 0, MANY);
    assert_in_range(rig->stores[0]->cache_bytes, 1, CACHE_SIZE / TAIL_UNREAD_SHARE);
    assert_true(read_is_warm(rig, 0, MANY - 1));
    assert_false(read_is_warm(rig, 0, 0));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* From the first read on the log is kept as far as the bound goes, and others that nobody reads do
 * not push it out. */
static void a_reader_finds_what_he_is_behind(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    put(rig, 0, 1);
    assert_true(read_is_warm(rig, 0, 0));
    put(rig, 0, FEW);
    put(rig, 1, MANY);
    assert_true(rig->stores[0]->unread_cache_bytes <= CACHE_SIZE / TAIL_UNREAD_SHARE);
    assert_true(read_is_warm(rig, 0, 1));
    put(rig, 0, MANY);
    assert_in_range(rig->stores[0]->cache_bytes, CACHE_SIZE / 2, CACHE_SIZE);
    assert_int_equal(rig->stores[0]->unread_cache_bytes, 0); /* they went first */
    assert_false(read_is_warm(rig, 0, 1));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A reader who has not come for long is not waited for. */
static void a_reader_who_stays_away_is_forgotten(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    put(rig, 0, 1);
    assert_true(read_is_warm(rig, 0, 0));
    assert_true(rig->logs[0]->read_until_ns > io_now_ns(rig->io));
    assert_true(rig->logs[0]->read_until_ns <= io_now_ns(rig->io) + TAIL_READER_NS);
    rig->logs[0]->read_until_ns = io_now_ns(rig->io);
    put(rig, 0, MANY);
    assert_in_range(rig->stores[0]->unread_cache_bytes, 1, CACHE_SIZE / TAIL_UNREAD_SHARE);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_nobody_reads_is_let_go),
        CASE(a_reader_finds_what_he_is_behind),
        CASE(a_reader_who_stays_away_is_forgotten),
    };
    return cmocka_run_group_tests_name("storage_tail_cache", tests, NULL, NULL);
}
