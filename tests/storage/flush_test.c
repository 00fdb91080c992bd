/* What has been sealed goes out in rounds: as much at once as the limits of a round allow, and a
 * round that somebody waits for is durable when it lands. */
#include "storage/flush.h"

#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { SMALL_SIZE = 1000, DIRECT_SIZE = 40000, LARGE_SIZE = 100000, APPENDS_MAX = 64 };

static int set_up(void **state)
{
    sim_rig_set_up(state, 31);
    return 0;
}

static void settle(struct rig *rig)
{
    while (rig->logs[0]->groundwork != NULL || rig->logs[0]->flush != NULL)
        rig_turn(rig);
}

/* A log with some MiB of ground before it, so that nothing but the limits ends a round. */
static void start_with_ground(struct rig *rig)
{
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < 40; i++) {
        rig_put_many(rig, 0, 1, LARGE_SIZE);
        settle(rig);
    }
}

struct rounds {
    uint32_t frame_count_max;
    uint64_t size_bytes_max;
};

static uint64_t round_size(const struct flush *flush)
{
    uint64_t size_bytes = 0;
    for (uint32_t i = 0; i < flush->round.frame_count; i++)
        size_bytes += flush->round.pieces[i].size;
    return size_bytes;
}

static void note_round(struct rounds *rounds, const struct flush *flush)
{
    if (flush == NULL)
        return;
    if (flush->round.frame_count > rounds->frame_count_max)
        rounds->frame_count_max = flush->round.frame_count;
    if (round_size(flush) > rounds->size_bytes_max)
        rounds->size_bytes_max = round_size(flush);
}

/* Acknowledged in order, and not before the sync. */
static void check_order(const struct log *log, const struct rig_append *appends, uint32_t count)
{
    for (uint32_t i = 0; i < count && appends[i].has_landed; i++)
        assert_true(appends[i].append.last_offset < log->durable_offset);
    for (uint32_t i = 1; i < count; i++)
        assert_true(appends[i - 1].has_landed || !appends[i].has_landed);
}

/* Appends all at once and waits; looks at every turn what is under way, and what is durable. */
static struct rounds append_all(struct rig *rig, const uint32_t *value_sizes, uint32_t count)
{
    struct rig_append appends[APPENDS_MAX];
    struct rounds rounds = {0};
    struct log *log = rig->logs[0];
    assert_in_range(count, 1, APPENDS_MAX);
    for (uint32_t i = 0; i < count; i++)
        rig_append(rig, 0, &appends[i],
                   rig_make(rig, &(struct rig_batch){.value_size = value_sizes[i]}));
    log_seal(log);
    while (!appends[count - 1].has_landed) {
        note_round(&rounds, log->flush);
        check_order(log, appends, count);
        rig_turn(rig);
    }
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
    settle(rig);
    return rounds;
}

static struct rounds append_many(struct rig *rig, uint32_t value_size, uint32_t count)
{
    uint32_t value_sizes[APPENDS_MAX];
    for (uint32_t i = 0; i < count; i++)
        value_sizes[i] = value_size;
    return append_all(rig, value_sizes, count);
}

static void finish(struct rig *rig, int64_t batch_count)
{
    uint32_t digest;
    uint32_t digest_after;
    assert_int_equal(rig_read_all(rig, 0, &digest), batch_count);
    rig_cut_power(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig_read_all(rig, 0, &digest_after), batch_count);
    assert_int_equal(digest_after, digest);
    rig_kill(rig);
}

/* What comes in one turn goes together, up to the number of frames. */
static void what_waits_is_one_round(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_ground(rig);
    assert_int_equal(append_many(rig, DIRECT_SIZE, 1).frame_count_max, 1);
    assert_int_equal(append_many(rig, DIRECT_SIZE, 6).frame_count_max, 6);
    assert_int_equal(append_many(rig, DIRECT_SIZE, 40).frame_count_max, ROUND_FRAMES_MAX);
    finish(rig, 40 + 1 + 6 + 40);
}

