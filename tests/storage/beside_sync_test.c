/* While a round of a log is being synced, the next one is written. Each is acknowledged after a
 * sync that began when it had landed, in order, and not because a later one has come to the disk.
 */
#include "storage/flush.h"

#include "storage/frame.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

enum { SMALL_SIZE = 1000, DIRECT_SIZE = 40000, LARGE_SIZE = 300000, GROUND_COUNT = 24 };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 71);
    fixture->rig.options.beside_size_bytes = 1;
    return 0;
}

static void settle(struct rig *rig, uint32_t log)
{
    while (rig->logs[log]->groundwork != NULL || rig->logs[log]->flush != NULL)
        rig_turn(rig);
}

/* Logs with enough ground before them that rounds need nothing but to be written and synced. */
static void start_with_ground(struct rig *rig, uint32_t log_count)
{
    assert_int_equal(rig_start(rig, 1, log_count), STATUS_OK);
    for (uint32_t log = 0; log < log_count; log++) {
        for (uint32_t i = 0; i < GROUND_COUNT; i++) {
            rig_put_many(rig, log, 1, 100000);
            settle(rig, log);
        }
    }
}

static void ask(struct rig *rig, uint32_t log, struct rig_append *append, uint32_t value_size)
{
    rig_append(rig, log, append, rig_make(rig, &(struct rig_batch){.value_size = value_size}));
}

static bool is_writing(const struct log *log)
{
    return log->flush != NULL && log->flush->round.is_under_way;
}

static bool is_syncing(const struct log *log)
{
    return log->flush != NULL && log->flush->sync.is_under_way;
}

/* One is asked for, and turns go by until it is being synced. */
static void ask_and_wait_for_sync(struct rig *rig, struct rig_append *append, uint32_t value_size)
{
    struct log *log = rig->logs[0];
    ask(rig, 0, append, value_size);
    while (!is_syncing(log))
        rig_turn(rig);
    assert_false(append->has_landed);
    assert_int_equal(log->flush->sync.target_offset, log->end_offset);
}

/* --- Order ------------------------------------------------------------------------------------ */

/* The second is written while the first is being synced, and acknowledged by a sync of its own,
 * whether it has landed before the first one's was over or not. */
static void each_has_a_sync_behind_it(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_ground(rig, 1);
    const struct log *log = rig->logs[0];
    uint32_t early_count = 0, late_count = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct rig_append first, second;
        ask_and_wait_for_sync(rig, &first, DIRECT_SIZE);
        int64_t target = log->flush->sync.target_offset;
        ask(rig, 0, &second, i % 2 == 0 ? DIRECT_SIZE : LARGE_SIZE);
        while (log->synced_offset < target)
            rig_turn(rig);
        early_count += log->written_offset == log->end_offset;
        late_count += is_writing(log);
        assert_int_equal(log->synced_offset, target);
        assert_false(second.has_landed);
        assert_int_equal(rig_append_wait(rig, &first), STATUS_OK);
        assert_int_equal(rig_append_wait(rig, &second), STATUS_OK);
        assert_true(log->synced_offset > second.append.last_offset);
        settle(rig, 0);
        arena_reset(&rig->arena);
    }
    assert_true(early_count > 10);
    assert_true(late_count > 10);
    rig_kill(rig);
}

/* What has landed during one sync shares the next. */
static void one_sync_serves_several_rounds(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_ground(rig, 1);
    const struct log *log = rig->logs[0];
    uint32_t shared_count = 0;
    for (uint32_t i = 0; i < 50; i++) {
        struct rig_append appends[3];
        uint32_t asked_count = 1;
        ask_and_wait_for_sync(rig, &appends[0], DIRECT_SIZE);
        int64_t target = log->flush->sync.target_offset;
        while (log->synced_offset < target) {
            if (!is_writing(log) && log->written_offset == log->end_offset && asked_count < 3)
                ask(rig, 0, &appends[asked_count++], DIRECT_SIZE);
            rig_turn(rig);
        }
        bool is_shared = asked_count == 3 && log->written_offset == log->end_offset;
        for (uint32_t k = 0; k < asked_count; k++)
            assert_int_equal(rig_append_wait(rig, &appends[k]), STATUS_OK);
        shared_count += is_shared;
        settle(rig, 0);
        arena_reset(&rig->arena);
    }
    assert_true(shared_count > 5);
    rig_kill(rig);
}

