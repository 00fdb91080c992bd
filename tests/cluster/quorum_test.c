/* A quorum of one leads at once, tells commits in order and only of what is stored, and is over
 * when its disk fails. A full disk is no failure. */
#include "cluster/quorum.h"

#include "base/list.h"
#include "cluster/metadata_format.h"
#include "sim/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct bench {
    struct world *world;
    struct node *node;
    struct io *io;
    struct log_sink sink;
    struct logger logger;
    char log[4096];
    struct arena arena;
    struct quorum *quorum;
    struct quorum_recovered recovered;
    struct quorum_handler handler;
    uint64_t committed_index;
    uint32_t leader_count;
    uint32_t failure_count;
    uint32_t snapshot_count;
};

static struct process *idle_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count)
{
    struct process *process = calloc(1, sizeof *process);
    *process = (struct process){program, node};
    return process;
}

static void idle_destroy(struct process *process)
{
    free(process);
}

static const struct program idle = {.start = idle_start, .destroy = idle_destroy};

static void bench_write(struct log_sink *sink, struct bytes line)
{
    struct bench *bench = container_of(sink, struct bench, sink);
    size_t used = strlen(bench->log);
    size_t room = sizeof bench->log - used - 1;
    memcpy(bench->log + used, line.data, line.size < room ? line.size : room);
}

static int64_t bench_now(struct log_sink *sink)
{
    return 0;
}

static void on_committed(struct quorum_handler *handler, uint64_t index)
{
    struct bench *bench = container_of(handler, struct bench, handler);
    assert_true(index > bench->committed_index);
    assert_true(index <= quorum_describe(bench->quorum).stored_index);
    bench->committed_index = index;
}

static void on_role(struct quorum_handler *handler, enum quorum_role role)
{
    container_of(handler, struct bench, handler)->leader_count += role == QUORUM_LEADER;
}

static uint64_t on_snapshot(struct quorum_handler *handler, struct writer *writer)
{
    struct bench *bench = container_of(handler, struct bench, handler);
    writer_u32(writer, 42);
    bench->snapshot_count++;
    return bench->committed_index;
}

static void on_failed(struct quorum_handler *handler, enum status status)
{
    container_of(handler, struct bench, handler)->failure_count++;
}

static enum status bench_create_with(struct bench *bench, const struct quorum_options *options)
{
    return quorum_create(bench->io, options, &bench->logger, &bench->arena, &bench->recovered,
                         &bench->quorum);
}

static enum status bench_create(struct bench *bench, int32_t node_id)
{
    struct quorum_options options = {
        .directory = "/data/cluster", .node_id = node_id, .snapshot_bytes = 50000};
    return bench_create_with(bench, &options);
}

static struct bench *bench_open(void)
{
    const struct faults quiet = {0};
    struct bench *bench = calloc(1, sizeof *bench);
    bench->world = world_create(1, &quiet);
    bench->node = node_create(bench->world, "node", &idle, 1);
    node_start(bench->node, 0);
    world_step(bench->world);
    bench->io = node_core(bench->node, 0);
    bench->sink = (struct log_sink){bench_write, bench_now};
    bench->logger = (struct logger){.sink = &bench->sink, .level = LOG_INFO};
    bench->handler = (struct quorum_handler){on_committed, on_role, on_snapshot, on_failed};
    arena_init(&bench->arena, 1 << 24);
    return bench;
}

static void bench_close(struct bench *bench)
{
    quorum_destroy(bench->quorum);
    arena_deinit(&bench->arena);
    world_destroy(bench->world);
    free(bench);
}

struct stopping {
    struct completion completion;
    bool has_landed;
};

static void stop_landed(struct completion *completion, int32_t result)
{
    assert_int_equal(result, 0);
    container_of(completion, struct stopping, completion)->has_landed = true;
}

static void bench_stop(struct bench *bench)
{
    struct stopping stopping = {0};
    completion_init(&stopping.completion, stop_landed);
    quorum_stop(bench->quorum, &stopping.completion);
    while (!stopping.has_landed)
        io_turn(bench->io);
    quorum_destroy(bench->quorum);
    bench->quorum = NULL;
}

static void turn_until_committed(struct bench *bench, uint64_t index)
{
    while (bench->committed_index < index && bench->failure_count == 0)
        io_turn(bench->io);
}

