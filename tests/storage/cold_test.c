/* Old data on disks that lose it: whatever is flipped or lost of segments and their indexes, what
 * is served is what was appended, and what is not served is no more than what was hit. */
#include "base/assert.h"
#include "base/crc32c.h"
#include "sim/disk.h"
#include "storage/frame.h"
#include "storage/index_file.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

enum { LOG_BATCHES_MAX = 512, SEGMENT_BYTES = 2 << 20, READ_LOGS = 20, STEP_LOGS = 10 };

/* What was appended: one batch of three records each. */
struct known_batch {
    int64_t base_offset;
    int64_t next_offset;
    int64_t timestamp_ms;
    uint32_t crc; /* of the whole batch as stored */
};

struct fixture {
    struct sim_harness sim;
    struct rig rig;
    struct known_batch batches[LOG_BATCHES_MAX];
    uint32_t count;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    sim_harness_init(&fixture->sim, 23);
    rig_init(&fixture->rig, &fixture->sim.harness);
    fixture->rig.config.segment_bytes_max = SEGMENT_BYTES;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->rig.is_alive)
        rig_kill(&fixture->rig);
    sim_harness_deinit(&fixture->sim);
    rig_deinit(&fixture->rig);
    free(fixture);
    return 0;
}

/* --- What is there ---------------------------------------------------------------------------- */

static uint32_t crc_at(struct rig *rig, int64_t offset)
{
    struct log_read read;
    assert_int_equal(rig_read(rig, 0, offset, INT64_MAX, 1, &read), STATUS_OK);
    assert_int_equal(read.piece_count, 1);
    uint32_t crc = crc32c(0, read.pieces[0].data, read.pieces[0].size);
    log_read_release(&read, rig->io);
    return crc;
}

/* Several segments, small and large frames, timestamps that rise and fall; then a life that only
 * reads. */
static void fill(struct fixture *fixture, uint32_t count)
{
    struct rig *rig = &fixture->rig;
    static const uint32_t sizes[] = {300, 9000, 40000, 50, 1500, 25000, 100};
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct known_batch *batch = &fixture->batches[fixture->count++];
        batch->timestamp_ms = 100000 + i * 10 - (i % 5) * 37;
        batch->base_offset = rig_put(rig, 0,
                                     &(struct rig_batch){.record_count = 3,
                                                         .value_size = sizes[i % 7],
                                                         .timestamp_ms = batch->timestamp_ms,
                                                         .seed = i});
        batch->next_offset = batch->base_offset + 3;
        batch->crc = crc_at(rig, batch->base_offset);
        if (i % 4 < 2)
            log_seal(rig->logs[0]); /* small frames, of which several share an index entry */
        arena_reset(&rig->arena);
    }
    assert_true(rig->logs[0]->segment_count > 3);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static void start(struct fixture *fixture)
{
    fixture->rig.log_size = 0;
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
}

/* Reads at every batch; answers how many could not be served. What could is as it was. */
static uint32_t check_batches(struct fixture *fixture)
{
    struct rig *rig = &fixture->rig;
    uint32_t damaged = 0;
    for (uint32_t i = 0; i < fixture->count; i++) {
        const struct known_batch *batch = &fixture->batches[i];
        struct log_read read;
        int32_t result = rig_read(rig, 0, batch->next_offset - 1, INT64_MAX, 1, &read);
        if (result == STATUS_CORRUPT) {
            assert_true(read.next_offset > batch->next_offset - 1);
            damaged++;
            continue;
        }
        assert_int_equal(result, STATUS_OK);
        assert_int_equal(read.piece_count, 1);
        assert_int_equal(crc32c(0, read.pieces[0].data, read.pieces[0].size), batch->crc);
        log_read_release(&read, rig->io);
    }
    return damaged;
}

/* The first batch at or after the timestamp among those that can be served. */
static void check_lookup(struct fixture *fixture, int64_t timestamp_ms)
{
    struct rig *rig = &fixture->rig;
    struct log_lookup lookup = {.timestamp_ms = timestamp_ms, .end_offset = INT64_MAX};
    assert_int_equal(rig_lookup(rig, 0, &lookup), STATUS_OK);
    for (uint32_t i = 0; i < fixture->count; i++) {
        const struct known_batch *batch = &fixture->batches[i];
        if (batch->timestamp_ms < timestamp_ms ||
            damage_core_find(&rig->logs[0]->damages, batch->base_offset) != NULL)
            continue;
        assert_true(lookup.found);
        assert_int_equal(lookup.found_offset, batch->base_offset);
        return;
    }
    assert_false(lookup.found);
}