/* No more than a round's bytes at once, except for a frame that is larger by itself. */
static void a_round_has_a_size(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_ground(rig);
    struct rounds rounds = append_many(rig, 300000, 12);
    assert_int_equal(rounds.frame_count_max, 3);
    assert_in_range(rounds.size_bytes_max, 900000, ROUND_SIZE_MAX);
    rounds = append_many(rig, 2 * ROUND_SIZE_MAX, 3);
    assert_int_equal(rounds.frame_count_max, 1);
    assert_true(rounds.size_bytes_max > 2 * ROUND_SIZE_MAX);
    finish(rig, 40 + 12 + 3);
}

/* Small batches before, between and behind large ones are durable with the round they are in. */
static void small_frames_go_with_large_ones(void **state)
{
    static const uint32_t value_sizes[] = {DIRECT_SIZE, SMALL_SIZE,  DIRECT_SIZE,
                                           SMALL_SIZE,  SMALL_SIZE,  LARGE_SIZE,
                                           SMALL_SIZE,  DIRECT_SIZE, SMALL_SIZE};
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_ground(rig);
    assert_int_equal(append_all(rig, value_sizes, 9).frame_count_max, 8);
    finish(rig, 40 + 9);
}

/* --- Turns ------------------------------------------------------------------------------------ */

enum { HOT_LOGS = DURABLE_ROUNDS_MAX, HOT_APPENDS = 6 * ROUND_FRAMES_MAX };

static void start_many_with_ground(struct rig *rig)
{
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    for (uint32_t log = 0; log < RIG_LOGS_MAX; log++) {
        for (uint32_t i = 0; i < 40; i++)
            rig_put_many(rig, log, 1, LARGE_SIZE);
        while (rig->logs[log]->groundwork != NULL || rig->logs[log]->flush != NULL)
            rig_turn(rig);
    }
}

static uint32_t count_turns(const struct store *store)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FLUSHES_MAX; i++)
        count += store->flushes[i].has_turn;
    assert_int_equal(count, store->durable_round_count);
    return count;
}

static void append_large(struct rig *rig, uint32_t log, struct rig_append *append)
{
    rig_append(rig, log, append, rig_make(rig, &(struct rig_batch){.value_size = DIRECT_SIZE}));
}

/* As many logs as have a turn have a lot to write, and the others a batch each: those are not kept
 * waiting until the first have nothing more, and never are there more turns than that. */
static void logs_take_turns(void **state)
{
    static struct rig_append hot[HOT_LOGS][HOT_APPENDS];
    struct rig_append late[RIG_LOGS_MAX];
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_many_with_ground(rig);
    const struct store *store = rig->stores[0];
    for (uint32_t log = 0; log < HOT_LOGS; log++) {
        for (uint32_t i = 0; i < HOT_APPENDS; i++)
            append_large(rig, log, &hot[log][i]);
        log_seal(rig->logs[log]);
    }
    for (uint32_t log = HOT_LOGS; log < RIG_LOGS_MAX; log++)
        append_large(rig, log, &late[log]);
    uint32_t turns_max = 0;
    while (!late[RIG_LOGS_MAX - 1].has_landed) {
        uint32_t turns = count_turns(store);
        turns_max = turns > turns_max ? turns : turns_max;
        rig_turn(rig);
    }
    assert_int_equal(turns_max, DURABLE_ROUNDS_MAX);
    for (uint32_t log = 0; log < HOT_LOGS; log++)
        assert_false(hot[log][HOT_APPENDS - 1].has_landed);
    for (uint32_t log = HOT_LOGS; log < RIG_LOGS_MAX; log++)
        assert_int_equal(rig_append_wait(rig, &late[log]), STATUS_OK);
    for (uint32_t log = 0; log < HOT_LOGS; log++)
        for (uint32_t i = 0; i < HOT_APPENDS; i++)
            assert_int_equal(rig_append_wait(rig, &hot[log][i]), STATUS_OK);
    while (count_turns(store) > 0)
        rig_turn(rig);
    finish(rig, 40 + HOT_APPENDS);
}

static uint32_t count_unsynced(const struct rig *rig)
{
    uint32_t count = 0;
    for (uint32_t log = 0; log < RIG_LOGS_MAX; log++)
        count += rig->logs[log]->synced_offset < rig->logs[log]->end_offset;
    return count;
}