static void test_the_only_voter_leads_before_anything_has_turned(void **state)
{
    struct bench *bench = bench_open();
    assert_int_equal(bench_create(bench, 0), STATUS_OK);
    struct quorum_description description = quorum_describe(bench->quorum);
    assert_int_equal(description.role, QUORUM_LEADER);
    assert_int_equal(description.leader_id, 0);
    assert_int_equal(description.term, 1);
    assert_int_equal(description.commit_index, 1);
    assert_int_equal(bench->recovered.entry_count, 1);
    bench_close(bench);
}

static void test_commits_are_told_in_order_up_to_the_barrier(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
        assert_int_equal(index, i + 2);
    }
    assert_int_equal(bench->committed_index, 0);
    assert_int_equal(quorum_barrier(bench->quorum, &index), STATUS_OK);
    turn_until_committed(bench, index);
    assert_int_equal(bench->committed_index, 102);
    assert_int_equal(bench->leader_count, 1);
    bench_close(bench);
}

static void test_the_cap_on_what_is_uncommitted_holds_and_lifts(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    for (uint32_t i = 0; i < QUORUM_UNCOMMITTED_MAX; i++)
        assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    uint64_t refused;
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &refused), STATUS_BUSY);
    turn_until_committed(bench, index);
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    turn_until_committed(bench, index);
    bench_close(bench);
}

static void test_a_disk_that_fails_ends_the_quorum_once_and_for_all(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    node_plan(bench->node, (struct planned_fault){PLAN_IO_ERROR, 1u << IO_SYNC, 1});
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    turn_until_committed(bench, index);
    assert_int_equal(bench->failure_count, 1);
    assert_int_equal(bench->committed_index, 0);
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_FAILED);
    assert_int_equal(quorum_describe(bench->quorum).leader_id, -1);
    assert_non_null(strstr(bench->log, "the metadata log failed; nothing more is written"));
    bench_close(bench);
}

static void test_snapshots_hold_what_is_committed_and_the_rest_follows(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
        turn_until_committed(bench, index);
    }
    bench_stop(bench);
    assert_true(bench->snapshot_count >= 2);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    assert_true(bench->recovered.has_snapshot);
    assert_int_equal(bench->recovered.records.size, 4);
    assert_int_equal(bench->recovered.first_index, bench->recovered.snapshot_index + 1);
    assert_int_equal(bench->recovered.snapshot_index + bench->recovered.entry_count, index);
    bench_close(bench);
}

static void put_file(struct bench *bench, const char *path)
{
    struct io_request request;
    io_open(bench->io, &request, path, IO_OPEN_CREATE);
    int32_t handle = io_await(bench->io, &request);
    assert_true(handle >= 0);
    io_close(bench->io, &request, handle);
    assert_int_equal(io_await(bench->io, &request), STATUS_OK);
}

static uint32_t count_snapshots(struct bench *bench)
{
    struct io_request request;
    uint32_t count = 0;
    io_list_directory(bench->io, &request, "/data/cluster", &bench->arena);
    assert_int_equal(io_await(bench->io, &request), STATUS_OK);
    for (uint32_t i = 0; i < request.listing.entry_count; i++)
        count += metadata_snapshot_name_index(request.listing.entries[i].name) != 0;
    return count;
}

/* A power cut may bring back a snapshot whose removal was not on disk yet; nobody would look at it
 * again. */
static void test_a_start_removes_snapshots_older_than_the_newest(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    while (bench->snapshot_count < 2) {
        assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
        turn_until_committed(bench, index);
    }
    bench_stop(bench);
    put_file(bench, "/data/cluster/snapshot-00000000000000000001");
    assert_int_equal(count_snapshots(bench), 2);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    assert_true(bench->recovered.has_snapshot);
    assert_int_equal(count_snapshots(bench), 1);
    bench_close(bench);
}

/* A start leaves out what has been reserved and not written; entries that are nothing but zeros, at
 * the end of the log and within it, are not taken for that. */
