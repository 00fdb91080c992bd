/* Things that cross each other on their way: a stop and a read ahead, a stop and a full disk, a
 * deletion and a checkpoint, a reservation and a lack of memory. */
#include "base/assert.h"
#include "sim/disk.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

struct fixture {
    struct sim_harness sim;
    struct rig rig;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    sim_harness_init(&fixture->sim, 11);
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

static void put_many(struct rig *rig, uint32_t log, uint32_t count, uint32_t value_size)
{
    for (uint32_t i = 0; i < count; i++) {
        rig_put(rig, log, &(struct rig_batch){.value_size = value_size, .seed = i});
        arena_reset(&rig->arena);
    }
}

/* --- Stops ------------------------------------------------------------------------------------
 */

/* A stop that finds only a read ahead under way waits for it, and lands. */
static void stop_during_read_ahead(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_many(rig, 0, 20, 100000);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct log_read read;
    assert_int_equal(rig_read(rig, 0, 0, INT64_MAX, 10 << 20, &read), STATUS_OK);
    log_read_release(&read, rig->io);
    assert_true(rig->logs[0]->busy_count > 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A stop on a full disk ends, says so, and leaves no append without an answer; what was
 * acknowledged is there when there is space again. */
static void stop_on_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    enum { COUNT = 200 };
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_many(rig, 0, 5, 5000);
    struct disk *disk = node_disk(fixture->sim.node);
    disk->capacity_bytes = disk->used_bytes;
    struct rig_append *appends = calloc(COUNT, sizeof *appends);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct rig_batch shape = {.value_size = i % 5 == 0 ? 90000 : 30000, .seed = i};
        rig_append(rig, 0, &appends[i], rig_make(rig, &shape));
    }
    while (!rig->stores[0]->is_full)
        rig_turn(rig);
    assert_int_equal(rig_stop(rig), STATUS_NO_SPACE);
    int64_t acknowledged = 5;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(appends[i].has_landed);
        if (appends[i].result == STATUS_OK)
            acknowledged = appends[i].append.last_offset + 1;
    }
    free(appends);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    uint32_t digest;
    assert_true(rig_read_all(rig, 0, &digest) >= acknowledged);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(stop_during_read_ahead),
        CASE(stop_on_a_full_disk),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