/* Who acknowledges before the disk has it does not wait for turns, and takes nobody's. */
static void loose_logs_need_no_turn(void **state)
{
    struct rig_append appends[RIG_LOGS_MAX];
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.flush_messages = 1000;
    start_many_with_ground(rig);
    const struct store *store = rig->stores[0];
    for (uint32_t log = 0; log < RIG_LOGS_MAX; log++)
        append_large(rig, log, &appends[log]);
    assert_int_equal(count_unsynced(rig), RIG_LOGS_MAX);
    while (count_unsynced(rig) > 0) {
        assert_int_equal(count_turns(store), 0);
        assert_true(list_is_empty(&store->round_turns));
        rig_turn(rig);
    }
    for (uint32_t log = 0; log < RIG_LOGS_MAX; log++)
        assert_int_equal(rig_append_wait(rig, &appends[log]), STATUS_OK);
    finish(rig, 40 + 1);
}

/* --- Lingering -------------------------------------------------------------------------------- */

/* A checkpoint is far away, and nothing lingers. */
static struct log *start_loose(struct rig *rig)
{
    rig->config.flush_messages = INT64_MAX - 1;
    start_with_ground(rig);
    struct store *store = rig->stores[0];
    while (timer_is_running(&store->lingering))
        rig_turn(rig);
    checkpoint_request(store, journal_landed_sequence(&store->journal));
    while (store->checkpoint.begin_is_pending || store->checkpoint.is_running)
        rig_turn(rig);
    assert_false(linger_is_any(store));
    settle(rig);
    return rig->logs[0];
}

/* Each is acknowledged before the next comes; answers how large the rounds are that write them, and
 * how long that takes. */
static struct rounds put_loosely(struct rig *rig, uint32_t value_size, uint32_t count,
                                 uint64_t *duration_ns)
{
    struct rounds rounds = {0};
    struct log *log = rig->logs[0];
    uint64_t begun_ns = io_now_ns(rig->io);
    for (uint32_t i = 0; i < count; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = value_size, .seed = i});
    while (log->durable_offset < log->end_offset) {
        note_round(&rounds, log->flush);
        rig_turn(rig);
    }
    *duration_ns = io_now_ns(rig->io) - begun_ns;
    settle(rig);
    return rounds;
}

/* Large batches that nobody waits for go together a moment after the first of them, or as soon as
 * they make a good round. */
static void loose_rounds_gather(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint64_t duration_ns;
    start_loose(rig);
    assert_int_equal(put_loosely(rig, DIRECT_SIZE, 6, &duration_ns).frame_count_max, 6);
    assert_in_range(duration_ns, LOOSE_LINGER_MAX_NS, 2 * LOOSE_LINGER_MAX_NS);
    assert_in_range(put_loosely(rig, DIRECT_SIZE, 12, &duration_ns).frame_count_max, 8, 12);
    assert_true(duration_ns >= LOOSE_LINGER_MAX_NS);
    assert_in_range(put_loosely(rig, LARGE_SIZE, 6, &duration_ns).frame_count_max, 4, 6);
    assert_true(duration_ns < LOOSE_LINGER_MAX_NS);
    finish(rig, 40 + 6 + 12 + 6);
}

/* A state to be recorded, as for retention, does not wait for the moment to be over. */
static void who_waits_for_a_record_ends_it(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct log *log = start_loose(rig);
    uint64_t begun_ns = io_now_ns(rig->io);
    for (uint32_t i = 0; i < 3; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = DIRECT_SIZE, .seed = i});
    assert_true(linger_is_any(rig->stores[0]));
    uint64_t version = log_want_record(log);
    while (log->recorded_version < version)
        rig_turn(rig);
    assert_int_equal(log->recorded_offset, log->end_offset);
    assert_true(io_now_ns(rig->io) - begun_ns < LOOSE_LINGER_MAX_NS);
    finish(rig, 40 + 3);
}

/* --- Order ------------------------------------------------------------------------------------ */

/* More logs than are written at the same time, each with somebody who always waits for so many
 * batches. */
enum { CROWD_LOGS = 3 * FLUSHES_MAX, CROWD_IN_FLIGHT = 3 };

struct crowd {
    struct bytes batch;
    struct rig_append appends[CROWD_LOGS][CROWD_IN_FLIGHT];
    uint32_t counts[CROWD_LOGS];
    uint32_t count;
};

