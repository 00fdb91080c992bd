/* Ground is laid ahead of large batches, and only ahead of those; a segment has it when it is on
 * the disk, and a log goes on without it when it cannot be laid. */
#include "storage/groundwork.h"

#include "sim/disk.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { LARGE_SIZE = 100000 };

static int set_up(void **state)
{
    sim_rig_set_up(state, 23);
    return 0;
}

static void settle(struct rig *rig)
{
    while (rig->logs[0]->groundwork != NULL || rig->logs[0]->flush != NULL)
        rig_turn(rig);
}

/* As far as the segment is long, the ground goes on; it ends where the segment may. */
static void grows_with_the_segment(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = 4 << 20;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    uint64_t size_bytes = 0;
    for (uint32_t i = 0; i < 30; i++) {
        rig_put_many(rig, 0, 1, LARGE_SIZE);
        settle(rig);
        const struct segment *segment = log_active_segment(rig->logs[0]);
        assert_true(segment->size_bytes > size_bytes);
        size_bytes = segment->size_bytes;
        assert_true(segment->allocated_bytes > size_bytes);
        assert_true(segment->allocated_bytes <= 4 << 20);
    }
    assert_int_equal(log_active_segment(rig->logs[0])->allocated_bytes, 4 << 20);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), 30);
}

/* Small batches go to their segment in large pieces that nobody waits for. */
static void small_batches_need_none(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 500, 1000);
    log_seal(rig->logs[0]);
    settle(rig);
    assert_true(rig->logs[0]->segments[0]->exists);
    assert_null(rig->stores[0]->zeros);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* What is not synced is not the segment's: flushes keep out of it, and wait for it if they must. */
static void is_taken_when_it_is_durable(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 1, LARGE_SIZE);
    struct log *log = rig->logs[0];
    while (log->groundwork == NULL)
        rig_turn(rig);
    const struct segment *segment = log->groundwork->segment;
    uint64_t from = log->groundwork->from;
    struct rig_append appends[8];
    for (uint32_t i = 0; i < 8; i++)
        rig_append(rig, 0, &appends[i], rig_make(rig, &(struct rig_batch){.value_size = 200000}));
    assert_true(groundwork_is_awaited(log) || log->flush != NULL);
    while (log->groundwork != NULL) {
        assert_int_equal(segment->allocated_bytes, log->groundwork->from);
        rig_turn(rig);
    }
    assert_true(segment->allocated_bytes > from);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A piece is written with zeros from its beginning to its end, in as few writes as may be. */
static void is_written_whole(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct log *log = rig->logs[0];
    do {
        settle(rig);
        rig_put_many(rig, 0, 1, LARGE_SIZE);
        while (log->groundwork == NULL && log->flush != NULL)
            rig_turn(rig);
    } while (log->groundwork == NULL || log->groundwork->to - log->groundwork->from < 2 << 20);
    uint64_t from = log->groundwork->from;
    uint64_t to = log->groundwork->to;
    uint64_t covered = from;
    uint32_t write_count = 0;
    for (; log->groundwork != NULL; rig_turn(rig)) {
        const struct io_request *request = &log->groundwork->request;
        if (request->kind != IO_WRITE || request->transfer.offset != covered)
            continue;
        covered += request->transfer.size_bytes;
        write_count++;
        for (uint32_t i = 0; i < request->transfer.piece_count; i++)
            assert_int_equal(*request->transfer.pieces[i].data, 0);
    }
    assert_int_equal(covered, to);
    assert_int_equal(write_count, (to - from + (1 << 20) - 1) >> 20);
    assert_true(write_count > 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A stop, a deletion and a full disk find a piece half laid. */
static void stops_half_way(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    for (uint32_t log = 0; log < 2; log++) {
        rig_put_many(rig, log, 1, LARGE_SIZE);
        while (rig->logs[log]->groundwork == NULL)
            rig_turn(rig);
    }
    assert_int_equal(rig_delete(rig, 1), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static void turn_until_kind(struct rig *rig, const struct log *log, enum io_kind kind)
{
    while (log->groundwork->request.kind != kind) {
        rig_turn(rig);
        assert_non_null(log->groundwork);
    }
}

/* A piece that was given up because the disk was full is nobody's, also if it is full no more when
 * its file has been closed. */
static void a_piece_given_up_is_not_taken(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 1, LARGE_SIZE);
    const struct log *log = rig->logs[0];
    while (log->groundwork == NULL)
        rig_turn(rig);
    uint64_t from = log->groundwork->from;
    turn_until_kind(rig, log, IO_WRITE);
    rig->stores[0]->is_full = true;
    turn_until_kind(rig, log, IO_CLOSE);
    rig->stores[0]->is_full = false;
    settle(rig);
    assert_int_equal(log_active_segment(log)->allocated_bytes, from);
    rig_put_many(rig, 0, 1, LARGE_SIZE);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Without space the log does as it did before there was any ground. */
static void goes_on_without_space(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 1, LARGE_SIZE);
    struct disk *disk = node_disk(fixture->sim.node);
    while (rig->logs[0]->groundwork == NULL)
        rig_turn(rig);
    uint64_t capacity_bytes = disk->capacity_bytes;
    disk->capacity_bytes = disk->used_bytes;
    settle(rig);
    assert_false(store_has_failed(rig->stores[0]));
    disk->capacity_bytes = capacity_bytes;
    rig_put_many(rig, 0, 20, LARGE_SIZE);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Puts one large batch; is any ground laid until all is written? */
static bool lays(struct rig *rig, uint32_t log)
{
    bool was_laid = false;
    rig_put_many(rig, log, 1, LARGE_SIZE);
    do {
        rig_turn(rig);
        was_laid = was_laid || rig->logs[log]->groundwork != NULL;
    } while (rig->logs[log]->groundwork != NULL || rig->logs[log]->flush != NULL);
    return was_laid;
}

/* Where many logs take large batches none of them gets any; one that is alone again does. */
static void a_crowd_has_none(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    assert_true(lays(rig, 0));
    for (uint32_t i = 0; i < 10 * RIG_LOGS_MAX; i++)
        lays(rig, i % RIG_LOGS_MAX);
    for (uint32_t i = 0; i < 10 * RIG_LOGS_MAX; i++)
        assert_false(lays(rig, i % RIG_LOGS_MAX));
    bool was_laid = false;
    for (uint32_t i = 0; i < 40; i++)
        was_laid = lays(rig, 0) || was_laid;
    assert_true(was_laid);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Who is answered from memory waits for no sync. */
static void a_loosened_log_has_none(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.flush_messages = 1000000000;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < 20; i++)
        assert_false(lays(rig, 0));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(grows_with_the_segment),  CASE(small_batches_need_none),
        CASE(is_written_whole),        CASE(is_taken_when_it_is_durable),
        CASE(stops_half_way),          CASE(a_piece_given_up_is_not_taken),
        CASE(goes_on_without_space),   CASE(a_crowd_has_none),
        CASE(a_loosened_log_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
