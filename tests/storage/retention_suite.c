/* Deletion of old records, on every backend: what goes, what stays, and what readers are told. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/rig.h"

#include <stdlib.h>

enum { DAY_MS = 86400000, BATCHES_PER_SEGMENT = 4, VALUE_SIZE = 60000 };

static struct rig *rig_of(void **state)
{
    return *state;
}

/* Four batches fill a segment; files go at once. */
static int set_up(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    rig_init(rig, *state);
    rig->config.segment_bytes_max = BATCHES_PER_SEGMENT * 64 << 10;
    rig->config.file_delete_delay_ms = 0;
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

static void fill(struct rig *rig, uint32_t log, uint32_t batch_count, int64_t timestamp_ms)
{
    for (uint32_t i = 0; i < batch_count; i++)
        rig_put(
            rig, log,
            &(struct rig_batch){.value_size = VALUE_SIZE, .timestamp_ms = timestamp_ms, .seed = i});
    rig_commit(rig, log);
}

static int32_t read_once(struct rig *rig, int64_t offset)
{
    struct log_read read;
    int32_t result = rig_read(rig, 0, offset, INT64_MAX, 1, &read);
    log_read_release(&read, rig->io);
    return result;
}

/* Everything from the start on is there, and nothing before it. */
static void check_range(struct rig *rig, int64_t start_offset, int64_t end_offset)
{
    uint32_t digest;
    assert_int_equal(log_start_offset(rig->logs[0]), start_offset);
    assert_int_equal(rig_read_all(rig, 0, &digest), end_offset);
    if (start_offset > 0)
        assert_int_equal(read_once(rig, start_offset - 1), STATUS_OUT_OF_RANGE);
}

/* The oldest segments go until the log is not larger than retention.bytes; their files go too; a
 * kill changes nothing of it. */
static void delete_by_size(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.retention_bytes = 2 * BATCHES_PER_SEGMENT * 64 << 10;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, 0, 22, 0);
    check_range(rig, 0, 22);
    rig_retain(rig);
    check_range(rig, 12, 22);
    assert_int_equal(rig_count_files(rig, 0), 3);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_range(rig, 12, 22);
    fill(rig, 0, 2, 0);
    rig_retain(rig);
    check_range(rig, 12, 24);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A log whose newest record is too old loses everything, the active segment too, and goes on where
 * it was; so it does after a stop and after a kill. */
static void delete_by_time(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.retention_ms = DAY_MS;
    for (int64_t life = 0; life < 4; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        check_range(rig, life * 10, life * 10);
        fill(rig, 0, 10, rig->now_ms - 2 * DAY_MS);
        rig_retain(rig);
        check_range(rig, life * 10 + 10, life * 10 + 10);
        assert_int_equal(rig_count_files(rig, 0), 0);
        assert_int_equal(rig->stores[0]->open_file_count, 0); /* else the space would stay taken */
        if (life % 2 == 0)
            rig_kill(rig);
        else
            assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* The greatest timestamp is that of a record which may be read: not of one that was deleted, and
 * only the indexes remember. */
static void greatest_timestamp_after_deletion(void **state)
{
    struct rig *rig = rig_of(state);
    static const int64_t timestamps[] = {1000, 3000, 2000, 1500};
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < 4; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = 20000, .timestamp_ms = timestamps[i]});
    rig_commit(rig, 0);
    for (int64_t start = 0; start < 4; start++) {
        int64_t answer, expected = start < 2 ? 1 : start;
        assert_int_equal(rig_delete_records(rig, 0, start, &answer), STATUS_OK);
        struct log_lookup lookup = {.end_offset = INT64_MAX, .want_max = true};
        assert_int_equal(rig_lookup(rig, 0, &lookup), STATUS_OK);
        assert_true(lookup.found);
        assert_int_equal(lookup.found_offset, expected);
        assert_int_equal(lookup.found_timestamp_ms, timestamps[expected]);
    }
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* One new record in a segment keeps it. */
static void keep_what_is_new(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.retention_ms = DAY_MS;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, 0, 7, rig->now_ms - 2 * DAY_MS);
    fill(rig, 0, 1, rig->now_ms);
    rig_retain(rig);
    check_range(rig, 4, 8);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* What is not committed stays, however old. */
static void keep_above_high_watermark(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.retention_ms = 1;
    rig->config.retention_bytes = 0;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < 12; i++)
        rig_put(rig, 0, &(struct rig_batch){.value_size = VALUE_SIZE, .timestamp_ms = 1});
    rig_retain(rig);
    check_range(rig, 0, 12);
    log_note_high_watermark(rig->logs[0], 7);
    rig_retain(rig);
    check_range(rig, 4, 12);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A tighter setting works at once, without a check. */
static void configure_tighter(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, 0, 20, 0);
    struct log_config config = rig->config;
    config.retention_bytes = 0;
    log_configure(rig->logs[0], &config);
    while (log_start_offset(rig->logs[0]) < 20)
        rig_turn(rig);
    check_range(rig, 20, 20);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* More segments than go in one step: all of them go. */
static void delete_many_segments(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.segment_bytes_max = 64 << 10;
    rig->config.retention_bytes = 0;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, 0, 50, 0);
    rig_retain(rig);
    check_range(rig, 50, 50);
    assert_int_equal(rig_count_files(rig, 0), 0);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Records in the tail, which only the journal holds yet, expire like others. */
static void delete_the_tail(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.retention_ms = DAY_MS;
    for (uint32_t life = 0; life < 3; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        check_range(rig, life * 3, life * 3);
        for (uint32_t i = 0; i < 3; i++)
            rig_put(rig, 0, &(struct rig_batch){.timestamp_ms = 5});
        rig_commit(rig, 0);
        rig_retain(rig);
        check_range(rig, life * 3 + 3, life * 3 + 3);
        rig_kill(rig);
    }
}

/* Kafka's rule: a segment also closes by its age, here without a further append. */
static void close_old_segment(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.segment_ms_max = 1;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig->now_ms -= 1000;
    fill(rig, 0, 1, 0);
    assert_int_equal(rig->logs[0]->segment_count, 1);
    rig_retain(rig);
    assert_int_equal(rig->logs[0]->segment_count, 2);
    rig_retain(rig);
    assert_int_equal(rig->logs[0]->segment_count, 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_range(rig, 0, 1);
    fill(rig, 0, 1, 0);
    check_range(rig, 0, 2);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_range(rig, 0, 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* DeleteRecords moves the start to any committed offset, never back, and answers where the log
 * begins; whole segments below go. It holds over kills and stops. */
static void delete_records(void **state)
{
    struct rig *rig = rig_of(state);
    int64_t start = -1;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    fill(rig, 0, 10, 0);
    rig_put(rig, 0, &(struct rig_batch){0});
    assert_int_equal(rig_delete_records(rig, 0, 11, &start), STATUS_OUT_OF_RANGE);
    assert_int_equal(rig_delete_records(rig, 0, -2, &start), STATUS_OUT_OF_RANGE);
    check_range(rig, 0, 11);
    assert_int_equal(rig_delete_records(rig, 0, 6, &start), STATUS_OK);
    assert_int_equal(start, 6);
    check_range(rig, 6, 11);
    rig_retain(rig);
    rig_kill(rig);

    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_range(rig, 6, 11);
    rig_commit(rig, 0);
    assert_int_equal(rig_count_files(rig, 0), 2);
    assert_int_equal(rig_delete_records(rig, 0, 3, &start), STATUS_OK);
    assert_int_equal(start, 6);
    assert_int_equal(rig_delete_records(rig, 0, -1, &start), STATUS_OK);
    assert_int_equal(start, 11);
    check_range(rig, 11, 11);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_range(rig, 11, 11);
    fill(rig, 0, 1, 0);
    check_range(rig, 11, 12);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

static void check_duplicate(struct rig *rig, int64_t base_offset)
{
    struct rig_append append;
    struct rig_batch shape = {.producer_id = 9, .base_sequence = (int32_t)base_offset};
    rig_append(rig, 0, &append, rig_make(rig, &shape));
    assert_true(append.append.is_duplicate);
    assert_int_equal(append.append.base_offset, base_offset);
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
}

/* A retry is recognised although the batch of the first time has been deleted, in this life and the
 * next. */
static void producers_outlive_records(void **state)
{
    struct rig *rig = rig_of(state);
    int64_t start = -1;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (int32_t i = 0; i < 3; i++)
        rig_put(rig, 0, &(struct rig_batch){.producer_id = 9, .base_sequence = i});
    rig_commit(rig, 0);
    assert_int_equal(rig_delete_records(rig, 0, -1, &start), STATUS_OK);
    rig_retain(rig);
    check_range(rig, 3, 3);
    check_duplicate(rig, 2);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_duplicate(rig, 1);
    check_range(rig, 3, 3);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

struct cold_reader {
    struct log_read read;
    bool has_landed;
    int32_t result;
};

static void reader_landed(struct completion *completion, int32_t result)
{
    struct cold_reader *reader = container_of(completion, struct cold_reader, read.completion);
    reader->has_landed = true;
    reader->result = result;
}

/* A reader whose segment goes while it is on its way from the disk gets the batch, or is told that
 * it is out of range; nobody speaks of damage. */
static void read_while_it_goes(void **state)
{
    struct rig *rig = rig_of(state);
    for (uint32_t turns = 0; turns < 12; turns++) {
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        fill(rig, 0, 9, 0);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        rig_commit(rig, 0);
        struct cold_reader reader = {
            .read = {.offset = 1, .end_offset = 9, .size_bytes_max = 1 << 20}};
        completion_init(&reader.read.completion, reader_landed);
        log_read(rig->logs[0], &reader.read);
        for (uint32_t i = 0; i < turns; i++)
            rig_turn(rig);
        int64_t start;
        assert_int_equal(rig_delete_records(rig, 0, 8, &start), STATUS_OK);
        while (!reader.has_landed)
            rig_turn(rig);
        assert_true(reader.result == STATUS_OK || reader.result == STATUS_OUT_OF_RANGE);
        assert_true(reader.result == STATUS_OUT_OF_RANGE || reader.read.size_bytes > VALUE_SIZE);
        log_read_release(&reader.read, rig->io);
        rig_retain(rig);
        assert_int_equal(rig_count_files(rig, 0), 1);
        assert_null(strstr(rig->log_text, "damaged"));
        check_range(rig, 8, 9);
        rig_kill(rig);
        arena_reset(&rig->arena);
    }
}

/* A deleted log leaves nothing behind but what its delay asks for; the topic's directory goes with
 * its last partition, and the same partition may come again meanwhile. */
static void delete_logs(void **state)
{
    struct rig *rig = rig_of(state);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    fill(rig, 0, 9, 0);
    fill(rig, 1, 9, 0);
    assert_int_equal(rig_delete(rig, 0), STATUS_OK);
    rig_retain(rig);
    assert_int_equal(rig_count_files(rig, 0), -1);
    assert_int_equal(rig_count_files(rig, 1), 3);
    assert_int_equal(rig_stop(rig), STATUS_OK);

    rig->config.file_delete_delay_ms = 3600 * 1000;
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        assert_int_equal(log_end_offset(rig->logs[0]), 0);
        fill(rig, 0, 5, 0);
        assert_int_equal(rig_delete(rig, 0), STATUS_OK);
        rig_kill(rig);
    }
}

/* Files that wait for their time do not hold up a stop, nor the end of their log. */
static void delay_does_not_delay(void **state)
{
    struct rig *rig = rig_of(state);
    rig->config.file_delete_delay_ms = 3600 * 1000;
    rig->config.retention_bytes = 0;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    fill(rig, 0, 9, 0);
    fill(rig, 1, 9, 0);
    int32_t file_count = rig_count_files(rig, 0);
    rig_retain(rig);
    check_range(rig, 9, 9);
    assert_true(rig_count_files(rig, 0) >= file_count);
    assert_int_equal(rig_delete(rig, 1), STATUS_OK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    check_range(rig, 9, 9);
    rig_kill(rig);
}

/* What waited for its time when the life ended, by a kill or in order, is nobody's in the next: it
 * goes soon after the log has been opened, and nothing else does. */
static void leftovers_go(void **state)
{
    struct rig *rig = rig_of(state);
    int64_t start;
    rig->config.file_delete_delay_ms = 3600 * 1000;
    for (int64_t life = 0; life < 4; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        check_range(rig, life * 10, life * 12);
        rig_retain(rig);
        int32_t kept_count = life == 0 ? -1 : (life * 12 - 1) / 4 - life * 10 / 4 + 1;
        assert_true(rig_count_files(rig, 0) <= kept_count);
        check_range(rig, life * 10, life * 12);
        fill(rig, 0, 12, 0);
        assert_int_equal(rig_delete_records(rig, 0, life * 10 + 10, &start), STATUS_OK);
        rig_retain(rig);
        assert_true(rig_count_files(rig, 0) >= 3);
        if (life % 2 == 0)
            rig_kill(rig);
        else
            assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

#define CASE(function)                                                                             \
    {                                                                                              \
#function, function, set_up, tear_down, harness                                            \
    }

int retention_suite_run(struct rig_harness *harness)
{
    const struct CMUnitTest tests[] = {
        CASE(delete_by_size),
        CASE(delete_by_time),
        CASE(greatest_timestamp_after_deletion),
        CASE(keep_what_is_new),
        CASE(keep_above_high_watermark),
        CASE(configure_tighter),
        CASE(delete_many_segments),
        CASE(delete_the_tail),
        CASE(close_old_segment),
        CASE(delete_records),
        CASE(producers_outlive_records),
        CASE(read_while_it_goes),
        CASE(delete_logs),
        CASE(delay_does_not_delay),
        CASE(leftovers_go),
    };
    return cmocka_run_group_tests_name(harness->name, tests, NULL, NULL);
}