static void check_lookups(struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->count; i += 7)
        check_lookup(fixture, fixture->batches[i].timestamp_ms);
    check_lookup(fixture, 0);
    check_lookup(fixture, INT64_MAX);
}

/* --- Spoiling --------------------------------------------------------------------------------- */

static struct inode *open_file(struct fixture *fixture, const char *path)
{
    struct inode *file;
    assert_int_equal(disk_open(node_disk(fixture->sim.node), path, 0, &file), STATUS_OK);
    return file;
}

static void flip(struct fixture *fixture, const char *path, uint64_t bit)
{
    struct disk *disk = node_disk(fixture->sim.node);
    struct inode *file = open_file(fixture, path);
    uint8_t byte;
    assert_int_equal(file_read(&file->file, bit / 8, &byte, 1), 1);
    byte ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(disk_write(disk, file, bit / 8, &byte, 1), STATUS_OK);
    disk_release(disk, file);
}

static uint64_t file_size(struct fixture *fixture, const char *path)
{
    struct inode *file = open_file(fixture, path);
    uint64_t size = file->file.current_size_bytes;
    disk_release(node_disk(fixture->sim.node), file);
    return size;
}

static bool has_file(struct fixture *fixture, const char *path)
{
    struct inode *file;
    if (disk_open(node_disk(fixture->sim.node), path, 0, &file) != STATUS_OK)
        return false;
    disk_release(node_disk(fixture->sim.node), file);
    return true;
}

static void index_path(struct fixture *fixture, char path[static PATH_SIZE])
{
    char segment[PATH_SIZE];
    char directory[PATH_SIZE];
    rig_segment_path(&fixture->rig, 0, 0, segment);
    path_parent(segment, directory);
    path_index(directory, 0, 0, path);
}

/* --- Stories ---------------------------------------------------------------------------------- */

/* A segment that was rolled has an index file; reading old data uses it, without a word. */
static void index_files_are_written_and_used(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_SIZE];
    fill(fixture, 280);
    index_path(fixture, path);
    assert_true(has_file(fixture, path));
    start(fixture);
    assert_int_equal(check_batches(fixture), 0);
    check_lookups(fixture);
    const struct segment *first = fixture->rig.logs[0]->segments[0];
    assert_int_equal(first->indexed_from, 0);
    assert_int_equal(first->filed_bytes, first->size_bytes);
    assert_false(first->index_is_proved);
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
}

/* Whatever bit of an index file is flipped, nothing is served but what was appended, and all of it;
 * the file is named in the log, and made anew. */
static void any_bit_of_an_index(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_SIZE];
    fill(fixture, 200);
    index_path(fixture, path);
    uint64_t bits = file_size(fixture, path) * 8;
    for (uint64_t bit = 0; bit < bits; bit += 61) {
        flip(fixture, path, bit);
        start(fixture);
        struct log_lookup lookup = {.timestamp_ms = 100500, .end_offset = INT64_MAX};
        assert_int_equal(rig_lookup(&fixture->rig, 0, &lookup), STATUS_OK);
        assert_true(lookup.found);
        assert_int_equal(fixture->rig.logs[0]->damages.count, 0);
        assert_non_null(strstr(fixture->rig.log_text, "index file cannot be used"));
        assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
    }
    start(fixture);
    assert_int_equal(check_batches(fixture), 0);
    check_lookups(fixture);
    assert_null(strstr(fixture->rig.log_text, "index file cannot be used"));
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
}

/* Takes the content's memory. */
static void replace_index(struct fixture *fixture, const char *path, struct bytes content)
{
    struct disk *disk = node_disk(fixture->sim.node);
    struct inode *file = open_file(fixture, path);
    file_resize(&file->file, content.size);
    assert_int_equal(disk_write(disk, file, 0, content.data, (uint32_t)content.size), STATUS_OK);
    disk_release(disk, file);
    free((void *)content.data);
}

