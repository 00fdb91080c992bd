/* The storage suite: what storage/log.h and storage/store.h promise, on any backend. */
#include "base/assert.h"
#include "storage/commit.h"
#include "storage/frame.h"
#include "tests/storage/check.h"
#include "tests/storage/rig.h"

#include <stdio.h>
#include <stdlib.h>

static struct rig *rig_of(void **state)
{
    return *state;
}

/* --- Append and read -------------------------------------------------------------------------- */

/* A small batch gets the next offset, is durable when it lands, and reads back as it came. */
static void append_small(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct log *log = rig->logs[0];
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(rig_put(rig, 0, &(struct rig_batch){.seed = (uint64_t)i}), i);
        assert_int_equal(log_durable_offset(log), i + 1);
    }
    assert_int_equal(log_end_offset(log), 100);
    assert_int_equal(log_start_offset(log), 0);
    assert_int_equal(log_last_epoch(log), 0);
    assert_true(log_size_bytes(log) >= 100 * (BATCH_HEADER_SIZE + 10));
    assert_true(store_chunks(rig->stores[0])->used_bytes > 0);
    assert_true(rig->observed_moves >= 100);
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), 100);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Appends asked for together share commits, and land in order. */
static void append_together(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    enum { COUNT = 500 };
    struct rig_append *appends = calloc(COUNT, sizeof *appends);
    for (uint32_t i = 0; i < COUNT; i++)
        rig_append(rig, 0, &appends[i], rig_make(rig, &(struct rig_batch){.seed = i}));
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_false(appends[i].has_landed);
        assert_int_equal(appends[i].append.base_offset, i);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
    assert_int_equal(log_durable_offset(rig->logs[0]), COUNT);
    free(appends);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Sizes around every border: alone in the tail, filling it, direct, several blocks, megabytes. */
static const uint32_t mixed_sizes[] = {10,    4000,  30000, 40000,   65400,   65536, 100,
                                       70000, 10,    10,    200000,  1000000, 33,    4096,
                                       65000, 65000, 1,     3000000, 500,     120000};

static void put_mixed(struct rig *rig, uint32_t log, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds * sizeof mixed_sizes / sizeof mixed_sizes[0]; i++) {
        uint32_t size = mixed_sizes[i % (sizeof mixed_sizes / sizeof mixed_sizes[0])];
        rig_put(rig, log,
                &(struct rig_batch){.value_size = size, .record_count = 1 + i % 3, .seed = i});
        arena_reset(&rig->arena);
    }
}

/* Small and large batches in any order read back, from memory and after a stop from disk. The first
 * start of all finds nothing, and nothing out of order. */
static void append_mixed(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_true(rig->report.was_clean);
    put_mixed(rig, 0, 1);
    uint32_t before, after;
    int64_t end = log_end_offset(rig->logs[0]);
    assert_int_equal(rig_read_all(rig, 0, &before), end);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_true(rig->report.was_clean);
    assert_int_equal(log_end_offset(rig->logs[0]), end);
    assert_int_equal(log_durable_offset(rig->logs[0]), end);
    assert_int_equal(rig_read_all(rig, 0, &after), end);
    assert_int_equal(before, after);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Many in flight at once, small and large mixed: everything lands, in order of offsets. */
static void append_mixed_together(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    enum { COUNT = 60 };
    struct rig_append *appends = calloc(COUNT, sizeof *appends);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct rig_batch shape = {.value_size = i % 4 == 1 ? 100000 : 300 * i + 1, .seed = i};
        rig_append(rig, 0, &appends[i], rig_make(rig, &shape));
        assert_int_equal(appends[i].append.refused, STATUS_OK);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
        assert_true(log_durable_offset(rig->logs[0]) > i);
    }
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), COUNT);
    free(appends);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A read at any offset begins with the batch that contains it, and ends before the limit. */
static void check_read_at(struct rig *rig, int64_t offset, int64_t limit)
{
    struct log_read read;
    assert_int_equal(rig_read(rig, 0, offset, limit, 1 << 20, &read), STATUS_OK);
    if (offset >= limit) {
        assert_int_equal(read.piece_count, 0);
        return;
    }
    struct batch_header header;
    assert_true(read.piece_count > 0);
    assert_int_equal(batch_header_read(read.pieces[0], &header), STATUS_OK);
    assert_true(header.base_offset <= offset);
    assert_true(batch_last_offset(&header) >= offset);
    assert_true(read.next_offset - header.last_offset_delta - 1 < limit);
    log_read_release(&read, rig->io);
}

