/* The commit that lies ready behind the one in flight: it is taken back when more comes, begins by
 * itself when the one before is durable, and never without it. */
#include "base/assert.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { FILE_BYTES = 4 << 20, SMALL_SIZE = 1000, LARGE_SIZE = 20000, APPENDS_MAX = 256 };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 83);
    fixture->rig.options.journal_file_bytes = FILE_BYTES;
    return 0;
}

static struct journal *journal_of(struct rig *rig)
{
    return &rig->stores[0]->journal;
}

static void ask(struct rig *rig, struct rig_append *append, uint32_t value_size)
{
    rig_append(rig, 0, append, rig_make(rig, &(struct rig_batch){.value_size = value_size}));
}

static void turn_until_in_flight(struct rig *rig)
{
    while (journal_of(rig)->in_flight == NULL)
        rig_turn(rig);
}

static void turn_until_following(struct rig *rig)
{
    while (journal_of(rig)->following == NULL) {
        assert_non_null(journal_of(rig)->in_flight);
        rig_turn(rig);
    }
}

/* A life in whose journal file, zeroed, one commit is in flight and one lies ready behind it. */
static void start_with_two(struct rig *rig, struct rig_append appends[static 2])
{
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    while (!journal_of(rig)->files[journal_of(rig)->current].is_zeroed)
        rig_put_many(rig, 0, 1, SMALL_SIZE);
    do {
        while (!journal_is_still(journal_of(rig)))
            rig_turn(rig);
        ask(rig, &appends[0], SMALL_SIZE);
        turn_until_in_flight(rig);
        ask(rig, &appends[1], SMALL_SIZE);
        while (journal_of(rig)->following == NULL && !appends[1].has_landed)
            rig_turn(rig);
    } while (appends[1].has_landed); /* the disk was faster than the core */
    assert_false(appends[0].has_landed);
}

static void wait_for_all(struct rig *rig, struct rig_append *appends, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
}