/* An index with a right checksum that points to the wrong places costs time, and no data. */
static void index_that_misleads(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_SIZE];
    fill(fixture, 280);
    index_path(fixture, path);
    start(fixture);
    assert_int_equal(check_batches(fixture), 0);
    const struct log *log = fixture->rig.logs[0];
    const struct segment *segment = log->segments[0];
    struct frame_index wrong = {0};
    for (uint32_t i = 0; i < segment->index.count; i++)
        frame_index_note(&wrong, segment->index.entries[i].base_offset + (i > 0),
                         segment->index.entries[i].position + (i > 0) * FRAME_ALIGNMENT, INT64_MAX);
    struct frame_place place = log_frame_place(log, segment);
    uint64_t size_bytes = segment->size_bytes;
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
    replace_index(fixture, path, index_file_encode(&place, &wrong, size_bytes));
    start(fixture);
    assert_int_equal(check_batches(fixture), 0);
    check_lookups(fixture);
    assert_true(fixture->rig.logs[0]->segments[0]->index_is_proved);
    assert_int_equal(fixture->rig.logs[0]->damages.count, 0);
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);

    /* One that speaks of more than there is. */
    replace_index(fixture, path, index_file_encode(&place, &wrong, size_bytes + FRAME_ALIGNMENT));
    start(fixture);
    assert_int_equal(check_batches(fixture), 0);
    assert_non_null(strstr(fixture->rig.log_text, "index file cannot be used"));
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
    frame_index_deinit(&wrong);
}

/* One bit of a segment: at most one frame is lost, it is reported once, and the rest is served,
 * with an index or without. */
static void any_bit_of_a_segment(void **state)
{
    struct fixture *fixture = *state;
    char segment[PATH_SIZE];
    char index[PATH_SIZE];
    fill(fixture, 200);
    rig_segment_path(&fixture->rig, 0, 0, segment);
    index_path(fixture, index);
    uint64_t bits = file_size(fixture, segment) * 8;
    struct prng prng;
    prng_init(&prng, 5);
    uint32_t hits = 0;
    for (uint32_t i = 0; i < 60; i++) {
        uint64_t bit = i % 3 == 0 ? prng_below(&prng, bits / 32768) * 32768 + prng_below(&prng, 488)
                                  : prng_below(&prng, bits); /* headers more often */
        flip(fixture, segment, bit);
        if (i % 2 == 0 && has_file(fixture, index))
            flip(fixture, index, 8 * 70);
        start(fixture);
        uint32_t damaged = check_batches(fixture);
        check_lookups(fixture);
        const struct damage_core *damages = &fixture->rig.logs[0]->damages;
        assert_int_equal(damages->count, damaged > 0);
        assert_int_equal(strstr(fixture->rig.log_text, "damaged on disk") != NULL, damaged > 0);
        if (damaged > 0) {
            assert_int_equal(damages->ranges[0].to - damages->ranges[0].from, damaged * 3);
            hits++;
        }
        assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
        flip(fixture, segment, bit);
    }
    assert_true(hits > 20);
}

/* A segment whose file is gone is damaged from end to end, and nothing else is. */
static void segment_is_gone(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_SIZE];
    fill(fixture, 280);
    rig_segment_path(&fixture->rig, 0, 0, path);
    assert_int_equal(disk_unlink(node_disk(fixture->sim.node), path), STATUS_OK);
    start(fixture);
    struct log *log = fixture->rig.logs[0];
    uint32_t damaged = check_batches(fixture);
    assert_int_equal(damaged * 3, log->segments[1]->base_offset);
    check_lookups(fixture);
    assert_int_equal(log->damages.count, 1);
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
}

/* A reader who begins before the damage gets what lies there, then the error, and can go on behind
 * it where the answer says. */
