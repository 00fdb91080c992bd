/* Files of segments that have left their logs become those of segments to come: without anything of
 * what they held being taken for what they hold, and without anything being lost on the way. */
#include "storage/recycle.h"

#include "base/assert.h"
#include "sim/disk.h"
#include "storage/cold_file.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

/* So many batches make a segment. */
enum { VALUE_SIZE = 61000, STORED_SIZE = 60 << 10, IN_SEGMENT = 4, SEGMENT_SIZE = 240 << 10 };

/* Through the journal; so many make more than a segment. */
enum { SMALL_SIZE = 7000, SMALL_IN_SEGMENT = 36 };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 31);
    fixture->rig.config.segment_bytes_max = SEGMENT_SIZE;
    fixture->rig.config.file_delete_delay_ms = 60 * 1000;
    return 0;
}

/* --- What happens ----------------------------------------------------------------------------- */

static void put(struct rig *rig, uint32_t log, uint32_t batch_count)
{
    rig_put_many(rig, log, batch_count, VALUE_SIZE);
    rig_commit(rig, log);
}

static bool is_busy(const struct log *log)
{
    return log->flush != NULL || log->groundwork != NULL || log->retire != NULL;
}

static void settle(struct rig *rig, uint32_t log)
{
    while (is_busy(rig->logs[log]))
        rig_turn(rig);
}

/* What the journal has is written to the segment. */
static void write_journalled(struct rig *rig, uint32_t log)
{
    log_seal(rig->logs[log]);
    store_want_flush(rig->stores[0], rig->logs[log], true);
}

/* The first `count` segments leave the log; their files wait. */
static void let_go(struct rig *rig, uint32_t log, uint32_t count)
{
    int64_t start;
    int64_t offset = rig->logs[log]->segments[count]->base_offset;
    settle(rig, log);
    assert_int_equal(rig_delete_records(rig, log, offset, &start), STATUS_OK);
    settle(rig, log);
    assert_int_equal(rig->logs[log]->segments[0]->base_offset, offset);
}

static uint32_t count_graves(const struct rig *rig, bool is_taken)
{
    uint32_t count = 0;
    const struct grave *grave;
    list_for_each_entry (grave, &rig->stores[0]->graveyard.graves, node)
        count += grave->segment != NULL && grave->is_taken == is_taken;
    return count;
}

static bool has_segment_file(struct rig *rig, uint32_t log, int64_t base_offset, uint64_t *size)
{
    char path[PATH_SIZE];
    rig_segment_path(rig, log, base_offset, path);
    return rig_has_file(rig, path, size);
}

static void check_whole(struct rig *rig, uint32_t log, int64_t end_offset)
{
    uint32_t digest;
    assert_int_equal(log_end_offset(rig->logs[log]), end_offset);
    assert_int_equal(rig_read_all(rig, log, &digest), end_offset);
    assert_int_equal(rig->logs[log]->damages.count, 0);
    assert_null(strstr(rig->log_text, "damaged"));
}

static void run_for(struct sim_rig *fixture, int64_t ms)
{
    uint64_t until_ns = world_now_ns(fixture->sim.world) + (uint64_t)ms * 1000000;
    world_run_until(fixture->sim.world, until_ns);
}

/* Two logs; of the first two segments go, and the second is about to begin its second. */
static void start_with_donors(struct rig *rig)
{
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put(rig, 0, 3 * IN_SEGMENT);
    put(rig, 1, IN_SEGMENT);
    let_go(rig, 0, 2);
    settle(rig, 1);
    assert_int_equal(count_graves(rig, false), 2);
}

/* --- Taking ----------------------------------------------------------------------------------- */

/* The file goes over as it is, from one log to another, and all of it is ground; what is left of
 * the segment that had it goes when its time has come. */
