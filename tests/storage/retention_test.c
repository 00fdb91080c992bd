/* Deletion of old records in the simulator: the power goes at every moment of it, clocks jump, and
 * disks are full. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { BATCHES = 14, VALUE_SIZE = 60000, HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 23);
    fixture->rig.config.segment_bytes_max = 256 << 10;
    fixture->rig.config.file_delete_delay_ms = 0;
    return 0;
}

static void fill(struct rig *rig, uint32_t batch_count, int64_t timestamp_ms)
{
    for (uint32_t i = 0; i < batch_count; i++) {
        rig_put(
            rig, 0,
            &(struct rig_batch){.value_size = VALUE_SIZE, .timestamp_ms = timestamp_ms, .seed = i});
        arena_reset(&rig->arena);
    }
    rig_commit(rig, 0);
}

/* --- Power cuts ------------------------------------------------------------------------------- */

struct wish {
    struct log_delete_records deletion;
    bool has_landed;
    int32_t result;
};

static void wish_landed(struct completion *completion, int32_t result)
{
    struct wish *wish = container_of(completion, struct wish, deletion.completion);
    wish->has_landed = true;
    wish->result = result;
}

/* Deletes by size, by DeleteRecords, and a whole log, letting the world take `steps` steps in all;
 * answers whether everything was over before. */
static bool delete_for(struct sim_rig *fixture, struct wish *wish, uint32_t steps)
{
    struct rig *rig = &fixture->rig;
    struct log_config config = rig->config;
    config.retention_bytes = 600 << 10;
    log_configure(rig->logs[0], &config);
    *wish = (struct wish){.deletion.offset = BATCHES - 3};
    completion_init(&wish->deletion.completion, wish_landed);
    log_delete_records(rig->logs[0], &wish->deletion);
    for (uint32_t i = 0; i < steps; i++)
        if (!world_step(fixture->sim.world))
            return true;
    const struct graveyard *graveyard = &rig->stores[0]->graveyard;
    return wish->has_landed && rig->logs[0]->retire == NULL && graveyard->current == NULL &&
           list_is_empty(&graveyard->graves);
}

/* Wherever the power goes: what DeleteRecords has acknowledged stays deleted, what it did not ask
 * for is all there, and the log goes on. */