static void reader_comes_to_damage(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    fill(fixture, 200);
    rig_segment_path(rig, 0, 0, path);
    flip(fixture, path, (uint64_t)(700 * 1024) * 8);
    start(fixture);
    int64_t offset = 0;
    uint32_t errors = 0;
    while (offset < log_end_offset(rig->logs[0])) {
        struct log_read read;
        int32_t result = rig_read(rig, 0, offset, INT64_MAX, 300000, &read);
        assert_true(read.next_offset > offset);
        errors += result == STATUS_CORRUPT;
        assert_true(result == STATUS_CORRUPT || read.piece_count > 0);
        offset = read.next_offset;
        log_read_release(&read, rig->io);
    }
    assert_int_equal(errors, 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A reading that is gone through again, behind damage in it, has been read once. */
static void readings_count_once(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct metrics metrics = {0};
    char path[PATH_SIZE];
    fill(fixture, 200);
    rig_segment_path(rig, 0, 0, path);
    flip(fixture, path, FRAME_ALIGNMENT * 8); /* of the second frame */
    rig->options.metrics = &metrics;
    start(fixture);
    assert_int_equal(crc_at(rig, fixture->batches[2].base_offset), fixture->batches[2].crc);
    assert_int_equal(rig->logs[0]->damages.count, 1);
    /* Once more after the index, which might have been to blame, was made anew. */
    assert_int_equal(metrics.values[METRIC_COLD_READ_BYTES], 2 * COLD_BLOCK_SIZE);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A read that fails answers so, calls nothing damaged, and the next one is served. */
static void error_of_a_read_passes(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    fill(fixture, 200);
    start(fixture);
    struct log_read read;
    for (uint64_t nth = 1; nth <= 2; nth++) { /* the index file or segment; the segment */
        node_plan(
            fixture->sim.node,
            (struct planned_fault){.effect = PLAN_IO_ERROR, .kinds = 1u << IO_READ, .nth = 1});
        int32_t result = rig_read(rig, 0, (int64_t)nth * 150, INT64_MAX, 100, &read);
        assert_true(result == STATUS_IO || result == STATUS_OK);
        log_read_release(&read, rig->io);
    }
    assert_int_equal(rig->logs[0]->damages.count, 0);
    assert_int_equal(check_batches(fixture), 0);
    assert_false(store_has_failed(rig->stores[0]));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

struct reading {
    struct log_read read;
    bool has_landed;
    int32_t result;
};

static void reading_landed(struct completion *completion, int32_t result)
{
    struct reading *reading = container_of(completion, struct reading, read.completion);
    reading->has_landed = true;
    reading->result = result;
}

/* Begins to read all logs at once, and answers how many blocks core 0 had on their way together. */
static uint32_t read_all_logs(struct rig *rig)
{
    struct reading readings[READ_LOGS];
    uint32_t together = 0;
    uint32_t landed = 0;
    for (uint32_t i = 0; i < READ_LOGS; i++) {
        readings[i] = (struct reading){
            .read = {.offset = 0, .end_offset = INT64_MAX, .first_batch_anyway = true}};
        completion_init(&readings[i].read.completion, reading_landed);
        log_read(rig->logs[i], &readings[i].read);
    }
    while (landed < READ_LOGS) {
        rig_turn(rig);
        if (together < rig->stores[0]->cold_reading_count)
            together = rig->stores[0]->cold_reading_count;
        landed = 0;
        for (uint32_t i = 0; i < READ_LOGS; i++)
            landed += readings[i].has_landed;
    }
    for (uint32_t i = 0; i < READ_LOGS; i++) {
        assert_int_equal(readings[i].result, STATUS_OK);
        log_read_release(&readings[i].read, rig_door(rig, i));
    }
    return together;
}

/* Several blocks are on their way at once while nobody appends; when somebody does, on whatever
 * core, there is one for each core, and its commit does not queue behind the others. */
static void readers_make_way_for_appends(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint32_t other = 0;
    assert_int_equal(rig_start(rig, 2, READ_LOGS), STATUS_OK);
    for (uint32_t i = 0; i < READ_LOGS; i++)
        rig_put_many(rig, i, 4, 9000);
    assert_int_equal(rig_stop(rig), STATUS_OK);

    assert_int_equal(rig_start(rig, 2, READ_LOGS), STATUS_OK);
    assert_int_equal(read_all_logs(rig), COLD_READS_MAX);
    assert_int_equal(rig_stop(rig), STATUS_OK);

    assert_int_equal(rig_start(rig, 2, READ_LOGS), STATUS_OK);
    while (rig_door(rig, other) == rig->io)
        other++;
    rig_put_many(rig, other, 1, 100);
    assert_int_equal(read_all_logs(rig), 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static void fill_logs(struct rig *rig)
{
    assert_int_equal(rig_start(rig, 1, STEP_LOGS), STATUS_OK);
    for (uint32_t i = 0; i < STEP_LOGS; i++)
        rig_put_many(rig, i, 80, 40000);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Reads logs [first, end) side by side, a little of each in turn, from their beginning on. */
static void read_in_turn(struct rig *rig, uint32_t first, uint32_t end)
{
    int64_t offsets[STEP_LOGS] = {0};
    bool has_more = true;
    while (has_more) {
        has_more = false;
        for (uint32_t i = first; i < end; i++) {
            struct log_read read;
            if (offsets[i] >= log_end_offset(rig->logs[i]))
                continue;
            assert_int_equal(rig_read(rig, i, offsets[i], INT64_MAX, 100000, &read), STATUS_OK);
            assert_true(read.next_offset > offsets[i]);
            offsets[i] = read.next_offset;
            log_read_release(&read, rig->io);
            has_more = true;
        }
    }
}

/* A few readers get large steps ahead; as soon as there are more than the bound has room for,
 * nothing, and large ones again some time after they have gone. */
static void steps_suit_the_number_of_readers(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    fill_logs(rig);

    assert_int_equal(rig_start(rig, 1, STEP_LOGS), STATUS_OK);
    struct store *store = rig->stores[0];
    uint32_t large = store->cold_step_bytes;
    assert_true(large > COLD_BLOCK_SIZE);
    assert_true(large < COLD_STEP_MAX); /* the rig's bound is small */
    read_in_turn(rig, 0, 2);
    assert_int_equal(store->cold_step_bytes, large);
    read_in_turn(rig, 0, STEP_LOGS);
    assert_int_equal(store->cold_step_bytes, 0);
    for (uint32_t i = 0; i < STEP_LOGS; i++)
        read_in_turn(rig, i, i + 1);
    assert_int_equal(store->cold_step_bytes, large);
    assert_true(store->cold_bytes <= store->options.cache_bytes_max / 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A segment that is read while retention or cleaning takes it away: the reader is told what is so
 * then, and nobody touches what has gone. */
static void segment_retired_while_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool was_out_of_range = false;
    fill(fixture, 280);
    for (uint32_t turns = 0; turns < 12; turns++) {
        start(fixture);
        struct log *log = rig->logs[0];
        while (!log->is_swept) /* or the file of what is taken out below would be a leftover */
            rig_turn(rig);
        struct reading reading = {
            .read = {.offset = 5, .end_offset = INT64_MAX, .first_batch_anyway = true}};
        completion_init(&reading.read.completion, reading_landed);
        log_read(log, &reading.read);
        for (uint32_t i = 0; i < turns && !reading.has_landed; i++)
            rig_turn(rig);
        struct segment *first = log->segments[0];
        log->start_offset = log->segments[1]->base_offset;
        log->segment_count--;
        memmove(&log->segments[0], &log->segments[1], log->segment_count * sizeof log->segments[0]);
        log_retire_segment(log, first);
        while (!reading.has_landed)
            rig_turn(rig);
        bool is_out_of_range = reading.result == STATUS_OUT_OF_RANGE;
        assert_true(reading.result == STATUS_OK || is_out_of_range);
        was_out_of_range = was_out_of_range || is_out_of_range;
        log_read_release(&reading.read, rig->io);
        assert_int_equal(log->damages.count, 0);
        rig_kill(rig);
    }
    assert_true(was_out_of_range);
}

/* Files are held open, a bounded number of them, and are closed when the store stops or the log
 * goes. */
static void files_are_held_open(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 280);
    start(fixture);
    struct store *store = fixture->rig.stores[0];
    assert_int_equal(check_batches(fixture), 0);
    assert_int_equal(store->cold_file_count[COLD_FILE_DIRECT], fixture->rig.logs[0]->segment_count);
    assert_int_equal(rig_delete(&fixture->rig, 0), STATUS_OK);
    for (uint32_t i = 0; i < 100 && !list_is_empty(&store->cold_files); i++)
        rig_turn(&fixture->rig);
    assert_true(list_is_empty(&store->cold_files));
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
}

/* A stop leaves the index of a segment that is still appended to, if it is large: the first reader
 * of the next life reads what he wants, and not all of the segment to find it. The index grows with
 * the segment from life to life; after a kill the frames say what the file does not. */
static void stop_leaves_the_index_of_the_active_segment(void **state)
{
    enum { BATCHES = 300, VALUE_SIZE = 60000, OPERATIONS_MAX = 9 };
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = 256 << 20;
    for (uint32_t life = 0; life < 3; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        uint64_t before = node_file_operation_count(fixture->sim.node);
        if (life > 0)
            crc_at(rig, BATCHES / 2);
        uint64_t count = node_file_operation_count(fixture->sim.node) - before;
        assert_true(count <= OPERATIONS_MAX);
        for (uint32_t i = 0; i < BATCHES; i++)
            rig_put_many(rig, 0, 1, VALUE_SIZE);
        assert_int_equal(rig->logs[0]->segment_count, 1);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 1, VALUE_SIZE);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), 3 * BATCHES + 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* After a kill the index of the segment that was appended to last is nowhere. Whoever reads it from
 * its front on does not wait until all of it has been read to make one, nor is it read twice. */
static void reader_from_the_front_needs_no_index(void **state)
{
    enum { BATCHES = 60, VALUE_SIZE = 60000 };
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct metrics metrics = {0};
    uint32_t digests[2];
    rig->config.segment_bytes_max = 256 << 20;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, BATCHES, VALUE_SIZE);
    assert_int_equal(rig_read_all(rig, 0, &digests[0]), BATCHES);
    rig_kill(rig);
    rig->options.metrics = &metrics;
    start(fixture);
    const struct segment *segment = rig->logs[0]->segments[0];
    assert_true(segment->indexed_from > 0);
    assert_int_equal(rig_read_all(rig, 0, &digests[1]), BATCHES);
    assert_int_equal(digests[1], digests[0]);
    assert_true(segment->indexed_from > 0);
    assert_true((uint64_t)metrics.values[METRIC_COLD_READ_BYTES] < segment->size_bytes * 3 / 2);
    crc_at(rig, BATCHES / 2); /* known from the blocks that were read */
    assert_true(segment->indexed_from > 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);

    start(fixture);
    crc_at(rig, BATCHES / 2); /* from nowhere */
    assert_int_equal(rig->logs[0]->segments[0]->indexed_from, 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* More readers than there is room for what is read ahead for them: some of it has to go before it
 * is read. They find their places again without an index, and what none of them has read twice is
 * not taken for what is wanted again and again. */
static void crowd_of_readers_needs_no_index(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = 256 << 20;
    fill_logs(rig);
    assert_int_equal(rig_start(rig, 1, STEP_LOGS), STATUS_OK);
    struct store *store = rig->stores[0];
    read_in_turn(rig, 0, STEP_LOGS);
    assert_int_equal(store->cold_step_bytes, 0); /* some had to go */
    for (uint32_t i = 0; i < STEP_LOGS; i++)
        assert_true(rig->logs[i]->segments[0]->indexed_from > 0);
    assert_int_equal(store->cold_handle_count[COLD_FILE_CACHED], 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* What such a reader finds damaged is asked of the whole index before it is called so. */
static void damage_at_the_front_without_an_index(void **state)
{
    enum { BATCHES = 60, VALUE_SIZE = 60000 };
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    rig->config.segment_bytes_max = 256 << 20;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, BATCHES, VALUE_SIZE);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    rig_segment_path(rig, 0, 0, path);
    flip(fixture, path, 8 * 100);
    start(fixture);
    const struct log *log = rig->logs[0];
    struct log_read read;
    assert_true(log->segments[0]->indexed_from > 0);
    assert_int_equal(rig_read(rig, 0, 0, INT64_MAX, 1, &read), STATUS_CORRUPT);
    assert_int_equal(log->segments[0]->indexed_from, 0);
    assert_true(log->segments[0]->index_is_proved);
    assert_int_equal(log->damages.count, 1);
    assert_int_equal(log->damages.ranges[0].to - log->damages.ranges[0].from, read.next_offset);
    assert_int_equal(read.next_offset, 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(index_files_are_written_and_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_bit_of_an_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(index_that_misleads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_bit_of_a_segment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segment_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reader_comes_to_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readings_count_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(error_of_a_read_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_make_way_for_appends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(steps_suit_the_number_of_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segment_retired_while_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_held_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stop_leaves_the_index_of_the_active_segment, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reader_from_the_front_needs_no_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crowd_of_readers_needs_no_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_at_the_front_without_an_index, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