static void read_at_every_offset(void **state)
{
    struct rig *rig = rig_of(state);
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        for (uint32_t i = 0; i < 30; i++)
            rig_put(rig, 0, &(struct rig_batch){.record_count = 7, .value_size = 1 + i * 997});
        int64_t end = log_end_offset(rig->logs[0]);
        for (int64_t offset = 0; offset <= end; offset++)
            check_read_at(rig, offset, end);
        for (int64_t limit = 0; limit <= end; limit += 5)
            check_read_at(rig, limit / 2, limit);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* Outside start..end is out of range; between durable and end there is nothing yet; a limit in
 * bytes holds except for the first batch. */
static void read_limits(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct log_read read;
    assert_int_equal(rig_read(rig, 0, 0, 10, 100, &read), STATUS_OK);
    assert_int_equal(read.piece_count, 0);
    assert_int_equal(rig_read(rig, 0, 1, 10, 100, &read), STATUS_OUT_OF_RANGE);
    for (uint32_t i = 0; i < 10; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = 1000});
    struct rig_append append;
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){0}));
    assert_int_equal(rig_read(rig, 0, 10, INT64_MAX, 100, &read), STATUS_OK);
    log_read_release(&read, rig->io);
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
    assert_int_equal(rig_read(rig, 0, 0, INT64_MAX, 10, &read), STATUS_OK);
    assert_int_equal(read.next_offset, 1);
    log_read_release(&read, rig->io);
    assert_int_equal(rig_read(rig, 0, 0, INT64_MAX, 2500, &read), STATUS_OK);
    assert_int_equal(read.next_offset, 2);
    log_read_release(&read, rig->io);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Lives ------------------------------------------------------------------------------------ */

/* What was acknowledged is there after a kill, and a second recovery changes nothing. */
static void reopen_after_kill(void **state)
{
    struct rig *rig = rig_of(state);
    int64_t end = 0;
    uint32_t before = 0, after = 0;
    for (uint32_t life = 0; life < 6; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_true(life == 0 || !rig->report.was_clean);
        assert_int_equal(rig_read_all(rig, 0, &after), end);
        assert_int_equal(after, before);
        if (life % 2 == 0)
            put_mixed(rig, 0, 1);
        end = rig_read_all(rig, 0, &before);
        rig_kill(rig);
    }
}