static void cut_at_every_step(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool is_over = false;
    uint32_t round_count = 0;
    for (uint32_t steps = 0; !is_over; steps++, round_count++) {
        struct wish wish;
        uint32_t digest;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        fill(rig, BATCHES, 0);
        is_over = delete_for(fixture, &wish, steps);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        int64_t start = log_start_offset(rig->logs[0]);
        assert_true(start <= BATCHES - 3);
        assert_true(start == BATCHES - 3 || !wish.has_landed);
        assert_int_equal(rig_read_all(rig, 0, &digest), BATCHES);
        fill(rig, 1, 0);
        rig_retain(rig);
        assert_int_equal(rig_read_all(rig, 0, &digest), BATCHES + 1);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
    assert_true(round_count > 20);
}

/* The same when each change of a name, truncation or write that the deletion makes fails: what
 * cannot be removed is left alone, and nobody is told what is not true. */
static void every_operation_fails_once(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool has_struck = true;
    uint64_t nth;
    for (nth = 1; has_struck; nth++) {
        struct wish wish;
        uint32_t digest;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        fill(rig, BATCHES, 0);
        node_plan(fixture->sim.node,
                  (struct planned_fault){PLAN_IO_ERROR, (uint32_t)PLAN_ANY_FILE, nth});
        delete_for(fixture, &wish, 3000);
        has_struck = !node_has_plans(fixture->sim.node);
        bool is_acknowledged = wish.has_landed && wish.result == STATUS_OK;
        rig_cut_power(rig);
        node_forget_plans(fixture->sim.node);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        int64_t start = log_start_offset(rig->logs[0]);
        assert_true(start == BATCHES - 3 || !is_acknowledged);
        assert_int_equal(rig_read_all(rig, 0, &digest), BATCHES);
        rig_kill(rig);
    }
    assert_true(nth > 10);
}

/* --- Clocks ----------------------------------------------------------------------------------- */

static void run_for(struct sim_rig *fixture, int64_t ms)
{
    uint64_t until_ns = world_now_ns(fixture->sim.world) + (uint64_t)ms * 1000000;
    world_run_until(fixture->sim.world, until_ns);
}

/* The wall clock jumps a year ahead: nothing goes for its age for an hour, and a warning says so.
 * When it is set right in that time, nothing has gone; otherwise what is too old by it goes. */
static void clock_jumps(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    const int64_t year_ms = INT64_C(365) * DAY_MS;
    rig->options.retention_check_ms = 5 * 60 * 1000;
    rig->config.retention_ms = DAY_MS;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, BATCHES, 0);
    run_for(fixture, HOUR_MS);
    node_jump_wall_clock(fixture->sim.node, year_ms);
    run_for(fixture, HOUR_MS - 10 * 60 * 1000);
    assert_int_equal(log_start_offset(rig->logs[0]), 0);
    assert_non_null(strstr(rig->log_text, "clock has jumped"));
    node_jump_wall_clock(fixture->sim.node, -year_ms);
    run_for(fixture, 3 * HOUR_MS);
    assert_int_equal(log_start_offset(rig->logs[0]), 0);

    node_jump_wall_clock(fixture->sim.node, year_ms);
    run_for(fixture, HOUR_MS + 10 * 60 * 1000);
    assert_int_equal(log_start_offset(rig->logs[0]), BATCHES);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Nanoseconds where milliseconds belong do not keep records for centuries: they go by the time of
 * their arrival, which outlives a restart. */
static void timestamps_in_the_future(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.retention_check_ms = 5 * 60 * 1000;
    rig->config.retention_ms = DAY_MS;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, BATCHES, rig->now_ms * 1000000);
    run_for(fixture, DAY_MS - HOUR_MS);
    assert_int_equal(log_start_offset(rig->logs[0]), 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_commit(rig, 0);
    run_for(fixture, 2 * HOUR_MS);
    assert_int_equal(log_start_offset(rig->logs[0]), BATCHES);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A file stays for file.delete.delay.ms after its segment was deleted, and no longer. */
static void files_wait_for_their_time(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    int64_t start;
    rig->config.file_delete_delay_ms = 60 * 1000;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, BATCHES, 0);
    int32_t file_count = rig_count_files(rig, 0);
    assert_int_equal(rig_delete_records(rig, 0, BATCHES - 2, &start), STATUS_OK);
    run_for(fixture, 59 * 1000);
    assert_true(rig_count_files(rig, 0) >= file_count);
    run_for(fixture, 2 * 1000);
    assert_true(rig_count_files(rig, 0) < file_count);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

struct late_reader {
    struct log_read read;
    bool has_landed;
    int32_t result;
};

static void late_reader_landed(struct completion *completion, int32_t result)
{
    struct late_reader *reader = container_of(completion, struct late_reader, read.completion);
    reader->has_landed = true;
    reader->result = result;
}

static void put_large(struct rig *rig, uint32_t batch_count, uint32_t value_size)
{
    for (uint32_t i = 0; i < batch_count; i++) {
        rig_put(rig, 0, &(struct rig_batch){.value_size = value_size, .seed = i});
        arena_reset(&rig->arena);
    }
}

/* A file that is cut in slices under a reader is no damage: he gets the batch, or it is out of
 * range.
 */
static void slices_meet_readers(void **state)
{
    enum { LARGE = 1 << 20, COUNT = 40 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = COUNT * (LARGE + 4096);
    for (uint32_t steps = 1; steps < 10; steps += 2) {
        int64_t start;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        put_large(rig, COUNT + 2, LARGE);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        rig_retain(rig);
        rig_commit(rig, 0);
        struct late_reader reader = {
            .read = {.offset = 38, .end_offset = COUNT, .size_bytes_max = 2 * LARGE}};
        completion_init(&reader.read.completion, late_reader_landed);
        log_read(rig->logs[0], &reader.read);
        for (uint32_t i = 0; i < steps; i++)
            rig_turn(rig);
        assert_int_equal(rig_delete_records(rig, 0, COUNT, &start), STATUS_OK);
        while (!reader.has_landed)
            rig_turn(rig);
        assert_true(reader.result == STATUS_OK || reader.result == STATUS_OUT_OF_RANGE);
        assert_true(reader.result == STATUS_OUT_OF_RANGE || reader.read.size_bytes > LARGE);
        log_read_release(&reader.read, rig->io);
        while (rig_count_files(rig, 0) > 1 + 1)
            rig_turn(rig);
        assert_null(strstr(rig->log_text, "damaged"));
        rig_kill(rig);
    }
}

/* A file system that hears of all slices in one commit would have the disk forget them at once. */
static void slices_are_synced(void **state)
{
    enum { LARGE = 1 << 20, COUNT = 40, SLICES = COUNT * LARGE / REMOVAL_SLICE_BYTES };
    static const enum io_kind kinds[] = {IO_TRUNCATE, IO_SYNC};
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = COUNT * (LARGE + 4096);
    rig->config.file_delete_delay_ms = 1000;
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int64_t start;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        put_large(rig, COUNT + 2, LARGE);
        rig_commit(rig, 0);
        run_for(fixture, 100);
        assert_int_equal(rig_delete_records(rig, 0, COUNT, &start), STATUS_OK);
        run_for(fixture, 100);
        int32_t file_count = rig_count_files(rig, 0);
        node_plan(fixture->sim.node,
                  (struct planned_fault){PLAN_SHORT, 1u << kinds[i], UINT64_MAX});
        run_for(fixture, 2000);
        assert_true(rig_count_files(rig, 0) < file_count);
        assert_true(node_count_planned(fixture->sim.node) >= SLICES - 1);
        node_forget_plans(fixture->sim.node);
        rig_kill(rig);
    }
}

/* --- Ends ------------------------------------------------------------------------------------- */

/* Is there one of a log's segment? */
static bool has_graves_of_logs(const struct graveyard *graveyard)
{
    const struct grave *grave;
    list_for_each_entry (grave, &graveyard->graves, node) {
        if (grave->log != NULL)
            return true;
    }
    return false;
}

/* A log may be deleted at any moment while its segments are on their way out, or wait for their
 * time: nothing of it is touched after it is gone, and its files go with its directory. */
static void log_goes_while_segments_go(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool is_over = false;
    rig->config.file_delete_delay_ms = 60 * 1000;
    for (uint32_t steps = 0; !is_over; steps++) {
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        fill(rig, BATCHES, 0);
        struct log_config config = rig->config;
        config.retention_bytes = 0;
        log_configure(rig->logs[0], &config);
        for (uint32_t i = 0; i < steps && !is_over; i++) {
            world_step(fixture->sim.world);
            is_over = !list_is_empty(&rig->stores[0]->graveyard.graves);
        }
        assert_int_equal(rig_delete(rig, 0), STATUS_OK);
        assert_false(has_graves_of_logs(&rig->stores[0]->graveyard));
        run_for(fixture, 2 * 60 * 1000);
        assert_true(list_is_empty(&rig->stores[0]->graveyard.graves));
        assert_int_equal(rig_count_files(rig, 0), -1);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* A stop does not wait until all that is due has been removed; the next life goes on with it. */
static void stop_leaves_the_rest(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    const struct graveyard *graveyard;
    int64_t start;
    rig->config.segment_bytes_max = 64 << 10;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, BATCHES, 0);
    graveyard = &rig->stores[0]->graveyard;
    assert_int_equal(rig_delete_records(rig, 0, BATCHES - 1, &start), STATUS_OK);
    while (graveyard->current == NULL)
        rig_turn(rig);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_true(rig_count_files(rig, 0) > BATCHES / 2);
    rig_retain(rig);
    assert_int_equal(rig_count_files(rig, 0), 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Leftovers -------------------------------------------------------------------------------- */

static void path_in_log(const struct rig *rig, const char *name, char path[static PATH_SIZE])
{
    char directory[PATH_SIZE];
    struct log_id id = rig_log_id(0);
    path_partition(rig->harness->directory, &id, directory);
    path_join(directory, name, path);
}

/* As if a removal had not come to its end. */
static void stop_with_leftovers(struct rig *rig)
{
    rig->stores[0]->unlisted_count++;
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Segments and indexes that no state lists are removed, whatever is in them, each by itself; the
 * log's own files and those of others stay. */
static void leftovers_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        bool stays;
    } files[] = {
        {"00000000000000000002.log", false},
        {"00000000000000000002.index", false},
        {"00000000000000000004.index", true},
        {"00000000000000000004-1.log", false},
        {"00000000000000000004-1.index", false},
        {"00000000000000000099.index", false},
        {"00000000000000000004.txt", true},
        {"4.log", true},
        {"notes", true},
    };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    uint64_t size_bytes;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, BATCHES, 0);
    stop_with_leftovers(rig);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_in_log(rig, files[i].name, path);
        assert_int_equal(rig_plant(rig, path, bytes_of_text("what was here")), STATUS_OK);
    }
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_retain(rig);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_in_log(rig, files[i].name, path);
        assert_int_equal(rig_has_file(rig, path, &size_bytes), files[i].stays);
    }
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), BATCHES);
    assert_int_equal(rig_count_files(rig, 0), (BATCHES + 3) / 4);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* No segment leaves the list before the search for leftovers is over: what has left it and is not
 * recorded would be taken for one, and be missing after a crash. */