static void test_entries_of_zeros_are_there_after_a_restart(void **state)
{
    enum { ZERO_BYTES = 300 * 1024, ENTRY_COUNT = 3 };
    static const uint8_t zeros[ZERO_BYTES];
    const struct quorum_options options = {
        .directory = "/data/cluster", .node_id = 1, .snapshot_bytes = 1 << 30};
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create_with(bench, &options), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
        assert_int_equal(quorum_propose(bench->quorum, bytes_of(zeros, ZERO_BYTES), &index),
                         STATUS_OK);
        turn_until_committed(bench, index);
    }
    quorum_destroy(bench->quorum);
    assert_int_equal(bench_create_with(bench, &options), STATUS_OK);
    assert_int_equal(bench->recovered.entry_count, 1 + ENTRY_COUNT);
    for (uint32_t i = 1; i <= ENTRY_COUNT; i++)
        assert_true(bytes_equal(bench->recovered.entries[i].data, bytes_of(zeros, ZERO_BYTES)));
    bench_close(bench);
}

static void propose_and_wait(struct bench *bench)
{
    uint64_t index = 0;
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    turn_until_committed(bench, index);
}

/* The first batch of a new log file never arrives, so the file is empty at the next start; the
 * snapshot that follows must not begin a second file of the same name. */
static void test_a_snapshot_behind_an_empty_log_file_loses_nothing(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    while (bench->snapshot_count == 0)
        propose_and_wait(bench);
    propose_and_wait(bench); /* into the old file, while the snapshot is being written */
    while (quorum_describe(bench->quorum).snapshot_index == 0)
        io_turn(bench->io);
    node_plan(bench->node, (struct planned_fault){PLAN_IO_ERROR, 1u << IO_WRITE, 2});
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    turn_until_committed(bench, index);
    assert_int_equal(bench->failure_count, 1);
    bench_stop(bench);

    bench->failure_count = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    while (quorum_describe(bench->quorum).snapshot_index < bench->committed_index)
        io_turn(bench->io);
    for (uint32_t before = bench->snapshot_count; bench->snapshot_count == before;)
        propose_and_wait(bench);
    propose_and_wait(bench);
    index = bench->committed_index;
    bench_stop(bench);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    assert_int_equal(bench->recovered.snapshot_index + bench->recovered.entry_count, index);
    bench_close(bench);
}

/* --- A full disk ------------------------------------------------------------------------------ */

static void fill_disk(struct bench *bench)
{
    struct disk *disk = node_disk(bench->node);
    disk->capacity_bytes = disk->used_bytes;
}

/* Until it is refused; answers how many went through. */
static uint32_t propose_until_refused(struct bench *bench)
{
    uint64_t index = 0;
    uint32_t count = 0;
    enum status status;
    while ((status = quorum_propose(bench->quorum, bytes_of("x", 1), &index)) == STATUS_OK) {
        turn_until_committed(bench, index);
        assert_int_equal(bench->failure_count, 0);
        count++;
    }
    assert_int_equal(status, STATUS_NO_SPACE);
    return count;
}

static void wait_until_there_is_space(struct bench *bench)
{
    node_disk(bench->node)->capacity_bytes = 0;
    while (quorum_is_short_of_space(bench->quorum))
        io_turn(bench->io);
}

/* With the disk full from one moment to the next there is room for hundreds of changes, snapshots
 * and new log files wanted or not; then they are refused, and with space they go on. */
static void test_a_full_disk_ends_in_refusals_and_loses_nothing(void **state)
{
    struct bench *bench = bench_open();
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    propose_and_wait(bench);
    fill_disk(bench);
    assert_true(propose_until_refused(bench) >= 400);
    assert_true(quorum_is_short_of_space(bench->quorum));
    wait_until_there_is_space(bench);
    propose_and_wait(bench);
    uint64_t index = bench->committed_index;
    bench_stop(bench);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    assert_int_equal(bench->recovered.snapshot_index + bench->recovered.entry_count, index);
    bench_close(bench);
}

/* A start has no log file open and finds out late that there is no space for one: what was taken
 * waits, and is committed when there is space. */
static void test_what_was_taken_without_space_waits_for_it(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    bench_stop(bench);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    fill_disk(bench);
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    uint64_t end_ns = io_now_ns(bench->io) + 5000000000ull;
    while (io_now_ns(bench->io) < end_ns)
        io_turn(bench->io);
    assert_int_equal(bench->failure_count, 0);
    assert_int_equal(bench->committed_index, 0);
    assert_non_null(strstr(bench->log, "no disk space for metadata"));
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_NO_SPACE);
    wait_until_there_is_space(bench);
    turn_until_committed(bench, index);
    assert_int_equal(bench->committed_index, index);
    propose_and_wait(bench);
    bench_stop(bench);
    bench_close(bench);
}

