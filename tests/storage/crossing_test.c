/* Things that cross each other on their way: a stop and a read ahead, a stop and a full disk, a
 * commit and the zeroing of the file before it, a deletion and a checkpoint, a reservation and a
 * lack of memory. */
#include "base/assert.h"
#include "sim/disk.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

static int set_up(void **state)
{
    sim_rig_set_up(state, 11);
    return 0;
}

/* --- Stops ------------------------------------------------------------------------------------ */

/* A stop that finds only a read ahead under way waits for it, and lands. */
static void stop_during_read_ahead(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 20, 100000);
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
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    enum { COUNT = 200 };
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 5, 5000);
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

/* A checkpoint that begins while there is no space goes on when there is, also for a log whose
 * frames are all written and only lack the sync. */
static void checkpoint_on_a_full_disk(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct store *store = rig->stores[0];
    struct log *log = rig->logs[0];
    rig_put_many(rig, 0, 3, 3000);
    log_seal(log);
    while (log->flush != NULL)
        rig_turn(rig);
    assert_null(log->unwritten);
    assert_true(log->dirty_sequence != 0);
    room_ran_short(&store->room);
    checkpoint_request(store, store->journal.files[store->journal.current].last_sequence);
    while (!store->checkpoint.is_running)
        rig_turn(rig);
    for (uint32_t i = 0; i < 1000 && store->checkpoint.is_running; i++)
        rig_turn(rig);
    assert_int_equal(log->dirty_sequence, 0);
    assert_false(store->checkpoint.is_running);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Without a free file handle the ring is short for a while; that is no reason to fail. */
static void ring_without_handles(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fixture->sim.world->faults.disk.handle_count_max = 1;
    struct rig_append append;
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){0}));
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
    while (!rig->stores[0]->is_full && !store_has_failed(rig->stores[0]))
        rig_turn(rig);
    assert_false(store_has_failed(rig->stores[0]));
    fixture->sim.world->faults.disk.handle_count_max = 0;
    while (rig->stores[0]->journal.files[1].state == JOURNAL_ABSENT)
        rig_turn(rig);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A file of the ring counts as zeroed in the next life only if it was written throughout: not the
 * very first one, and not one at whose zeroing the life before ended. */
static void files_that_were_not_zeroed(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.journal_file_bytes = 4 << 20;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_false(rig->stores[0]->journal.files[0].is_zeroed);
    rig_put_many(rig, 0, 2, 100);
    while (rig->stores[0]->journal.prepare.position < 2 << 20)
        rig_turn(rig);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig->stores[0]->journal.files[1].state, JOURNAL_ABSENT);
    rig_put_many(rig, 0, 2, 100);
    while (rig->stores[0]->journal.files[1].state == JOURNAL_ABSENT)
        rig_turn(rig);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_true(rig->stores[0]->journal.files[1].is_zeroed);
    assert_int_equal(rig->stores[0]->journal.current, 1);
    assert_int_equal(log_end_offset(rig->logs[0]), 4);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Three commits in the first file of a ring of two, checkpointed; a fourth is about to leave for
 * the second. */
static void leave_the_first_file(struct rig *rig, struct rig_append *append)
{
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct store *store = rig->stores[0];
    struct journal *journal = &store->journal;
    rig_put_many(rig, 0, 3, 100);
    checkpoint_request(store, journal_landed_sequence(journal));
    while (journal->released_sequence < 3 || journal->files[1].state != JOURNAL_READY)
        rig_turn(rig);
    assert_int_equal(journal->current, 0);
    rig_append(rig, 0, append, rig_make(rig, &(struct rig_batch){0}));
}

/* The first file is left before it is zeroed, and zeroed when it is left; not before a later commit
 * is on disk. Else a power cut leaves half a file, and nothing to say that it was checkpointed. */
static void zeroing_waits_for_the_next_commit(void **state)
{
    enum { CUTS = 300, TURNS_MAX = 10 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.journal_file_bytes = 4 << 20;
    for (uint32_t cut = 0; cut < CUTS; cut++) {
        struct rig_append append;
        rig->harness->reset(rig->harness);
        leave_the_first_file(rig, &append);
        for (uint32_t turns = cut % TURNS_MAX; turns > 0; turns--)
            rig_turn(rig);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_in_range(log_end_offset(rig->logs[0]), append.has_landed ? 4 : 3, 4);
        rig_kill(rig);
    }
}

/* --- Failures --------------------------------------------------------------------------------- */

/* After an error nothing is acknowledged any more, and the durable offset stands still, even if a
 * commit that was under way comes through. */
static void nothing_moves_after_a_failure(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 3, 3000);
    struct rig_append append;
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){0}));
    while (rig->stores[0]->journal.in_flight == NULL)
        rig_turn(rig);
    uint32_t moves = rig->observed_moves;
    store_fail(rig->stores[0], STATUS_IO);
    while (rig->stores[0]->journal.in_flight != NULL)
        rig_turn(rig);
    assert_int_equal(rig_append_wait(rig, &append), STATUS_FAILED);
    assert_int_equal(log_durable_offset(rig->logs[0]), 3);
    assert_int_equal(rig->observed_moves, moves);
    assert_int_equal(rig_stop(rig), STATUS_FAILED);
}

/* --- Deletions -------------------------------------------------------------------------------- */

struct deletion {
    struct completion completion;
    bool has_landed;
};

static void deletion_landed(struct completion *completion, int32_t result)
{
    struct deletion *deletion = container_of(completion, struct deletion, completion);
    assert_int_equal(result, STATUS_OK);
    deletion->has_landed = true;
}