static void search_comes_first(void **state)
{
    enum { LEFTOVERS = 20 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, BATCHES, 0);
    stop_with_leftovers(rig);
    for (int64_t i = 0; i < LEFTOVERS; i++) {
        char path[PATH_SIZE];
        rig_segment_path(rig, 0, 1000 + i, path);
        assert_int_equal(rig_plant(rig, path, bytes_of_text("what was here")), STATUS_OK);
    }
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    const struct log *log = rig->logs[0];
    uint32_t segment_count = log->segment_count;
    struct log_config config = rig->config;
    config.retention_bytes = 0;
    rig_commit(rig, 0);
    log_configure(rig->logs[0], &config);
    assert_false(log->is_swept);
    while (!log->is_swept) {
        assert_int_equal(log->segment_count, segment_count);
        rig_turn(rig);
    }
    while (log_start_offset(log) < BATCHES)
        rig_turn(rig);
    rig_retain(rig);
    assert_int_equal(rig_count_files(rig, 0), 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(cut_at_every_step),
        CASE(every_operation_fails_once),
        CASE(clock_jumps),
        CASE(timestamps_in_the_future),
        CASE(files_wait_for_their_time),
        CASE(slices_meet_readers),
        CASE(slices_are_synced),
        CASE(log_goes_while_segments_go),
        CASE(stop_leaves_the_rest),
        CASE(leftovers_are_told_apart),
        CASE(search_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