/* The second commit has begun before the core has seen the first one land. */
static void a_ready_commit_follows_by_itself(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[2];
    start_with_two(rig, appends);
    struct journal *journal = journal_of(rig);
    struct journal_commit *first = journal->in_flight;
    struct journal_commit *second = journal->following;
    while (atomic_load(&first->write.next) == &second->write)
        rig_turn(rig);
    assert_ptr_equal(journal->in_flight, first);
    assert_ptr_equal(journal->following, second);
    assert_false(appends[0].has_landed);
    wait_for_all(rig, appends, 2);
    assert_null(journal_of(rig)->in_flight);
    assert_null(journal_of(rig)->following);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* What comes while a commit lies ready goes with it, so there are as many commits as before; and
 * what is on disk is all of it. */
static void more_joins_a_ready_commit(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[5];
    start_with_two(rig, appends);
    const struct journal_commit *ready = journal_of(rig)->following;
    uint64_t sequence = ready->sequence;
    uint64_t position = journal_of(rig)->position;
    for (uint32_t i = 2; i < 5; i++) {
        ask(rig, &appends[i], SMALL_SIZE);
        assert_null(journal_of(rig)->following);
        turn_until_following(rig);
        assert_ptr_equal(journal_of(rig)->following, ready);
        assert_int_equal(ready->sequence, sequence);
        assert_int_equal(ready->entry_count, i);
    }
    assert_int_equal(journal_of(rig)->position, position - commit_stored_size(SMALL_SIZE) +
                                                    commit_stored_size(ready->size_bytes));
    wait_for_all(rig, appends, 5);
    assert_int_equal(journal_landed_sequence(journal_of(rig)), sequence);
    int64_t end_offset = log_end_offset(rig->logs[0]);
    uint32_t digest, digest_after;
    assert_int_equal(rig_read_all(rig, 0, &digest), end_offset);
    rig_cut_power(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig_read_all(rig, 0, &digest_after), end_offset);
    assert_int_equal(digest_after, digest);
    rig_kill(rig);
}

/* Once it has begun nothing joins it any more: what comes then goes with a third one. */
static void a_commit_that_has_begun_is_left_alone(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[3];
    start_with_two(rig, appends);
    const struct journal_commit *second = journal_of(rig)->following;
    while (journal_of(rig)->in_flight != second)
        rig_turn(rig);
    uint64_t sequence = second->sequence;
    ask(rig, &appends[2], SMALL_SIZE);
    assert_int_equal(second->entry_count, 1);
    wait_for_all(rig, appends, 3);
    assert_int_equal(journal_landed_sequence(journal_of(rig)), sequence + 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* After an error of the first, of its sync at the latest, the second is not written, and nobody is
 * told that it is. */
static void nothing_follows_an_error(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t i = 0; i < 2; i++) {
        struct rig_append appends[2];
        rig->harness->reset(rig->harness);
        start_with_two(rig, appends);
        int64_t durable_offset = log_durable_offset(rig->logs[0]);
        fixture->sim.world->faults.disk.write_error = i == 0 ? CHANCE_ALWAYS : 0;
        fixture->sim.world->faults.disk.sync_error = CHANCE_ALWAYS;
        assert_int_equal(rig_append_wait(rig, &appends[0]), STATUS_FAILED);
        assert_int_equal(rig_append_wait(rig, &appends[1]), STATUS_FAILED);
        while (!journal_is_still(journal_of(rig)))
            rig_turn(rig);
        assert_int_equal(log_durable_offset(rig->logs[0]), durable_offset);
        fixture->sim.world->faults.disk = (struct disk_faults){0};
        assert_int_equal(rig_stop(rig), STATUS_FAILED);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_in_range(log_end_offset(rig->logs[0]), durable_offset, durable_offset + 1);
        rig_kill(rig);
    }
}

/* Behind the commit that fills a file none lies ready: the next file is taken when that one has
 * landed. */
static void nothing_follows_into_another_file(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[2];
    start_with_two(rig, appends);
    wait_for_all(rig, appends, 2);
    const struct journal *journal = journal_of(rig);
    for (uint32_t round = 0; round < 5; round++) {
        while (journal->position != FILE_BYTES - COMMIT_ALIGNMENT)
            rig_put_many(rig, 0, 1, SMALL_SIZE);
        uint32_t full = journal->current;
        ask(rig, &appends[0], SMALL_SIZE);
        turn_until_in_flight(rig);
        assert_int_equal(journal->position, FILE_BYTES);
        ask(rig, &appends[1], SMALL_SIZE);
        for (; !appends[0].has_landed; rig_turn(rig))
            assert_null(journal->following);
        assert_int_equal(rig_append_wait(rig, &appends[1]), STATUS_OK);
        assert_int_not_equal(journal->current, full);
        assert_int_equal(journal->position, COMMIT_ALIGNMENT);
    }
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* From file to file, with commits of all sizes: large ones do not lie ready, and what was written
 * is there after a restart. */
static void sizes_bound_what_follows(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[APPENDS_MAX];
    uint32_t following_count = 0;
    uint32_t file_count = 0;
    start_with_two(rig, appends);
    wait_for_all(rig, appends, 2);
    for (uint32_t round = 0; round < 400; round++) {
        uint32_t current = journal_of(rig)->current;
        uint32_t count = round % 8 == 0 ? 8 : 1;
        for (uint32_t i = 0; i < count; i++)
            ask(rig, &appends[i], LARGE_SIZE);
        turn_until_in_flight(rig);
        ask(rig, &appends[count], LARGE_SIZE);
        for (uint32_t i = 0; i < 8 && round % 2 == 0; i++)
            ask(rig, &appends[++count], LARGE_SIZE);
        while (!appends[count].has_landed) {
            const struct journal_commit *following = journal_of(rig)->following;
            assert_true(following == NULL || following->size_bytes <= 64 * 1024);
            assert_true(journal_of(rig)->position <= FILE_BYTES);
            following_count += following != NULL;
            rig_turn(rig);
        }
        wait_for_all(rig, appends, count + 1);
        file_count += journal_of(rig)->current != current;
        arena_reset(&rig->arena);
    }
    assert_true(following_count > 0);
    assert_true(file_count > 3);
    uint32_t digest;
    int64_t end_offset = log_end_offset(rig->logs[0]);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig_read_all(rig, 0, &digest), end_offset);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Wherever the power is cut while two commits are on their way: what was acknowledged is there, and
 * the second is not there without the first. */
static void power_cuts_between_two(void **state)
{
    enum { CUTS = 200, TURNS_MAX = 8 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t cut = 0; cut < CUTS; cut++) {
        struct rig_append appends[2];
        rig->harness->reset(rig->harness);
        start_with_two(rig, appends);
        int64_t end_offset = log_end_offset(rig->logs[0]);
        for (uint32_t turns = cut % TURNS_MAX; turns > 0; turns--)
            rig_turn(rig);
        int64_t acknowledged = end_offset - 2 + appends[0].has_landed + appends[1].has_landed;
        assert_true(appends[0].has_landed || !appends[1].has_landed);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        uint32_t digest;
        assert_in_range(rig_read_all(rig, 0, &digest), acknowledged, end_offset);
        rig_kill(rig);
    }
}

/* A stop waits for both. */
static void a_stop_waits_for_what_follows(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append appends[2];
    start_with_two(rig, appends);
    int64_t end_offset = log_end_offset(rig->logs[0]);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(appends[0].result, STATUS_OK);
    assert_int_equal(appends[1].result, STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(log_end_offset(rig->logs[0]), end_offset);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_ready_commit_follows_by_itself),
        CASE(more_joins_a_ready_commit),
        CASE(a_commit_that_has_begun_is_left_alone),
        CASE(nothing_follows_an_error),
        CASE(nothing_follows_into_another_file),
        CASE(sizes_bound_what_follows),
        CASE(power_cuts_between_two),
        CASE(a_stop_waits_for_what_follows),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