/* A checkpoint that begins while a log is going away is not held up by it. */
static void checkpoint_during_a_deletion(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    struct store *store = rig->stores[0];
    rig_put_many(rig, 0, 3, 3000);
    rig_put_many(rig, 1, 3, 3000);
    log_seal(rig->logs[0]);
    assert_non_null(rig->logs[0]->flush);
    struct deletion deletion = {0};
    completion_init(&deletion.completion, deletion_landed);
    store_delete_log(store, rig->logs[0], &deletion.completion);
    rig->logs[0] = NULL;
    checkpoint_request(store, store->journal.files[store->journal.current].last_sequence);
    while (!deletion.has_landed || store->checkpoint.begin_is_pending)
        rig_turn(rig);
    for (uint32_t i = 0; i < 10000 && store->checkpoint.is_running; i++)
        rig_turn(rig);
    assert_false(store->checkpoint.is_running);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static bool has_file(const struct sim_rig *fixture, const char *path)
{
    struct disk *disk = node_disk(fixture->sim.node);
    struct inode *file;
    if (disk_open(disk, path, 0, &file) != STATUS_OK)
        return false;
    disk_release(disk, file);
    return true;
}

/* Until its new name is on disk a log may come back after a power cut, so a checkpoint does not
 * give the journal's file away before: recovery would find marks without the batches they speak of.
 */
static void checkpoint_waits_for_a_deletion(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    struct store *store = rig->stores[0];
    rig_put_many(rig, 0, 3, 100000);
    rig_put_many(rig, 0, 3, 3000);
    char path[PATH_SIZE];
    path_segment(rig->logs[0]->directory, 0, 0, path);
    assert_true(has_file(fixture, path));
    uint64_t sequence = store->journal.files[store->journal.current].last_sequence;
    checkpoint_request(store, sequence);
    while (!store->checkpoint.is_running || store->checkpoint.last_sequence < sequence)
        rig_turn(rig);
    struct deletion deletion = {0};
    completion_init(&deletion.completion, deletion_landed);
    store_delete_log(store, rig->logs[0], &deletion.completion);
    rig->logs[0] = NULL;
    while (has_file(fixture, path)) {
        assert_true(store->checkpoint.is_running);
        rig_turn(rig);
    }
    while (!deletion.has_landed)
        rig_turn(rig);
    assert_false(store->checkpoint.is_running);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static void fill_disk(struct sim_rig *fixture, struct rig *rig)
{
    const struct store *store = rig->stores[0];
    struct disk *disk = node_disk(fixture->sim.node);
    while (!catalog_is_idle(&store->catalog) || !journal_is_idle(&store->journal))
        rig_turn(rig);
    disk->capacity_bytes = disk->used_bytes - store->options.reserve_bytes;
}

/* On a disk that is full to the last byte, with space in the catalog for three commits, all
 * deletions come to their end: nobody waits, those of a second go together, and one makes room. */
static void deletions_on_a_full_disk(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    const uint32_t large = RIG_LOGS_MAX - 1;
    rig->config.file_delete_delay_ms = 0;
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    struct store *store = rig->stores[0];
    rig_put_many(rig, large, 40, 900000);
    fill_disk(fixture, rig);
    store->catalog.position = store->catalog.allocated_bytes - 6ull * COMMIT_ALIGNMENT;
    uint64_t begin_ns = io_now_ns(store->io);
    for (uint32_t i = 0; i < RIG_LOGS_MAX; i++) {
        enum status status = rig_delete(rig, i);
        assert_true(status == STATUS_OK || status == STATUS_NO_SPACE);
    }
    assert_true(store->is_full);
    assert_true(io_now_ns(store->io) - begin_ns < RETRY_NS);
    while (!list_is_empty(&store->deletions) || store->is_full) {
        assert_true(io_now_ns(store->io) - begin_ns < 60ull * RETRY_NS);
        rig_turn(rig);
    }
    assert_false(store_has_failed(store));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A stop does not wait for space either, and says that something was left. */
static void stop_with_deletions_on_a_full_disk(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 4), STATUS_OK);
    struct store *store = rig->stores[0];
    rig_put_many(rig, 3, 4, 900000);
    fill_disk(fixture, rig);
    store->catalog.position = store->catalog.allocated_bytes - 2ull * COMMIT_ALIGNMENT;
    for (uint32_t i = 0; i < 3; i++)
        (void)rig_delete(rig, i);
    assert_false(list_is_empty(&store->deletions));
    (void)rig_stop(rig);
    assert_false(fixture->rig.is_alive);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* When the tails of many logs hold all the memory, they are written, and appends go on. */
static void tails_give_their_memory_back(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.memory_bytes_max = 512 << 10;
    rig->options.cache_bytes_max = 64 << 10;
    rig->options.journal_file_bytes = 8 << 20;
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    for (uint32_t i = 0; i < 400; i++) {
        struct rig_append append;
        uint32_t attempts = 0;
        struct bytes batch = rig_make(rig, &(struct rig_batch){.value_size = 2900, .seed = i});
        do {
            rig_append(rig, i % RIG_LOGS_MAX, &append, batch);
            for (uint32_t k = 0; k < 20; k++)
                rig_turn(rig);
        } while (rig_append_wait(rig, &append) == STATUS_NO_MEMORY && ++attempts < 100);
        assert_int_equal(append.result, STATUS_OK);
        arena_reset(&rig->arena);
    }
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(stop_during_read_ahead),          CASE(stop_on_a_full_disk),
        CASE(checkpoint_on_a_full_disk),       CASE(ring_without_handles),
        CASE(files_that_were_not_zeroed),      CASE(zeroing_waits_for_the_next_commit),
        CASE(nothing_moves_after_a_failure),   CASE(checkpoint_during_a_deletion),
        CASE(checkpoint_waits_for_a_deletion), CASE(tails_give_their_memory_back),
        CASE(deletions_on_a_full_disk),        CASE(stop_with_deletions_on_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
