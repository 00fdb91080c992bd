/* Disks that fail: errors are final, a full disk is not, damage is told from a torn tail. */
#include "base/assert.h"
#include "storage/frame.h"
#include "storage/path.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdio.h>
#include <stdlib.h>

static int set_up(void **state)
{
    sim_rig_set_up(state, 7);
    return 0;
}

static void plan(struct sim_rig *fixture, enum planned_effect effect, enum io_kind kind,
                 uint64_t nth)
{
    node_plan(fixture->sim.node,
              (struct planned_fault){.effect = effect, .kinds = 1u << kind, .nth = nth});
}

/* --- Errors are final ------------------------------------------------------------------------- */

/* Appends until one fails; after that nothing is acknowledged, the observer has been told, what was
 * acknowledged before still reads, and the next start brings it back. */
static void fail_at(struct sim_rig *fixture, enum io_kind kind, uint64_t nth, uint32_t value_size)
{
    struct rig *rig = &fixture->rig;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    plan(fixture, PLAN_IO_ERROR, kind, nth);
    int64_t acknowledged = 0;
    for (uint32_t i = 0; i < 600 && !store_has_failed(rig->stores[0]); i++) {
        struct rig_append append;
        rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){.value_size = value_size}));
        if (rig_append_wait(rig, &append) == STATUS_OK)
            acknowledged = append.append.last_offset + 1;
        arena_reset(&rig->arena);
    }
    assert_true(store_has_failed(rig->stores[0]));
    assert_int_equal(rig->observed_failure, STATUS_FAILED);
    struct rig_append late;
    rig_append(rig, 0, &late, rig_make(rig, &(struct rig_batch){0}));
    assert_int_equal(late.append.refused, STATUS_FAILED);
    assert_int_equal(rig_append_wait(rig, &late), STATUS_FAILED);
    assert_true(log_durable_offset(rig->logs[0]) >= acknowledged);
    uint32_t digest;
    assert_true(rig_read_all(rig, 0, &digest) >= acknowledged);
    assert_int_equal(rig_stop(rig), STATUS_FAILED);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_false(rig->report.was_clean);
    assert_true(rig_read_all(rig, 0, &digest) >= acknowledged);
    rig_kill(rig);
}

static void error_of_a_write_is_final(void **state)
{
    for (uint64_t nth = 1; nth < 30; nth += 3) {
        fail_at(*state, IO_WRITE, nth, 1000);
        fail_at(*state, IO_WRITE, nth, 100000);
    }
}

static void error_of_a_sync_is_final(void **state)
{
    for (uint64_t nth = 1; nth < 30; nth += 3) {
        fail_at(*state, IO_SYNC, nth, 1000);
        fail_at(*state, IO_SYNC, nth, 100000);
    }
}

/* --- What the cache shows after a sync has failed --------------------------------------------- */

/* A life whose nth sync fails; the process dies, and the cache survives it. */
static void live_until_sync_fails(struct sim_rig *fixture, uint64_t nth, uint32_t value_size)
{
    struct rig *rig = &fixture->rig;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    plan(fixture, PLAN_IO_ERROR, IO_SYNC, nth);
    for (uint32_t i = 0; i < 600 && !store_has_failed(rig->stores[0]); i++) {
        struct rig_append append;
        rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){.value_size = value_size}));
        rig_append_wait(rig, &append);
        arena_reset(&rig->arena);
    }
    assert_true(store_has_failed(rig->stores[0]));
    rig_kill(rig);
}

/* What a recovery shows to readers, the next power cut does not take: it may have found it in the
 * cache alone, where no later sync would have made it durable. */
static void recovery_makes_durable_what_it_finds(void **state)
{
    static const uint32_t value_sizes[] = {1000, 100000};
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t i = 0; i < 60; i++) {
        live_until_sync_fails(fixture, 1 + i / 2, value_sizes[i % 2]);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        uint32_t digest, digest_after;
        int64_t found = rig_read_all(rig, 0, &digest);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_int_equal(rig_read_all(rig, 0, &digest_after), found);
        assert_int_equal(digest_after, digest);
        rig_kill(rig);
    }
}

/* Directories that an earlier life has made, and did not live to sync, are not taken for durable:
 * what recovery puts into them, the next power cut does not take. */
static void recovery_makes_names_durable(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    for (uint32_t made = 0; made < 3; made++) {
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        struct log_id id = rig_log_id(0);
        struct disk *disk = node_disk(fixture->sim.node);
        rig_put(rig, 0, &(struct rig_batch){.value_size = 10});
        rig_kill(rig);
        path_topic(rig->harness->directory, &id, path);
        if (made > 0)
            assert_int_equal(disk_make_directory(disk, path), STATUS_OK);
        path_partition(rig->harness->directory, &id, path);
        if (made > 1)
            assert_int_equal(disk_make_directory(disk, path), STATUS_OK);
        for (uint32_t life = 0; life < 2; life++) {
            assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
            uint32_t digest;
            assert_int_equal(rig_read_all(rig, 0, &digest), 1);
            rig_cut_power(rig);
        }
        arena_reset(&rig->arena);
    }
}