/* It is not answered either, and the next start knows nothing of it. */
static void test_a_stop_does_not_wait_for_space(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    bench_stop(bench);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_start(bench->quorum, &bench->handler);
    fill_disk(bench);
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    while (!quorum_is_short_of_space(bench->quorum))
        io_turn(bench->io);
    bench_stop(bench);
    assert_int_equal(bench->failure_count, 0);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    assert_int_equal(bench->recovered.entry_count, index - 1);
    bench_close(bench);
}

/* However deep it lies: what tells the second node that the folder is not its own was there when
 * the power went. */
static void test_the_names_above_a_new_folder_are_durable(void **state)
{
    enum { DEPTH = 40 };
    static const char level[] = "/d";
    char directory[DEPTH * (sizeof level - 1) + 1] = {0};
    struct quorum_options options = {.directory = directory, .node_id = 1, .snapshot_bytes = 50000};
    struct bench *bench = bench_open();
    for (uint32_t i = 0; i < DEPTH; i++)
        memcpy(directory + i * (sizeof level - 1), level, sizeof level);
    assert_int_equal(bench_create_with(bench, &options), STATUS_OK);
    quorum_destroy(bench->quorum);
    node_kill(bench->node, DEATH_POWER_CUT);
    world_step(bench->world);
    node_start(bench->node, 0);
    world_step(bench->world);
    bench->io = node_core(bench->node, 0);
    options.node_id = 2;
    assert_int_equal(bench_create_with(bench, &options), STATUS_INVALID);
    bench_close(bench);
}

static void remove_state(struct bench *bench)
{
    struct io_request request;
    io_unlink(bench->io, &request, "/data/cluster/state");
    assert_int_equal(io_await(bench->io, &request), STATUS_OK);
}

/* The power may leave the first log file and not the state file, which got its name before: nobody
 * was answered, and the start does all of it again. Once there is more, the state file is missed.
 */
static void test_a_beginning_that_was_cut_off_is_done_again(void **state)
{
    struct bench *bench = bench_open();
    uint64_t index = 0;
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_destroy(bench->quorum);
    remove_state(bench);
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    assert_int_equal(bench->recovered.entry_count, 1);
    quorum_start(bench->quorum, &bench->handler);
    assert_int_equal(quorum_propose(bench->quorum, bytes_of("x", 1), &index), STATUS_OK);
    turn_until_committed(bench, index);
    quorum_destroy(bench->quorum);
    remove_state(bench);
    assert_int_equal(bench_create(bench, 1), STATUS_CORRUPT);
    bench_close(bench);
}

static void test_the_folder_of_another_node_is_refused(void **state)
{
    struct bench *bench = bench_open();
    assert_int_equal(bench_create(bench, 1), STATUS_OK);
    quorum_destroy(bench->quorum);
    bench->quorum = NULL;
    assert_int_equal(bench_create(bench, 2), STATUS_INVALID);
    assert_non_null(strstr(bench->log, "the data folder belongs to another node"));
    bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_only_voter_leads_before_anything_has_turned),
        cmocka_unit_test(test_commits_are_told_in_order_up_to_the_barrier),
        cmocka_unit_test(test_the_cap_on_what_is_uncommitted_holds_and_lifts),
        cmocka_unit_test(test_a_disk_that_fails_ends_the_quorum_once_and_for_all),
        cmocka_unit_test(test_entries_of_zeros_are_there_after_a_restart),
        cmocka_unit_test(test_snapshots_hold_what_is_committed_and_the_rest_follows),
        cmocka_unit_test(test_a_start_removes_snapshots_older_than_the_newest),
        cmocka_unit_test(test_a_snapshot_behind_an_empty_log_file_loses_nothing),
        cmocka_unit_test(test_a_full_disk_ends_in_refusals_and_loses_nothing),
        cmocka_unit_test(test_what_was_taken_without_space_waits_for_it),
        cmocka_unit_test(test_a_stop_does_not_wait_for_space),
        cmocka_unit_test(test_the_names_above_a_new_folder_are_durable),
        cmocka_unit_test(test_a_beginning_that_was_cut_off_is_done_again),
        cmocka_unit_test(test_the_folder_of_another_node_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
