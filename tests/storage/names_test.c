/* A start that the power cuts short at any of its operations, on a disk that keeps of the changes
 * to a directory whichever it likes: what was acknowledged is there with the next start. And a
 * start that removes what it knows logs by before the name of what replaces it is durable, is found
 * out.
 */
#include "sim/disk.h"
#include "storage/await.h"
#include "storage/catalog_scan.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdio.h>
#include <stdlib.h>

/* A sanitizer takes ten times as long. */
#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 2, BITING_SEEDS = 40 };
#else
enum { SEEDS = 12, BITING_SEEDS = 60 };
#endif

enum { LOGS = 3, BATCHES = 4, BATCH_SIZE = 3000, NTH_MAX = 1000 };

static int set_up(void **state)
{
    sim_rig_set_up(state, 1);
    return 0;
}

/* --- The mistake ------------------------------------------------------------------------------ */

/* The linker puts this in the place of the right one (-Wl,--wrap). */
enum status __real_await_sync_directory(struct io *io, const char *path);
enum status __wrap_await_sync_directory(struct io *io, const char *path);

static bool *removes_early(void)
{
    static bool is_planted;
    return &is_planted;
}

/* Saves a sync, as it seems: the new base and the removal of the records are synced at once. */
enum status __wrap_await_sync_directory(struct io *io, const char *path)
{
    char store[PATH_SIZE];
    char catalogs[PATH_SIZE];
    path_parent(path, store);
    path_catalogs(store, catalogs);
    if (*removes_early() && strcmp(path, catalogs) == 0 &&
        catalog_remove_records(io, store) != STATUS_OK)
        return STATUS_FAILED;
    return __real_await_sync_directory(io, path);
}

/* --- The story -------------------------------------------------------------------------------- */

enum ending { STOPPED, KILLED, POWER_CUT };

struct strike {
    enum ending ending; /* of the life before */
    uint64_t nth;       /* operation of the start */
    uint64_t seed;
};

static void live(struct sim_rig *fixture, const struct strike *strike)
{
    struct rig *rig = &fixture->rig;
    fixture->sim.seed = strike->seed;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, 1, LOGS), STATUS_OK);
    node_disk(fixture->sim.node)->order = DISK_UNORDERED;
    for (uint32_t log = 0; log < LOGS; log++)
        rig_put_many(rig, log, BATCHES, BATCH_SIZE);
    switch (strike->ending) {
    case STOPPED: assert_int_equal(rig_stop(rig), STATUS_OK); break;
    case KILLED: rig_kill(rig); break;
    case POWER_CUT: rig_cut_power(rig); break;
    }
}

/* Answers whether the start had so many operations. */
static bool start_and_cut(struct sim_rig *fixture, uint64_t nth)
{
    struct node *node = fixture->sim.node;
    node_plan(node, (struct planned_fault){PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE, nth});
    (void)rig_start(&fixture->rig, 1, LOGS);
    bool has_struck = !node_has_plans(node);
    node_forget_plans(node);
    if (fixture->rig.is_alive)
        rig_cut_power(&fixture->rig);
    return has_struck;
}

static bool is_whole(struct rig *rig)
{
    if (rig_start(rig, 1, LOGS) != STATUS_OK)
        return false;
    bool is_whole = true;
    for (uint32_t log = 0; log < LOGS && is_whole; log++) {
        uint32_t digest;
        is_whole =
            log_end_offset(rig->logs[log]) == BATCHES && rig_read_all(rig, log, &digest) == BATCHES;
    }
    rig_kill(rig);
    return is_whole;
}

/* Answers how many strikes took something away; one is enough of what is to be found. */
static uint32_t strike_everywhere(struct sim_rig *fixture, enum ending ending, uint64_t seed_count)
{
    uint32_t lost_count = 0;
    bool has_struck = true;
    for (uint64_t nth = 1; has_struck; nth++) {
        assert_true(nth < NTH_MAX);
        for (uint64_t seed = 1; seed <= seed_count; seed++) {
            struct strike strike = {ending, nth, seed * NTH_MAX + nth};
            live(fixture, &strike);
            has_struck = start_and_cut(fixture, nth);
            bool is_lost = !is_whole(&fixture->rig);
            if (is_lost && *removes_early())
                return 1;
            if (is_lost)
                print_message("ending %d, operation %lu, seed %lu\n%s\n", ending, nth, strike.seed,
                              fixture->rig.log_text);
            lost_count += is_lost;
            fixture->rig.log_size = 0;
        }
    }
    return lost_count;
}

static void start_after_a_stop_may_be_cut_short(void **state)
{
    assert_int_equal(strike_everywhere(*state, STOPPED, SEEDS), 0);
}

static void start_after_a_kill_may_be_cut_short(void **state)
{
    assert_int_equal(strike_everywhere(*state, KILLED, SEEDS), 0);
}

static void start_after_a_power_cut_may_be_cut_short(void **state)
{
    assert_int_equal(strike_everywhere(*state, POWER_CUT, SEEDS), 0);
}

static void removal_before_the_name_is_durable_is_found(void **state)
{
    *removes_early() = true;
    uint32_t lost_count = strike_everywhere(*state, STOPPED, BITING_SEEDS);
    *removes_early() = false;
    assert_int_equal(lost_count, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(start_after_a_stop_may_be_cut_short),
        CASE(start_after_a_kill_may_be_cut_short),
        CASE(start_after_a_power_cut_may_be_cut_short),
        CASE(removal_before_the_name_is_durable_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