/* Recovery reads a journal more than once when memory is short. When the cache loses in between
 * what a failed sync has left there, that is an error to start anew from; the start after it finds
 * what is on the disk. */
static void journal_that_changes_while_it_is_read(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct disk_faults *faults;
    uint32_t changed_count = 0;
    rig->options.memory_bytes_max = 1 << 20; /* too little to keep one */
    for (uint64_t nth = 1; nth <= 60; nth++) {
        live_until_sync_fails(fixture, 1 + nth % 6, 1000);
        faults = &fixture->sim.world->faults.disk;
        faults->evict = CHANCE_ALWAYS / 4;
        rig->log_size = 0;
        enum status status = rig_start(rig, 1, 1);
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_IO);
            assert_non_null(strstr(rig->log_text, "a journal read differently the second time"));
            changed_count++;
            faults->evict = CHANCE_ALWAYS;
            assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        }
        rig_kill(rig);
    }
    assert_true(changed_count > 0);
}

/* --- A full disk ------------------------------------------------------------------------------ */

/* Looking for room is not finding it: for several looks no append is taken. */
static void stays_full(struct rig *rig)
{
    enum { SECONDS = 5 };
    const struct store *store = rig->stores[0];
    uint64_t end_ns = io_now_ns(store->io) + SECONDS * 1000000000ull;
    while (io_now_ns(store->io) < end_ns) {
        assert_true(store->is_full);
        rig_turn(rig);
    }
}

/* Appends are refused while there is no space, reads go on, nothing acknowledged is lost, and when
 * there is space again, it goes on by itself. */
static void full_disk_passes(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < 20; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = 5000});
    struct disk *disk = node_disk(fixture->sim.node);
    disk->capacity_bytes = disk->used_bytes;
    uint32_t refused_count = 0;
    struct rig_append *appends = calloc(400, sizeof *appends);
    for (uint32_t i = 0; i < 400; i++) {
        rig_append(rig, 0, &appends[i], rig_make(rig, &(struct rig_batch){.value_size = 30000}));
        refused_count += appends[i].append.refused == STATUS_NO_SPACE;
        for (uint32_t k = 0; k < 50; k++)
            rig_turn(rig);
    }
    assert_true(refused_count > 0);
    assert_false(store_has_failed(rig->stores[0]));
    uint32_t digest;
    int64_t durable = log_durable_offset(rig->logs[0]);
    assert_int_equal(rig_read_all(rig, 0, &digest), durable);
    stays_full(rig);
    disk->capacity_bytes = 0;
    for (uint32_t i = 0; i < 400; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), appends[i].append.refused);
    int64_t end = log_end_offset(rig->logs[0]);
    while (rig->stores[0]->is_full)
        rig_turn(rig);
    struct rig_append append;
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){0}));
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
    assert_int_equal(append.append.base_offset, end);
    free(appends);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* Changes one byte of a file in place. */
static void spoil(struct sim_rig *fixture, const char *path, uint64_t offset)
{
    struct disk *disk = node_disk(fixture->sim.node);
    struct inode *file;
    uint8_t byte;
    assert_int_equal(disk_open(disk, path, 0, &file), STATUS_OK);
    assert_int_equal(file_read(&file->file, offset, &byte, 1), 1);
    byte ^= 0x80;
    assert_int_equal(disk_write(disk, file, offset, &byte, 1), STATUS_OK);
    disk_release(disk, file);
}

static void put_many(struct rig *rig, uint32_t count, uint32_t value_size)
{
    for (uint32_t i = 0; i < count; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = value_size, .seed = i});
}

/* A damaged frame is an error for whoever reads it, never an empty answer or wrong bytes; the
 * others are served. */
