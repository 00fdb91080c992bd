/* Deletions that an earlier life owed: logs that nobody opens, and whose topics were deleted, go,
 * wherever the power goes meanwhile; all others stay. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/overdue.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { CORES = 2, LOGS = 6, KEPT = 1, FOREIGN = LOGS - 1, STEPS_MANY = 100000 };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 23);
    fixture->rig.config.file_delete_delay_ms = 0;
    return 0;
}

/* Says of all logs but the last, which is no core's, that their topic was deleted; also of the
 * first, which is open. */
struct judge {
    struct overdue_judge judge;
    uint32_t core;
};

static bool is_home(struct overdue_judge *judge, struct uuid topic_id, int32_t partition)
{
    return partition != FOREIGN &&
           (uint32_t)partition % CORES == container_of(judge, struct judge, judge)->core;
}

static bool was_deleted(struct overdue_judge *judge, struct uuid topic_id)
{
    return uuid_equal(topic_id, rig_log_id(0).topic_id);
}

static void begin(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->core_count; i++) {
        struct judge judge = {{is_home, was_deleted}, i};
        overdue_start(rig->stores[i], &judge.judge);
    }
}

static bool is_over(const struct rig *rig)
{
    for (uint32_t i = 0; i < rig->core_count; i++) {
        const struct graveyard *graveyard = &rig->stores[i]->graveyard;
        if (rig->stores[i]->overdue != NULL || graveyard->current != NULL ||
            !list_is_empty(&graveyard->graves))
            return false;
    }
    return true;
}

/* A large batch goes to its segment at once, so there is a directory, but for one log that has
 * none. Ends as after a power cut, with journals that speak of all of them, or in order. */
static void leave_logs(struct rig *rig, bool in_order)
{
    assert_int_equal(rig_start(rig, CORES, LOGS), STATUS_OK);
    for (uint32_t i = 0; i < LOGS; i++)
        if (i != 2)
            rig_put(rig, i, &(struct rig_batch){.value_size = 40000, .seed = i});
    if (in_order)
        assert_int_equal(rig_stop(rig), STATUS_OK);
    else
        rig_cut_power(rig);
}

static bool has_directory(struct rig *rig, uint32_t log)
{
    return rig_count_files(rig, log) >= 0;
}

/* Only the log that is open, and the one that no core took, are there, and the next life knows of
 * no other. */
static void check_outcome(struct rig *rig)
{
    assert_null(strstr(rig->log_text, "stays on disk"));
    for (uint32_t i = 0; i < LOGS; i++)
        assert_int_equal(has_directory(rig, i), i < KEPT || i == FOREIGN);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, CORES, KEPT), STATUS_OK);
    assert_int_equal(rig->states->count, KEPT + 1);
    assert_non_null(store_states_find(rig->states, rig_log_id(FOREIGN).topic_id,
                                      rig_log_id(FOREIGN).partition));
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Files and states go, of those logs that are at home here, were deleted and are not open; a stop
 * waits for what is under way, and leaves the rest to the next life. */
static void overdue_deletions_are_carried_out(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t in_order = 0; in_order < 2; in_order++) {
        rig->harness->reset(rig->harness);
        leave_logs(rig, in_order);
        assert_int_equal(rig_start(rig, CORES, KEPT), STATUS_OK);
        begin(rig);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, CORES, KEPT), STATUS_OK);
        assert_true(rig->states->count > KEPT + 1);
        begin(rig);
        while (!is_over(rig))
            rig_turn(rig);
        check_outcome(rig);
    }
}

/* Wherever the power goes, the next life goes on with it, and finds no damage. */
static void cut_at_every_step(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool was_over = false;
    uint32_t round_count = 0;
    for (uint32_t steps = 0; !was_over; steps++, round_count++) {
        rig->harness->reset(rig->harness);
        leave_logs(rig, steps % 2 == 0);
        assert_int_equal(rig_start(rig, CORES, KEPT), STATUS_OK);
        begin(rig);
        for (uint32_t i = 0; i < steps; i++)
            world_step(fixture->sim.world);
        was_over = is_over(rig);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, CORES, KEPT), STATUS_OK);
        begin(rig);
        for (uint32_t i = 0; !is_over(rig); i++) {
            assert_true(i < STEPS_MANY);
            rig_turn(rig);
        }
        rig_stop(rig);
        /* What was renamed and not removed before the cut is the strays' business. */
        assert_int_equal(rig_start(rig, CORES, KEPT), STATUS_OK);
        check_outcome(rig);
    }
    assert_true(round_count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(overdue_deletions_are_carried_out, set_up,
                                        sim_rig_tear_down),
        cmocka_unit_test_setup_teardown(cut_at_every_step, set_up, sim_rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