static void crowd_begin(struct crowd *crowd, struct rig *rig)
{
    *crowd = (struct crowd){
        .batch = rig_make(rig, &(struct rig_batch){.value_size = DIRECT_SIZE}),
    };
    for (uint32_t i = 0; i < CROWD_LOGS; i++) {
        for (uint32_t k = 0; k < CROWD_IN_FLIGHT; k++)
            rig_append(rig, i, &crowd->appends[i][k], crowd->batch);
    }
}

static void crowd_take(struct crowd *crowd, struct rig *rig, uint32_t log)
{
    for (uint32_t k = 0; k < CROWD_IN_FLIGHT; k++) {
        struct rig_append *append = &crowd->appends[log][k];
        if (!append->has_landed)
            continue;
        assert_int_equal(append->result, STATUS_OK);
        crowd->counts[log]++;
        crowd->count++;
        rig_append(rig, log, append, crowd->batch);
    }
}

static void crowd_go_on(struct crowd *crowd, struct rig *rig, uint32_t until_count)
{
    while (crowd->count < until_count) {
        rig_turn(rig);
        for (uint32_t i = 0; i < CROWD_LOGS; i++)
            crowd_take(crowd, rig, i);
    }
}

static void crowd_end(struct crowd *crowd, struct rig *rig)
{
    for (uint32_t i = 0; i < CROWD_LOGS; i++) {
        for (uint32_t k = 0; k < CROWD_IN_FLIGHT; k++)
            assert_int_equal(rig_append_wait(rig, &crowd->appends[i][k]), STATUS_OK);
    }
    rig_kill(rig);
}

/* Of logs that somebody waits for, the one who has waited longest is written next: all of them are
 * served about as often. */
static void whoever_waits_longest_is_next(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct crowd crowd;
    assert_int_equal(rig_start(rig, 1, CROWD_LOGS), STATUS_OK);
    crowd_begin(&crowd, rig);
    crowd_go_on(&crowd, rig, 40 * CROWD_LOGS);
    for (uint32_t i = 0; i < CROWD_LOGS; i++)
        assert_in_range(crowd.counts[i], 20, 80);
    crowd_end(&crowd, rig);
}

/* Where more logs wait than are written at once, more of them are synced at the same time. */
static void a_crowd_is_synced_more_at_once(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct crowd crowd;
    uint32_t count_max = 0;
    assert_int_equal(rig_start(rig, 1, CROWD_LOGS), STATUS_OK);
    crowd_begin(&crowd, rig);
    for (uint32_t count = 1; count < 10 * CROWD_LOGS; count++) {
        crowd_go_on(&crowd, rig, count);
        uint32_t turns = count_turns(rig->stores[0]);
        count_max = turns > count_max ? turns : count_max;
    }
    assert_int_equal(count_max, CROWDED_ROUNDS_MAX);
    crowd_end(&crowd, rig);
}

/* A log that nobody waits for is written while there is always another that somebody does. */
static void a_crowd_does_not_keep_others_from_being_written(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct crowd crowd;
    assert_int_equal(rig_start(rig, 1, CROWD_LOGS + 1), STATUS_OK);
    struct log *log = rig->logs[CROWD_LOGS];
    crowd_begin(&crowd, rig);
    crowd_go_on(&crowd, rig, CROWD_LOGS);
    rig_put(rig, CROWD_LOGS, &(struct rig_batch){.value_size = SMALL_SIZE});
    log_seal(log);
    log->wants_sync = true;
    store_want_flush(log->store, log, false);
    assert_true(log->synced_offset < log->end_offset);
    crowd_go_on(&crowd, rig, 10 * CROWD_LOGS);
    assert_int_equal(log->synced_offset, log->end_offset);
    crowd_end(&crowd, rig);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_waits_is_one_round),
        CASE(a_round_has_a_size),
        CASE(small_frames_go_with_large_ones),
        CASE(logs_take_turns),
        CASE(loose_logs_need_no_turn),
        CASE(loose_rounds_gather),
        CASE(who_waits_for_a_record_ends_it),
        CASE(whoever_waits_longest_is_next),
        CASE(a_crowd_is_synced_more_at_once),
        CASE(a_crowd_does_not_keep_others_from_being_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