/* A wish for a sync is for what is written beside the one that is under way, too. */
static void a_wish_outlasts_the_sync_before_it(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_ground(rig, 1);
    struct log *log = rig->logs[0];
    uint32_t early_count = 0;
    for (uint32_t i = 0; i < 50; i++) {
        struct rig_append large, small;
        ask_and_wait_for_sync(rig, &large, DIRECT_SIZE);
        ask(rig, 0, &small, SMALL_SIZE);
        log_seal(log);
        log->wants_sync = true;
        store_want_flush(log->store, log, false);
        while (is_syncing(log) && log->written_offset < log->end_offset)
            rig_turn(rig);
        early_count += log->written_offset == log->end_offset;
        assert_int_equal(rig_append_wait(rig, &large), STATUS_OK);
        assert_int_equal(rig_append_wait(rig, &small), STATUS_OK);
        settle(rig, 0);
        assert_int_equal(log->synced_offset, log->end_offset);
        assert_false(log->wants_sync);
        arena_reset(&rig->arena);
    }
    assert_true(early_count > 10);
    rig_kill(rig);
}

/* Where logs wait for their turn, nothing is written beside a sync: it gathers. Answers whether
 * there was such a moment. */
static bool gathers_while_others_wait(struct rig *rig, uint32_t log_count)
{
    struct rig_append appends[RIG_LOGS_MAX], more;
    const struct log *log = rig->logs[0];
    const struct store *store = rig->stores[0];
    for (uint32_t i = 0; i < log_count; i++)
        ask(rig, i, &appends[i], DIRECT_SIZE);
    while (!is_syncing(log))
        rig_turn(rig);
    bool others_wait = !list_is_empty(&store->round_turns);
    ask(rig, 0, &more, DIRECT_SIZE);
    while (is_syncing(log) && !list_is_empty(&store->round_turns)) {
        assert_false(is_writing(log));
        rig_turn(rig);
    }
    for (uint32_t i = 0; i < log_count; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
    assert_int_equal(rig_append_wait(rig, &more), STATUS_OK);
    arena_reset(&rig->arena);
    return others_wait;
}

static void nothing_goes_beside_while_others_wait(void **state)
{
    struct sim_rig *fixture = *state;
    uint32_t count = 0;
    start_with_ground(&fixture->rig, RIG_LOGS_MAX);
    for (uint32_t i = 0; i < 20; i++)
        count += gathers_while_others_wait(&fixture->rig, RIG_LOGS_MAX);
    assert_true(count > 5);
    rig_kill(&fixture->rig);
}

/* What is less than that gathers until the sync is over; the second of two makes it enough. */
static void a_little_does_not_go_beside(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.beside_size_bytes = 2 * DIRECT_SIZE;
    start_with_ground(rig, 1);
    const struct log *log = rig->logs[0];
    uint32_t beside_count = 0;
    for (uint32_t i = 0; i < 50; i++) {
        struct rig_append appends[3];
        uint32_t asked_count = 2;
        ask_and_wait_for_sync(rig, &appends[0], DIRECT_SIZE);
        ask(rig, 0, &appends[1], DIRECT_SIZE);
        while (log->flush != NULL && log->flush->is_noticed)
            rig_turn(rig);
        assert_false(is_syncing(log) && is_writing(log));
        if (is_syncing(log) && log->flush->sync.target_offset == appends[1].append.base_offset)
            ask(rig, 0, &appends[asked_count++], DIRECT_SIZE);
        while (!appends[0].has_landed) {
            beside_count += is_writing(log) && is_syncing(log);
            rig_turn(rig);
        }
        for (uint32_t k = 0; k < asked_count; k++)
            assert_int_equal(rig_append_wait(rig, &appends[k]), STATUS_OK);
        settle(rig, 0);
        arena_reset(&rig->arena);
    }
    assert_true(beside_count > 10);
    rig_kill(rig);
}

/* --- Faults ----------------------------------------------------------------------------------- */

/* With a round beside it, the sync fails, or the round does. Answers whether it was one of them,
 * and not something else that the disk was asked for in that moment. */
static bool fail_one(struct sim_rig *fixture, enum io_kind kind)
{
    struct rig *rig = &fixture->rig;
    struct rig_append first, second;
    ask(rig, 0, &first, DIRECT_SIZE);
    while (!is_writing(rig->logs[0]))
        rig_turn(rig);
    node_plan(fixture->sim.node, (struct planned_fault){PLAN_IO_ERROR, 1u << kind, 1});
    while (!is_syncing(rig->logs[0]))
        rig_turn(rig);
    ask(rig, 0, &second, DIRECT_SIZE);
    int32_t first_result = rig_append_wait(rig, &first);
    int32_t second_result = rig_append_wait(rig, &second);
    assert_true(first_result == STATUS_OK || second_result == STATUS_FAILED);
    while (!store_has_failed(rig->stores[0]))
        rig_turn(rig);
    return (kind == IO_SYNC ? first_result : second_result) == STATUS_FAILED;
}

/* It fails the store, and what it was for is not acknowledged; before the round that fails, what
 * the sync is for may be, and is there at the next start. */
static void an_error_of_either_is_final(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint32_t failed_count = 0, digest;
    for (uint32_t i = 0; i < 20; i++) {
        rig->harness->reset(rig->harness);
        start_with_ground(rig, 1);
        failed_count += fail_one(fixture, i % 2 == 0 ? IO_SYNC : IO_WRITE);
        int64_t durable = log_durable_offset(rig->logs[0]);
        settle(rig, 0);
        assert_int_equal(rig_stop(rig), STATUS_FAILED);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_true(rig_read_all(rig, 0, &digest) >= durable);
        rig_kill(rig);
        arena_reset(&rig->arena);
    }
    assert_true(failed_count > 10);
}

/* --- Power cuts ------------------------------------------------------------------------------- */

/* Is there a whole frame of the log? */
static bool is_on_disk(struct sim_rig *fixture, const struct segment *segment, uint64_t position)
{
    static uint8_t stored[64 * 1024];
    struct disk *disk = node_disk(fixture->sim.node);
    struct log_id id = rig_log_id(0);
    struct frame_place place = {id.topic_id, id.partition, segment->base_offset,
                                segment->generation};
    struct frame_header header;
    char path[PATH_SIZE];
    uint64_t needed_size;
    struct inode *inode;
    rig_segment_path(&fixture->rig, 0, segment->base_offset, path);
    assert_int_equal(disk_open(disk, path, IO_OPEN_READ_ONLY, &inode), STATUS_OK);
    size_t size = file_read(&inode->file, position, stored, sizeof stored);
    disk_release(disk, inode);
    return frame_verify(bytes_of(stored, size), &place, position, &header, &needed_size) ==
           FRAME_GOOD;
}

struct cut {
    int64_t base_offset;
    int64_t acknowledged_offset;
    bool has_first;
    bool has_second;
};

/* The power goes while the first is being synced, and the second has been written. */
static struct cut cut_between(struct sim_rig *fixture)
{
    struct rig *rig = &fixture->rig;
    const struct log *log = rig->logs[0];
    struct rig_append first, second;
    struct cut cut = {.base_offset = log->end_offset};
    ask_and_wait_for_sync(rig, &first, SMALL_SIZE);
    ask(rig, 0, &second, SMALL_SIZE);
    while (log->written_offset < log->end_offset)
        rig_turn(rig);
    cut.acknowledged_offset = log->durable_offset;
    struct segment segment = {.base_offset = log->write_segment->base_offset};
    uint64_t end = log->write_segment->size_bytes;
    uint64_t size = log->flush->round.pieces[0].size;
    assert_true(second.append.refused == STATUS_OK);
    rig_cut_power(rig);
    cut.has_first = is_on_disk(fixture, &segment, end - 2 * size);
    cut.has_second = is_on_disk(fixture, &segment, end - size);
    return cut;
}

static int64_t start_again(struct rig *rig)
{
    uint32_t digest;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    return rig_read_all(rig, 0, &digest);
}

/* Of two rounds that were not synced the disk may keep the second alone. That is a torn tail and no
 * damage: both go, and the second does not come back when the log has grown to where it lay. */
static void a_hole_is_a_torn_tail(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint32_t hole_count = 0, lost_count = 0, kept_count = 0;
    rig->options.direct_size_bytes = SMALL_SIZE;
    start_with_ground(rig, 1);
    for (uint32_t i = 0; i < 150; i++) {
        struct cut cut = cut_between(fixture);
        int64_t expected = cut.base_offset + (!cut.has_first ? 0 : cut.has_second ? 2 : 1);
        hole_count += !cut.has_first && cut.has_second;
        lost_count += !cut.has_first;
        kept_count += cut.has_first && cut.has_second;
        assert_true(expected >= cut.acknowledged_offset);
        assert_int_equal(start_again(rig), expected);
        rig_put(rig, 0, &(struct rig_batch){.value_size = SMALL_SIZE, .seed = i + 1});
        rig_cut_power(rig);
        assert_int_equal(start_again(rig), expected + 1);
        arena_reset(&rig->arena);
    }
    assert_true(hole_count > 0);
    assert_true(lost_count > hole_count);
    assert_true(kept_count > 0);
    rig_kill(rig);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_has_a_sync_behind_it),
        CASE(one_sync_serves_several_rounds),
        CASE(a_wish_outlasts_the_sync_before_it),
        CASE(nothing_goes_beside_while_others_wait),
        CASE(a_little_does_not_go_beside),
        CASE(an_error_of_either_is_final),
        CASE(a_hole_is_a_torn_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