static void damage_is_reported_by_reads(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_many(rig, 10, 100000);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    char path[PATH_SIZE];
    rig_segment_path(rig, 0, 0, path);
    spoil(fixture, path, 3 * frame_stored_size(100000) + 5000);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct log_read read;
    for (int64_t offset = 0; offset < 10; offset++) {
        int32_t result = rig_read(rig, 0, offset, INT64_MAX, 10, &read);
        assert_int_equal(result, offset == 3 ? STATUS_CORRUPT : STATUS_OK);
        log_read_release(&read, rig->io);
    }
    assert_non_null(strstr(rig->log_text, "damaged on disk"));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static void expect_readable(struct rig *rig, int64_t end_offset, int64_t damaged_from,
                            int64_t damaged_to)
{
    assert_int_equal(log_end_offset(rig->logs[0]), end_offset);
    for (int64_t offset = 0; offset < end_offset; offset++) {
        struct log_read read;
        bool is_damaged = offset >= damaged_from && offset < damaged_to;
        int32_t result = rig_read(rig, 0, offset, INT64_MAX, 10, &read);
        assert_int_equal(result, is_damaged ? STATUS_CORRUPT : STATUS_OK);
        log_read_release(&read, rig->io);
    }
}

/* Damage below what was durable is not cut away as a torn tail: what is good behind it stays, the
 * log says what is lost, appending goes on, and all of that holds after the next starts. */
static void damage_below_the_mark(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_many(rig, 10, 100000);
    rig_kill(rig);
    char path[PATH_SIZE];
    rig_segment_path(rig, 0, 0, path);
    spoil(fixture, path, 3 * frame_stored_size(100000) + 5000);
    rig->may_be_damaged = true;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig->report.logs_damaged, 1);
    assert_non_null(strstr(rig->log_text, "damaged or missing"));
    expect_readable(rig, 10, 3, 4);
    put_many(rig, 5, 100000);
    expect_readable(rig, 15, 3, 4);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig->report.logs_damaged, 0);
    expect_readable(rig, 15, 3, 4);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    expect_readable(rig, 15, 3, 4);
}

/* Small frames that are damaged while the journal still has their batches are nobody's loss: the
 * start after a kill takes them from there, with what lies behind them. */
static void damage_that_the_journal_mends(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    uint32_t digest;
    uint32_t digest_again;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < 6; i++) {
        put_many(rig, 1, 3000);
        log_seal(rig->logs[0]);
        /* The state that tells of the segment tells of the first frames at most. */
        while (rig->logs[0]->unwritten != NULL || rig->logs[0]->flush != NULL ||
               rig->logs[0]->recorded_version < rig->logs[0]->version)
            rig_turn(rig);
    }
    assert_in_range(rig->logs[0]->recorded_offset, 0, 4);
    assert_int_equal(rig_read_all(rig, 0, &digest), 6);
    rig_segment_path(rig, 0, 0, path);
    rig_kill(rig);
    spoil(fixture, path, 4 * FRAME_ALIGNMENT + 100);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig->report.logs_damaged, 0);
    assert_int_equal(rig_read_all(rig, 0, &digest_again), 6);
    assert_int_equal(digest_again, digest);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A segment that ends in damage below the mark is left as it is, and the log goes on in the next.
 */
static void damage_at_the_end(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_many(rig, 10, 100000);
    put_many(rig, 1, 10); /* says in the journal that ten are durable */
    rig_kill(rig);
    char path[PATH_SIZE];
    rig_segment_path(rig, 0, 0, path);
    spoil(fixture, path, 9 * frame_stored_size(100000) + 5000);
    rig->may_be_damaged = true;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    expect_readable(rig, 11, 9, 10);
    put_many(rig, 3, 100000);
    expect_readable(rig, 14, 9, 10);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    expect_readable(rig, 14, 9, 10);
}

/* A segment that is gone takes its own records with it, and nothing else. */
static void segment_that_is_gone(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = 512 << 10;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    put_many(rig, 22, 100000);
    rig_kill(rig);
    char path[PATH_SIZE];
    rig_segment_path(rig, 0, 15, path);
    assert_int_equal(disk_unlink(node_disk(fixture->sim.node), path), STATUS_OK);
    rig->may_be_damaged = true;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    expect_readable(rig, 22, 15, 20);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A bad commit with good ones behind it was acknowledged once: what it held is lost, and what the
 * later ones hold is not. The last one, torn, is nothing. */
static void damage_in_the_journal(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    enum { COUNT = 30 };
    rig->may_be_damaged = true;
    for (uint64_t block = 0; block < COUNT; block++) {
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        struct store *store = rig->stores[0];
        while (store->journal.current == 0 || store->checkpoint.is_running)
            put_many(rig, 1, 10);
        int64_t before = log_end_offset(rig->logs[0]);
        uint64_t position = store->journal.position;
        put_many(rig, COUNT, 10);
        rig_kill(rig);
        char path[PATH_SIZE];
        path_journal(rig->harness->directory, 0, 1, path);
        spoil(fixture, path, position + block * COMMIT_ALIGNMENT + 100);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        bool is_last = block == COUNT - 1;
        assert_int_equal(rig->report.journal_was_damaged, !is_last);
        int64_t lost = before + (int64_t)block;
        expect_readable(rig, before + COUNT - is_last, lost, lost + 1);
        rig_kill(rig);
        arena_reset(&rig->arena);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(error_of_a_write_is_final),
        CASE(error_of_a_sync_is_final),
        CASE(recovery_makes_durable_what_it_finds),
        CASE(recovery_makes_names_durable),
        CASE(journal_that_changes_while_it_is_read),
        CASE(full_disk_passes),
        CASE(damage_is_reported_by_reads),
        CASE(damage_below_the_mark),
        CASE(damage_that_the_journal_mends),
        CASE(damage_at_the_end),
        CASE(segment_that_is_gone),
        CASE(damage_in_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