static void is_taken_by_another_log(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint64_t size;
    start_with_donors(rig);
    put(rig, 1, 1);
    struct segment *segment = log_active_segment(rig->logs[1]);
    assert_int_equal(count_graves(rig, true), 1);
    assert_int_equal(segment->recycled_bytes, SEGMENT_SIZE);
    assert_int_equal(segment->allocated_bytes, SEGMENT_SIZE);
    assert_true(has_segment_file(rig, 1, IN_SEGMENT, &size));
    assert_int_equal(size, SEGMENT_SIZE);
    bool is_first = has_segment_file(rig, 0, 0, &size);
    assert_true(is_first != has_segment_file(rig, 0, IN_SEGMENT, &size));
    check_whole(rig, 1, IN_SEGMENT + 1);
    run_for(fixture, 62 * 1000);
    assert_true(list_is_empty(&rig->stores[0]->graveyard.graves));
    assert_false(has_segment_file(rig, 0, is_first ? 0 : IN_SEGMENT, &size));
    assert_true(has_segment_file(rig, 1, IN_SEGMENT, &size));
    put(rig, 1, IN_SEGMENT - 1);
    check_whole(rig, 1, 2 * IN_SEGMENT);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    check_whole(rig, 0, 3 * IN_SEGMENT);
    check_whole(rig, 1, 2 * IN_SEGMENT);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A log's own old files are as good. While retention keeps pace, no file is ever made but at the
 * beginning, and no ground laid, whether batches are large or go through the journal. */
static void files_go_round(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct metrics metrics = {0};
    rig->options.metrics = &metrics;
    rig->options.retention_check_ms = 3600 * 1000;
    rig->config.retention_bytes = 2 * SEGMENT_SIZE;
    for (uint32_t is_small = 0; is_small < 2; is_small++) {
        uint32_t count = 20 * (is_small ? SMALL_IN_SEGMENT : IN_SEGMENT);
        rig->harness->reset(rig->harness);
        metrics = (struct metrics){0};
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        for (uint32_t i = 0; i < count; i++) {
            rig_put_many(rig, 0, 1, is_small ? SMALL_SIZE : VALUE_SIZE);
            rig_commit(rig, 0);
            if (is_small && i % 5 == 0)
                write_journalled(rig, 0);
        }
        settle(rig, 0);
        check_whole(rig, 0, count);
        assert_true(rig->logs[0]->segment_count <= 4);
        assert_true(rig_count_files(rig, 0) <= 5);
        assert_true(metrics.values[METRIC_RECYCLED_SEGMENTS] >= 14);
        assert_in_range(metrics.values[METRIC_RECYCLED_BYTES],
                        metrics.values[METRIC_RECYCLED_SEGMENTS] * (SEGMENT_SIZE - (64 << 10)),
                        metrics.values[METRIC_RECYCLED_SEGMENTS] * SEGMENT_SIZE);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        check_whole(rig, 0, count);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
    rig->options.metrics = NULL;
}

/* --- Not taking ------------------------------------------------------------------------------- */

/* Of a file that is much larger than the segment before, space would be kept for nothing; what is
 * much smaller, or too large or too small for any, is left alone. */
static void is_not_taken_where_it_is_of_no_use(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    static const struct {
        uint32_t before; /* batches in the segment before */
        uint64_t segment_bytes_max, recycle_bytes_min;
        bool is_small, is_taken;
    } cases[] = {
        {IN_SEGMENT / 2, SEGMENT_SIZE, 64 << 10, false, true},
        {IN_SEGMENT / 2, SEGMENT_SIZE, 64 << 10, true, true},
        {IN_SEGMENT * 2, SEGMENT_SIZE * 3, 64 << 10, false, true},
        {IN_SEGMENT / 2 - 1, SEGMENT_SIZE, 64 << 10, false, false},
        {IN_SEGMENT * 2 + 1, SEGMENT_SIZE * 3, 64 << 10, false, false},
        {IN_SEGMENT / 2, SEGMENT_SIZE - 1, 64 << 10, false, false},
        {IN_SEGMENT / 2, SEGMENT_SIZE, SEGMENT_SIZE + 1, false, false},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig->harness->reset(rig->harness);
        rig->options.recycle_bytes_min = cases[i].recycle_bytes_min;
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        struct log *log = rig->logs[1];
        log->config.segment_bytes_max = cases[i].segment_bytes_max;
        put(rig, 0, 3 * IN_SEGMENT);
        put(rig, 1, cases[i].before);
        let_go(rig, 0, 2);
        assert_non_null(log_add_segment(log, log->end_offset, 0));
        rig_put_many(rig, 1, 1, cases[i].is_small ? SMALL_SIZE : VALUE_SIZE);
        rig_commit(rig, 1);
        write_journalled(rig, 1);
        settle(rig, 1);
        assert_true(log_active_segment(log)->exists);
        assert_int_equal(count_graves(rig, true), cases[i].is_taken);
        rig_kill(rig);
    }
}

struct user {
    struct cold_use use;
    bool has_landed;
};

static void use_landed(struct completion *completion, int32_t result)
{
    assert_int_equal(result, STATUS_OK);
    container_of(completion, struct user, use.completion)->has_landed = true;
}

static void use(struct rig *rig, struct segment *segment, enum cold_file_kind kind,
                struct user *user)
{
    *user = (struct user){0};
    completion_init(&user->use.completion, use_landed);
    cold_file_use(rig->logs[0], segment, kind, &user->use);
    while (!user->has_landed)
        rig_turn(rig);
}

/* Whoever reads from a file reads what was there when he opened it; and what the page cache has
 * seen is never written to past it. */
static void is_not_taken_from_readers(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t kind = 0; kind < COLD_FILE_KIND_COUNT; kind++) {
        struct user user;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        put(rig, 0, 2 * IN_SEGMENT);
        put(rig, 1, IN_SEGMENT);
        use(rig, rig->logs[0]->segments[0], kind, &user);
        let_go(rig, 0, 1);
        while (!list_is_empty(&rig->logs[0]->frames) && count_graves(rig, false) == 0)
            rig_turn(rig);
        put(rig, 1, IN_SEGMENT);
        assert_int_equal(count_graves(rig, true), 0);
        cold_file_release(&user.use);
        while (!list_is_empty(&rig->stores[0]->cold_files))
            rig_turn(rig);
        put(rig, 1, IN_SEGMENT);
        assert_int_equal(count_graves(rig, true), kind == COLD_FILE_DIRECT);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* A file that cannot be renamed is left to be removed, and the segment gets a new one. */
static void goes_on_without(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint64_t size;
    start_with_donors(rig);
    node_plan(fixture->sim.node, (struct planned_fault){PLAN_IO_ERROR, 1u << IO_RENAME, 1});
    put(rig, 1, 1);
    assert_false(node_has_plans(fixture->sim.node));
    assert_false(store_has_failed(rig->stores[0]));
    assert_int_equal(log_active_segment(rig->logs[1])->recycled_bytes, 0);
    check_whole(rig, 1, IN_SEGMENT + 1);
    assert_int_equal(count_graves(rig, true), 1);
    run_for(fixture, 62 * 1000);
    assert_false(has_segment_file(rig, 0, 0, &size));
    assert_false(has_segment_file(rig, 0, IN_SEGMENT, &size));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A name that is not durable for sure is not built on. */
static void names_that_fail_are_final(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        struct rig_append append;
        rig->harness->reset(rig->harness);
        start_with_donors(rig);
        node_plan(fixture->sim.node,
                  (struct planned_fault){PLAN_IO_ERROR, 1u << IO_SYNC_DIRECTORY, nth});
        rig_append(rig, 1, &append, rig_make(rig, &(struct rig_batch){.value_size = VALUE_SIZE}));
        assert_int_not_equal(rig_append_wait(rig, &append), STATUS_OK);
        assert_true(store_has_failed(rig->stores[0]));
        assert_int_equal(log_active_segment(rig->logs[1])->allocated_bytes, 0);
        rig_cut_power(rig);
        node_forget_plans(fixture->sim.node);
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        check_whole(rig, 1, IN_SEGMENT);
        rig_kill(rig);
    }
}

/* The log that had the file may be deleted at any moment. */
static void former_log_goes_meanwhile(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool is_over = false;
    uint32_t taken_count = 0;
    for (uint32_t steps = 0; !is_over; steps++) {
        struct rig_append append;
        rig->harness->reset(rig->harness);
        start_with_donors(rig);
        rig_append(rig, 1, &append, rig_make(rig, &(struct rig_batch){.value_size = VALUE_SIZE}));
        for (uint32_t i = 0; i < steps; i++)
            world_step(fixture->sim.world);
        is_over = append.has_landed;
        assert_int_equal(rig_delete(rig, 0), STATUS_OK);
        assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
        taken_count += log_active_segment(rig->logs[1])->recycled_bytes > 0;
        run_for(fixture, 62 * 1000);
        assert_int_equal(rig_count_files(rig, 0), -1);
        put(rig, 1, IN_SEGMENT);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        check_whole(rig, 1, 2 * IN_SEGMENT + 1);
        rig_kill(rig);
        arena_reset(&rig->arena);
    }
    assert_true(taken_count > 3);
}

/* --- What is behind the frames ---------------------------------------------------------------- */

/* Fills log 1 so that what is left of its file begins between two former frames, or in one. */
static uint32_t put_some(struct rig *rig, bool is_between, uint32_t batch_count)
{
    enum { SHORTER_SIZE = 50000, SHORTER_STORED_SIZE = 52 << 10 };
    rig_put_many(rig, 1, batch_count, is_between ? VALUE_SIZE : SHORTER_SIZE);
    rig_commit(rig, 1);
    settle(rig, 1);
    struct segment *segment = log_active_segment(rig->logs[1]);
    uint32_t stored_size = is_between ? STORED_SIZE : SHORTER_STORED_SIZE;
    assert_true(segment->recycled_bytes > 0);
    assert_int_equal(segment->size_bytes, batch_count * stored_size);
    return (uint32_t)segment->size_bytes;
}

/* After a kill it is cut off, and nobody is told that something was torn. */
static void rest_is_cut_by_a_start(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t is_between = 0; is_between < 2; is_between++) {
        uint64_t size;
        rig->harness->reset(rig->harness);
        start_with_donors(rig);
        uint32_t size_bytes = put_some(rig, is_between, 2);
        assert_true(has_segment_file(rig, 1, IN_SEGMENT, &size));
        assert_int_equal(size, SEGMENT_SIZE);
        rig_kill(rig);
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        assert_false(rig->report.was_clean);
        assert_int_equal(rig->report.logs_truncated, 0);
        assert_int_equal(rig->report.bytes_truncated, 0);
        assert_true(has_segment_file(rig, 1, IN_SEGMENT, &size));
        assert_int_equal(size, size_bytes);
        check_whole(rig, 1, IN_SEGMENT + 2);
        put(rig, 1, IN_SEGMENT);
        check_whole(rig, 1, 2 * IN_SEGMENT + 2);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* The second frame of the first segment that log 0 had, as it stands in the file that is taken. */
static void read_former_frame(struct sim_rig *fixture, uint8_t frame[static STORED_SIZE])
{
    struct inode *file;
    char path[PATH_SIZE];
    rig_segment_path(&fixture->rig, 0, 0, path);
    assert_int_equal(disk_open(node_disk(fixture->sim.node), path, IO_OPEN_READ_ONLY, &file),
                     STATUS_OK);
    assert_int_equal(file_read(&file->file, STORED_SIZE, frame, STORED_SIZE), STORED_SIZE);
    disk_release(node_disk(fixture->sim.node), file);
}

/* What is damaged among a segment's own frames is damage, whatever is behind them: a header, a
 * batch, or a write that the disk has lost, so that what was there before stands there still. */
static void rest_hides_no_damage(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    static _Alignas(FRAME_ALIGNMENT) uint8_t former[STORED_SIZE];
    static const _Alignas(FRAME_ALIGNMENT) uint8_t spoilt[FRAME_ALIGNMENT] = {1};
    enum { HEADER, BATCH, LOST, CASE_COUNT };
    char path[PATH_SIZE];
    uint32_t digest;
    rig->may_be_damaged = true;
    for (uint32_t i = 0; i < CASE_COUNT; i++) {
        rig->harness->reset(rig->harness);
        start_with_donors(rig);
        read_former_frame(fixture, former);
        put_some(rig, true, 3);
        rig_kill(rig);
        rig_segment_path(rig, 1, IN_SEGMENT, path);
        rig_overwrite(rig, path, STORED_SIZE + (i == BATCH) * FRAME_ALIGNMENT,
                      i == LOST ? bytes_of(former, sizeof former)
                                : bytes_of(spoilt, sizeof spoilt));
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        assert_int_equal(rig->report.logs_damaged, 1);
        assert_int_equal(log_end_offset(rig->logs[1]), IN_SEGMENT + 3);
        const struct log_damage *damage = damage_core_find(&rig->logs[1]->damages, IN_SEGMENT + 1);
        assert_non_null(damage);
        assert_int_equal(damage->from, IN_SEGMENT + 1);
        assert_int_equal(damage->to, IN_SEGMENT + 2);
        assert_int_equal(rig_read_all(rig, 0, &digest), 3 * IN_SEGMENT);
        rig_kill(rig);
    }
    rig->may_be_damaged = false;
}

/* An orderly stop leaves files that end where their segments do, one log after the other. */
static void rest_is_cut_by_a_stop(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.open_files_max = 2; /* then one log is written at a time */
    for (uint32_t is_closed = 0; is_closed < 2; is_closed++) {
        uint64_t size;
        rig->harness->reset(rig->harness);
        start_with_donors(rig);
        put(rig, 0, 1);
        uint32_t size_bytes = put_some(rig, false, 2);
        if (is_closed) {
            rig->logs[1]->wants_close = true;
            store_want_flush(rig->stores[0], rig->logs[1], false);
            settle(rig, 1);
            assert_true(rig->logs[1]->write_handle < 0);
            assert_true(log_active_segment(rig->logs[1])->recycled_bytes > size_bytes);
        }
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        assert_true(rig->report.was_clean);
        assert_true(has_segment_file(rig, 0, 3 * IN_SEGMENT, &size));
        assert_int_equal(size, STORED_SIZE);
        assert_true(has_segment_file(rig, 1, IN_SEGMENT, &size));
        assert_int_equal(size, size_bytes);
        check_whole(rig, 1, IN_SEGMENT + 2);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* So does a segment that takes no more: because the next batch did not fit, or because of its age,
 * although nothing comes behind it. */
static void rest_is_cut_by_a_roll(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t is_old = 0; is_old < 2; is_old++) {
        uint64_t size;
        rig->harness->reset(rig->harness);
        start_with_donors(rig);
        rig->now_ms -= 1000;
        uint32_t size_bytes = put_some(rig, false, is_old ? 2 : IN_SEGMENT);
        rig->now_ms += 1000;
        struct log_config config = rig->config;
        config.segment_ms_max = is_old ? 1 : INT64_MAX;
        log_configure(rig->logs[1], &config);
        if (!is_old)
            put(rig, 1, 1);
        settle(rig, 1);
        assert_int_equal(rig->logs[1]->segment_count, 3);
        assert_true(has_segment_file(rig, 1, IN_SEGMENT, &size));
        assert_int_equal(size, size_bytes);
        assert_int_equal(rig->logs[1]->segments[1]->allocated_bytes, size_bytes);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* A start does not read through all of a large file for what may be behind the frames. */
static void rest_is_not_read_through(void **state)
{
    enum { COUNT = 96, SIZE = 512 << 10, READS_MAX = 50 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = COUNT * SIZE;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    rig_put_many(rig, 0, COUNT + 1, SIZE - 1000);
    rig_commit(rig, 0);
    rig_put_many(rig, 1, COUNT / 2, SIZE - 1000);
    assert_non_null(log_add_segment(rig->logs[1], rig->logs[1]->end_offset, 0));
    let_go(rig, 0, 1);
    rig_put_many(rig, 1, 1, SIZE - 1000);
    assert_true(log_active_segment(rig->logs[1])->recycled_bytes > 0);
    settle(rig, 1);
    rig_kill(rig);
    node_plan(fixture->sim.node, (struct planned_fault){PLAN_SHORT, 1u << IO_READ, UINT64_MAX});
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_in_range(node_count_planned(fixture->sim.node), 1, READS_MAX);
    node_forget_plans(fixture->sim.node);
    assert_int_equal(log_end_offset(rig->logs[1]), COUNT / 2 + 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Power cuts ------------------------------------------------------------------------------- */

struct cut {
    enum disk_order order;
    bool is_kill;
    bool is_roll;  /* out of the file, and not into it */
    bool is_small; /* what comes then, which goes to the segment when it is acknowledged */
    uint32_t steps;
};

/* One more step; answers whether the batch is acknowledged, and in its segment. */
static bool step_on(struct sim_rig *fixture, const struct cut *cut, const struct rig_append *append)
{
    struct log *log = fixture->rig.logs[1];
    bool was_acknowledged = append->has_landed;
    world_step(fixture->sim.world);
    if (!append->has_landed)
        return false;
    if (cut->is_small && !was_acknowledged)
        write_journalled(&fixture->rig, 1);
    return !cut->is_small || (log->unwritten == NULL && !is_busy(log));
}

/* Lives up to the cut, and answers whether all was over before; `acknowledged` is how far log 1
 * must reach. */
static bool live_until(struct sim_rig *fixture, const struct cut *cut, int64_t *acknowledged)
{
    struct rig *rig = &fixture->rig;
    struct rig_append append;
    rig->harness->reset(rig->harness);
    start_with_donors(rig);
    node_disk(fixture->sim.node)->order = cut->order;
    *acknowledged = IN_SEGMENT + (cut->is_roll ? IN_SEGMENT : 0);
    if (cut->is_roll)
        put_some(rig, false, IN_SEGMENT);
    if (cut->is_roll && cut->is_small) /* it would still fit */
        assert_non_null(log_add_segment(rig->logs[1], rig->logs[1]->end_offset, 0));
    bool is_over = false;
    uint32_t value_size = cut->is_small ? SMALL_SIZE : VALUE_SIZE;
    rig_append(rig, 1, &append, rig_make(rig, &(struct rig_batch){.value_size = value_size}));
    for (uint32_t i = 0; i < cut->steps; i++)
        is_over = step_on(fixture, cut, &append);
    *acknowledged += append.has_landed;
    if (cut->is_kill)
        rig_kill(rig);
    else
        rig_cut_power(rig);
    return is_over;
}

/* Of all segments but the last, files end where their states say. */
static void check_ends(struct rig *rig, uint32_t index)
{
    const struct log *log = rig->logs[index];
    for (uint32_t i = 1; i + 1 < log->segment_count; i++) {
        uint64_t size;
        assert_true(has_segment_file(rig, index, log->segments[i]->base_offset, &size));
        assert_int_equal(size, log->segments[i]->size_bytes);
    }
}

static void check_after(struct sim_rig *fixture, int64_t acknowledged)
{
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    int64_t end_offset = log_end_offset(rig->logs[1]);
    assert_true(end_offset == acknowledged || end_offset == acknowledged + 1);
    check_whole(rig, 0, 3 * IN_SEGMENT);
    check_whole(rig, 1, end_offset);
    check_ends(rig, 1);
    put(rig, 1, 2 * IN_SEGMENT);
    put(rig, 0, 1);
    run_for(fixture, 62 * 1000);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    check_whole(rig, 0, 3 * IN_SEGMENT + 1);
    check_whole(rig, 1, end_offset + 2 * IN_SEGMENT);
    assert_int_equal(rig->logs[0]->segments[0]->base_offset, 2 * IN_SEGMENT);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    arena_reset(&rig->arena);
}

/* Wherever the power goes, or the process, while a file comes to a segment or its segment is left:
 * nothing that was acknowledged is lost, nothing else is there, and both logs go on. */
static void nothing_is_lost_at_any_step(void **state)
{
    struct sim_rig *fixture = *state;
    for (uint32_t kind = 0; kind < 16; kind++) {
        struct cut cut = {.order = kind % 2 == 0 ? DISK_ORDERED : DISK_UNORDERED,
                          .is_kill = kind / 4 % 2 == 1,
                          .is_roll = kind / 2 % 2 == 1,
                          .is_small = kind / 8 == 1};
        bool is_over = false;
        for (; !is_over; cut.steps++) {
            int64_t acknowledged;
            is_over = live_until(fixture, &cut, &acknowledged);
            check_after(fixture, acknowledged);
        }
        assert_true(cut.steps > 10);
    }
}

static bool has_name(struct sim_rig *fixture, uint32_t log, int64_t base_offset)
{
    struct disk *disk = node_disk(fixture->sim.node);
    struct inode *file;
    char path[PATH_SIZE];
    rig_segment_path(&fixture->rig, log, base_offset, path);
    if (disk_open(disk, path, IO_OPEN_READ_ONLY, &file) != STATUS_OK)
        return false;
    disk_release(disk, file);
    return true;
}

enum { HUGE_SIZE = 8 << 20, HUGE_IN_SEGMENT = 5 };

/* The power goes when a file of 40 MiB has been renamed and no name is durable; answers whether it
 * is found under both. */
static bool leaves_two_names(struct sim_rig *fixture, uint64_t seed)
{
    struct rig *rig = &fixture->rig;
    struct rig_append append;
    fixture->sim.seed = seed;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    node_disk(fixture->sim.node)->order = DISK_UNORDERED;
    rig_put_many(rig, 1, HUGE_IN_SEGMENT + 1, HUGE_SIZE);
    rig_commit(rig, 1);
    rig_put_many(rig, 0, HUGE_IN_SEGMENT / 2 + 1, HUGE_SIZE);
    assert_non_null(log_add_segment(rig->logs[0], rig->logs[0]->end_offset, 0));
    let_go(rig, 1, 1);
    node_plan(fixture->sim.node,
              (struct planned_fault){PLAN_POWER_CUT, 1u << IO_SYNC_DIRECTORY, 1});
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){.value_size = HUGE_SIZE}));
    (void)rig_append_wait(rig, &append);
    assert_false(rig->is_alive);
    arena_reset(&rig->arena);
    return has_name(fixture, 0, HUGE_IN_SEGMENT / 2 + 1) && has_name(fixture, 1, 0);
}

/* A file that is found under two names belongs to nobody: when it is removed under the one, slice
 * by slice, nothing is written under the other. */
static void two_names_of_one_file(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = HUGE_IN_SEGMENT * (HUGE_SIZE + FRAME_ALIGNMENT);
    uint64_t seed = 1;
    while (!leaves_two_names(fixture, seed))
        assert_true(seed++ < 100);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    int64_t end_offset = log_end_offset(rig->logs[0]);
    assert_int_equal(end_offset, HUGE_IN_SEGMENT / 2 + 1);
    rig_put_many(rig, 0, HUGE_IN_SEGMENT, HUGE_SIZE);
    settle(rig, 0);
    assert_int_equal(rig->logs[0]->segment_count, 2);
    assert_int_equal(rig_open(rig, 1), STATUS_OK);
    run_for(fixture, 1000);
    assert_false(has_name(fixture, 1, 0));
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    check_whole(rig, 0, end_offset + HUGE_IN_SEGMENT);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(is_taken_by_another_log),
        CASE(files_go_round),
        CASE(is_not_taken_where_it_is_of_no_use),
        CASE(is_not_taken_from_readers),
        CASE(goes_on_without),
        CASE(names_that_fail_are_final),
        CASE(former_log_goes_meanwhile),
        CASE(rest_is_cut_by_a_start),
        CASE(rest_hides_no_damage),
        CASE(rest_is_cut_by_a_stop),
        CASE(rest_is_cut_by_a_roll),
        CASE(rest_is_not_read_through),
        CASE(nothing_is_lost_at_any_step),
        CASE(two_names_of_one_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