/* The number of cores may change from run to run. */
static void change_core_count(void **state)
{
    struct rig *rig = rig_of(state);
    static const uint32_t counts[] = {1, 3, 2, 4, 1};
    int64_t ends[4] = {0};
    for (uint32_t life = 0; life < 5; life++) {
        assert_int_equal(rig_start(rig, counts[life], 4), STATUS_OK);
        for (uint32_t log = 0; log < 4; log++) {
            uint32_t digest;
            assert_int_equal(rig_read_all(rig, log, &digest), ends[log]);
            for (uint32_t i = 0; i < 20; i++)
                rig_put(rig, log, &(struct rig_batch){.value_size = 1 + i * 5000, .seed = i});
            ends[log] = log_end_offset(rig->logs[log]);
        }
        if (life % 2 == 0)
            rig_kill(rig);
        else
            assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* Segments roll by size and by time; all of them read back, and after a kill too. */
static void roll_segments(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.segment_bytes_max = 256 << 10;
    rig->config.segment_ms_max = 60000;
    int64_t end = 0;
    uint32_t before = 0, after = 0;
    for (uint32_t life = 0; life < 3; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_int_equal(rig_read_all(rig, 0, &after), end);
        assert_int_equal(after, before);
        for (uint32_t i = 0; i < 120; i++) {
            rig->now_ms += i % 50 == 0 ? 70000 : 1;
            rig_put(rig, 0, &(struct rig_batch){.value_size = 100 + (i % 7) * 15000, .seed = i});
        }
        end = rig_read_all(rig, 0, &before);
        if (life == 1)
            rig_kill(rig);
        else
            assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* The ring goes round many times: files are reused only after what they held is in the segments,
 * so a kill at any point loses nothing. */
static void wrap_journal(void **state)
{
    struct rig *rig = rig_of(state);
    rig->options.journal_file_bytes = 256 << 10;
    rig->config.segment_bytes_max = 4 << 20;
    int64_t ends[3] = {0};
    for (uint32_t life = 0; life < 3; life++) {
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        for (uint32_t log = 0; log < 3; log++) {
            uint32_t digest;
            assert_int_equal(rig_read_all(rig, log, &digest), ends[log]);
        }
        for (uint32_t i = 0; i < 400; i++) {
            rig_put(rig, i % 7 == 0 ? 2 : i % 2,
                    &(struct rig_batch){.value_size = 7000, .seed = i});
            arena_reset(&rig->arena);
        }
        for (uint32_t log = 0; log < 3; log++)
            ends[log] = log_end_offset(rig->logs[log]);
        rig_kill(rig);
    }
}

/* So many files, all of that size; one that is not zeroed yet is a block longer. */
static void check_ring(struct rig *rig, uint64_t file_bytes, uint32_t file_count)
{
    for (uint32_t file = 0; file <= file_count; file++) {
        char path[PATH_SIZE];
        uint64_t size_bytes = 0;
        path_journal(rig->harness->directory, 0, file, path);
        assert_int_equal(rig_has_file(rig, path, &size_bytes), file < file_count);
        bool is_right = size_bytes == file_bytes || size_bytes == file_bytes + COMMIT_ALIGNMENT;
        assert_true(file < file_count ? is_right : size_bytes == 0);
    }
}

/* The ring may have other files in the next life, larger or smaller ones, more or fewer: what the
 * old ones held is there after a kill, the new ones go round, and no file is left over. */
static void change_ring(void **state)
{
    static const struct {
        uint64_t file_bytes;
        uint32_t file_count;
    } rings[] = {{1 << 20, 2}, {256 << 10, 5}, {512 << 10, 3}, {2 << 20, 2}, {256 << 10, 2}};
    struct rig *rig = rig_of(state);
    int64_t end = 0;
    uint32_t before = 0, after = 0;
    for (uint32_t life = 0; life < 5; life++) {
        rig->options.journal_file_bytes = rings[life].file_bytes;
        rig->options.journal_file_count = rings[life].file_count;
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_int_equal(rig_read_all(rig, 0, &after), end);
        assert_int_equal(after, before);
        for (uint32_t i = 0; i < 300; i++) {
            rig_put(rig, 0, &(struct rig_batch){.value_size = 15000, .seed = i});
            arena_reset(&rig->arena);
        }
        check_ring(rig, rings[life].file_bytes, rings[life].file_count);
        end = rig_read_all(rig, 0, &before);
        if (life == 2)
            assert_int_equal(rig_stop(rig), STATUS_OK);
        else
            rig_kill(rig);
    }
}

/* More is asked for than memory holds: some are told to try later, none is lost. */
static void press_memory(void **state)
{
    struct rig *rig = rig_of(state);
    rig->options.memory_bytes_max = 4 << 20;
    rig->options.cache_bytes_max = 1 << 20;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    enum { COUNT = 400 };
    struct rig_append *appends = calloc(COUNT, sizeof *appends);
    uint32_t refused_count = 0;
    int64_t accepted_count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct rig_batch shape = {.value_size = i % 10 == 0 ? 90000 : 20000, .seed = i};
        rig_append(rig, i % 2, &appends[i], rig_make(rig, &shape));
        if (appends[i].append.refused == STATUS_OK)
            accepted_count++;
        else
            assert_int_equal(appends[i].append.refused, STATUS_NO_MEMORY);
        refused_count += appends[i].append.refused != STATUS_OK;
    }
    assert_true(refused_count > 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), appends[i].append.refused);
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest) + rig_read_all(rig, 1, &digest), accepted_count);
    free(appends);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A deleted log is gone, its neighbour is not, and the same partition can be made anew. */
static void delete_log(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put_mixed(rig, 0, 1);
    put_mixed(rig, 1, 1);
    int64_t end = log_end_offset(rig->logs[1]);
    assert_int_equal(rig_delete(rig, 0), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_int_equal(rig->report.log_count, 1);
    assert_int_equal(log_end_offset(rig->logs[0]), 0);
    assert_int_equal(log_end_offset(rig->logs[1]), end);
    rig_kill(rig);
}

/* With flush.messages an append lands without waiting for the disk, and is durable soon after. */
static void loose_flush(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.flush_messages = 1000;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct rig_append small, large;
    rig_append(rig, 0, &small, rig_make(rig, &(struct rig_batch){0}));
    rig_append(rig, 0, &large, rig_make(rig, &(struct rig_batch){.value_size = 100000}));
    assert_false(small.has_landed);
    assert_int_equal(rig_append_wait(rig, &small), STATUS_OK);
    assert_int_equal(rig_append_wait(rig, &large), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(log_end_offset(rig->logs[0]), 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Torn tails ------------------------------------------------------------------------------- */

/* One large batch as a frame of its own, as the store would have written it. */
static uint64_t make_direct_frame(struct rig *rig, int64_t base_offset, uint64_t position,
                                  uint8_t *frame)
{
    struct bytes batch = rig_make(rig, &(struct rig_batch){.value_size = 100000, .seed = 9});
    struct log_id id = rig_log_id(0);
    memcpy(frame + FRAME_HEADER_SIZE, batch.data, batch.size);
    batch_set_base_offset(frame + FRAME_HEADER_SIZE, base_offset);
    frame_seal(frame, &(struct frame_place){id.topic_id, id.partition, 0}, position,
               &(struct frame_facts){.payload_size = (uint32_t)batch.size,
                                     .batch_count = 1,
                                     .base_offset = base_offset,
                                     .last_offset = base_offset,
                                     .max_timestamp_ms = rig->now_ms,
                                     .is_direct = true});
    return frame_stored_size(batch.size);
}

/* A torn tail is taken away, not left to be written over: a whole frame behind the tear, never
 * acknowledged, would fit behind what is appended next, and be believed after the crash after. */
static void torn_tail_is_cut(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put(rig, 0, &(struct rig_batch){.value_size = 100000});
    rig_kill(rig);

    char path[PATH_SIZE];
    uint8_t *frames = aligned_alloc(FRAME_ALIGNMENT, 64 * FRAME_ALIGNMENT);
    uint64_t size = frame_stored_size(100000 + 100);
    assert_int_equal(make_direct_frame(rig, 1, size, frames), size);
    assert_true(2 * size <= 64 * FRAME_ALIGNMENT);
    make_direct_frame(rig, 2, 2 * size, frames + size);
    frames[size / 2] ^= 1;
    rig_segment_path(rig, 0, 0, path);
    rig_overwrite(rig, path, size, bytes_of(frames, 2 * size));
    free(frames);

    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig->report.logs_truncated, 1);
    assert_int_equal(rig_put(rig, 0, &(struct rig_batch){.value_size = 100000, .seed = 5}), 1);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Idempotent producers --------------------------------------------------------------------- */

static struct bytes sequenced(struct rig *rig, int32_t sequence)
{
    return rig_make(rig, &(struct rig_batch){.producer_id = 77,
                                             .producer_epoch = 1,
                                             .base_sequence = sequence,
                                             .record_count = 2,
                                             .seed = (uint64_t)sequence});
}

static void check_duplicate(struct rig *rig, int32_t sequence, int64_t base_offset)
{
    struct rig_append append;
    rig_append(rig, 0, &append, sequenced(rig, sequence));
    assert_int_equal(append.append.refused, STATUS_OK);
    assert_true(append.append.is_duplicate);
    assert_int_equal(append.append.base_offset, base_offset);
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
}

/* A retry of one of the last five batches is answered with the first offsets and not appended; a
 * gap is refused. So it is after a stop, and after a kill. */
static void duplicates_across_lives(void **state)
{
    struct rig *rig = rig_of(state);
    for (int32_t life = 0; life < 4; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        if (life > 0)
            check_duplicate(rig, life * 16 - 2, life * 16 - 2);
        for (int32_t i = 0; i < 8; i++) {
            struct rig_append append;
            rig_append(rig, 0, &append, sequenced(rig, life * 16 + i * 2));
            assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
            assert_false(append.append.is_duplicate);
        }
        int64_t end = log_end_offset(rig->logs[0]);
        assert_int_equal(end, (life + 1) * 16);
        for (int32_t i = 0; i < 5; i++)
            check_duplicate(rig, (int32_t)end - 2 - i * 2, end - 2 - i * 2);
        struct rig_append gap;
        rig_append(rig, 0, &gap, sequenced(rig, (int32_t)end + 2));
        assert_int_equal(rig_append_wait(rig, &gap), STATUS_SEQUENCE_GAP);
        assert_int_equal(log_end_offset(rig->logs[0]), end);
        if (life % 2 == 0)
            rig_kill(rig);
        else
            assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* A duplicate of a batch that is not durable yet lands when that one is. */
static void duplicate_in_flight(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    struct rig_append first, second;
    rig_append(rig, 0, &first, sequenced(rig, 0));
    rig_append(rig, 0, &second, sequenced(rig, 0));
    assert_true(second.append.is_duplicate);
    assert_int_equal(log_durable_offset(rig->logs[0]), 0);
    assert_int_equal(rig_append_wait(rig, &second), STATUS_OK);
    assert_int_equal(log_durable_offset(rig->logs[0]), 2);
    assert_int_equal(rig_append_wait(rig, &first), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Timestamps ------------------------------------------------------------------------------- */

static void check_lookup(struct rig *rig, int64_t timestamp_ms, int64_t offset)
{
    struct log_lookup lookup = {.timestamp_ms = timestamp_ms, .end_offset = INT64_MAX};
    assert_int_equal(rig_lookup(rig, 0, &lookup), STATUS_OK);
    assert_int_equal(lookup.found, offset >= 0);
    if (lookup.found)
        assert_int_equal(lookup.found_offset, offset);
}

static void check_max(struct rig *rig, int64_t end_offset, int64_t offset, int64_t timestamp_ms)
{
    struct log_lookup lookup = {.want_max = true, .end_offset = end_offset};
    assert_int_equal(rig_lookup(rig, 0, &lookup), STATUS_OK);
    assert_true(lookup.found);
    assert_int_equal(lookup.found_offset, offset);
    assert_int_equal(lookup.found_timestamp_ms, timestamp_ms);
}

/* The first record at or after a time is found inside batches of every codec, in memory and on
 * disk; so is the one with the greatest timestamp, also when it is not the last. */
static void lookup_timestamps(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.segment_bytes_max = 256 << 10;
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        for (uint32_t i = 0; life == 0 && i < 100; i++)
            rig_put(rig, 0,
                    &(struct rig_batch){.record_count = 10,
                                        .value_size = 1000,
                                        .timestamp_ms = 1000 + i * 100,
                                        .timestamp_step_ms = 10,
                                        .compression = (enum compression)(i % 5),
                                        .seed = i});
        check_lookup(rig, 0, 0);
        check_lookup(rig, 1000, 0);
        check_lookup(rig, 1001, 1);
        check_lookup(rig, 1095, 10);
        for (int64_t i = 0; i < 1000; i += 37)
            check_lookup(rig, 1000 + i * 10 - 5, i);
        check_lookup(rig, 10990, 999);
        check_lookup(rig, 10991, -1);
        check_max(rig, INT64_MAX, 999, 10990);
        check_max(rig, 500, 499, 5990);
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* --- The frame -------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    rig_init(rig, *state);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    *state = rig->harness;
    rig_deinit(rig);
    free(rig);
    return 0;
}

#define CASE(function)                                                                             \
    {                                                                                              \
#function, function, set_up, tear_down, harness                                            \
    }

int storage_suite_run(struct rig_harness *harness)
{
    const struct CMUnitTest tests[] = {
        CASE(append_small),
        CASE(append_together),
        CASE(append_mixed),
        CASE(append_mixed_together),
        CASE(read_at_every_offset),
        CASE(read_limits),
        CASE(reopen_after_kill),
        CASE(change_core_count),
        CASE(roll_segments),
        CASE(wrap_journal),
        CASE(change_ring),
        CASE(press_memory),
        CASE(delete_log),
        CASE(loose_flush),
        CASE(duplicates_across_lives),
        CASE(duplicate_in_flight),
        CASE(lookup_timestamps),
        CASE(torn_tail_is_cut),
    };
    return cmocka_run_group_tests_name(harness->name, tests, NULL, NULL);
}
