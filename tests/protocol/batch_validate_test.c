#include "protocol/batch_validate.h"

#include "protocol/batch_build.h"
#include "protocol/batch_record.h"
#include "tests/protocol/check.h"

#include <stdlib.h>

enum { ARENA_BYTES_MAX = 64 << 20, HOUR_MS = 3600 * 1000, NOW_MS = 500 * HOUR_MS };

static const struct batch_rules defaults = {
    .produce_version = 9,
    .message_bytes_max = 1048588,
    .timestamp_type = TIMESTAMP_CREATE_TIME,
    .timestamp_before_max_ms = INT64_MAX,
    .timestamp_after_max_ms = HOUR_MS,
    .now_ms = NOW_MS,
    .records_bytes_max = 8 << 20,
};

/* A batch with the given timestamps; records with an odd index have no key. */
static struct bytes make_batch(struct arena *arena, enum compression compression,
                               const int64_t *timestamps, uint32_t count)
{
    struct batch_options options = batch_options_plain;
    options.compression = compression;
    options.level = compression_levels(compression).usual;
    struct batch_builder builder;
    batch_builder_init(&builder, &options, arena);
    for (uint32_t i = 0; i < count; i++)
        batch_builder_append_simple(&builder, timestamps[i],
                                    i % 2 == 0 ? bytes_of_text("key") : (struct bytes){0},
                                    bytes_of_text("value"));
    struct bytes batch;
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

static struct bytes make_plain(struct arena *arena)
{
    static const int64_t timestamps[] = {NOW_MS - 5, NOW_MS - 3, NOW_MS - 4, NOW_MS - 3};
    return make_batch(arena, COMPRESSION_NONE, timestamps, 4);
}

/* Makes the checksum right again after a field was changed by hand. */
static void reseal(struct bytes batch)
{
    store_u32_be((uint8_t *)batch.data + BATCH_CRC_AT, batch_crc_compute(batch));
}

static enum kafka_error judge(struct bytes records, const struct batch_rules *rules,
                              struct arena *arena)
{
    struct batch_verdict verdict;
    batch_validate(records, rules, arena, &verdict);
    return verdict.error;
}

/* A good batch passes in every codec, and the verdict has its largest timestamp and where it first
 * stands. */
static void test_good(void **state)
{
    static const int64_t timestamps[] = {NOW_MS - 5, NOW_MS - 3, NOW_MS - 4, NOW_MS - 3};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct bytes batch = make_batch(&arena, c, timestamps, 4);
        struct batch_verdict verdict;
        batch_validate(batch, &defaults, &arena, &verdict);
        assert_int_equal(verdict.error, KAFKA_NONE);
        assert_true(bytes_equal(verdict.batch, batch));
        assert_int_equal(verdict.header.record_count, 4);
        assert_int_equal(verdict.max_timestamp, NOW_MS - 3);
        assert_int_equal(verdict.max_timestamp_delta, 1);
    }
    arena_deinit(&arena);
}

/* Each rule of the header has its error, and the first rule broken speaks. */
static void test_header_rules(void **state)
{
    static const struct {
        uint32_t at;
        uint32_t size;
        uint64_t value;
        enum kafka_error error;
    } cases[] = {
        {BATCH_BASE_OFFSET_AT, 8, 1, KAFKA_INVALID_RECORD},
        {BATCH_LEADER_EPOCH_AT, 4, 99, KAFKA_NONE},
        {BATCH_MAGIC_AT, 1, 0, KAFKA_INVALID_RECORD},
        {BATCH_MAGIC_AT, 1, 1, KAFKA_INVALID_RECORD},
        {BATCH_MAGIC_AT, 1, 3, KAFKA_CORRUPT_MESSAGE},
        {BATCH_LAST_OFFSET_DELTA_AT, 4, 2, KAFKA_INVALID_RECORD},
        {BATCH_LAST_OFFSET_DELTA_AT, 4, 4, KAFKA_INVALID_RECORD},
        {BATCH_LAST_OFFSET_DELTA_AT, 4, UINT32_MAX, KAFKA_INVALID_RECORD},
        {BATCH_RECORD_COUNT_AT, 4, 0, KAFKA_INVALID_RECORD},
        {BATCH_RECORD_COUNT_AT, 4, UINT32_MAX, KAFKA_INVALID_RECORD},
        {BATCH_ATTRIBUTES_AT, 2, BATCH_CONTROL, KAFKA_INVALID_RECORD},
        {BATCH_ATTRIBUTES_AT, 2, BATCH_TRANSACTIONAL, KAFKA_NONE},
        {BATCH_ATTRIBUTES_AT, 2, 0xff80, KAFKA_NONE},
        {BATCH_ATTRIBUTES_AT, 2, 5, KAFKA_UNSUPPORTED_COMPRESSION_TYPE},
        {BATCH_ATTRIBUTES_AT, 2, COMPRESSION_GZIP, KAFKA_CORRUPT_MESSAGE},
        {BATCH_PRODUCER_ID_AT, 8, 5, KAFKA_INVALID_RECORD}, /* without a sequence */
        {BATCH_PRODUCER_ID_AT, 8, UINT64_MAX - 1, KAFKA_NONE},
        {BATCH_MAX_TIMESTAMP_AT, 8, 7, KAFKA_NONE}, /* batch_stamp mends it */
    };
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes batch = make_plain(&arena);
        for (uint32_t byte = 0; byte < cases[i].size; byte++)
            ((uint8_t *)batch.data)[cases[i].at + byte] =
                (uint8_t)(cases[i].value >> 8 * (cases[i].size - 1 - byte));
        reseal(batch);
        assert_int_equal(judge(batch, &defaults, &arena), cases[i].error);
    }
    arena_deinit(&arena);
}

/* There is exactly one batch: none, two, or bytes that begin no batch are refused; an incomplete
 * batch after it is not looked at. */
static void test_one_batch(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_plain(&arena);
    struct writer two;
    writer_init(&two, &arena);
    writer_bytes(&two, batch);
    writer_bytes(&two, batch);
    struct bytes both = writer_result(&two);
    assert_int_equal(judge((struct bytes){0}, &defaults, &arena), KAFKA_INVALID_RECORD);
    assert_int_equal(judge(both, &defaults, &arena), KAFKA_INVALID_RECORD);
    for (size_t size = 0; size < both.size; size++) {
        enum kafka_error expected = size < batch.size ? KAFKA_INVALID_RECORD : KAFKA_NONE;
        assert_int_equal(judge(bytes_of(both.data, size), &defaults, &arena), expected);
    }
    memset((uint8_t *)both.data + batch.size, 0, batch.size);
    assert_int_equal(judge(both, &defaults, &arena), KAFKA_CORRUPT_MESSAGE);
    arena_deinit(&arena);
}

/* Any bit that the checksum covers makes the batch corrupt when it flips, unless a rule that needs
 * no checksum speaks first. */
static void test_checksum(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_plain(&arena);
    for (size_t bit = 8 * BATCH_CRC_AT; bit < 8 * batch.size; bit++) {
        ((uint8_t *)batch.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(judge(batch, &defaults, &arena), KAFKA_CORRUPT_MESSAGE);
        ((uint8_t *)batch.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    arena_deinit(&arena);
}

/* A batch of max.message.bytes passes, one byte more is too large, and that is said before anything
 * is read. */
static void test_size(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_plain(&arena);
    struct batch_rules rules = defaults;
    rules.message_bytes_max = (int32_t)batch.size;
    assert_int_equal(judge(batch, &rules, &arena), KAFKA_NONE);
    rules.message_bytes_max--;
    ((uint8_t *)batch.data)[BATCH_CRC_AT] ^= 1;
    assert_int_equal(judge(batch, &rules, &arena), KAFKA_MESSAGE_TOO_LARGE);
    arena_deinit(&arena);
}

/* zstd needs Produce 7; the other codecs do not. */
static void test_zstd_version(void **state)
{
    static const int64_t timestamps[] = {NOW_MS};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct batch_rules rules = defaults;
    rules.produce_version = 6;
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++)
        assert_int_equal(judge(make_batch(&arena, c, timestamps, 1), &rules, &arena),
                         c == COMPRESSION_ZSTD ? KAFKA_UNSUPPORTED_COMPRESSION_TYPE : KAFKA_NONE);
    rules.produce_version = 7;
    assert_int_equal(judge(make_batch(&arena, COMPRESSION_ZSTD, timestamps, 1), &rules, &arena),
                     KAFKA_NONE);
    arena_deinit(&arena);
}

/* On a compacted topic every record without a key is named with its index. */
static void test_keys(void **state)
{
    static const int64_t timestamps[] = {1, 2, 3, 4, 5};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct batch_rules rules = defaults;
    rules.key_is_required = true;
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct batch_verdict verdict;
        batch_validate(make_batch(&arena, c, timestamps, 5), &rules, &arena, &verdict);
        assert_int_equal(verdict.error, KAFKA_INVALID_RECORD);
        assert_int_equal(verdict.record_error_count, 2);
        assert_int_equal(verdict.record_errors[0].batch_index, 1);
        assert_int_equal(verdict.record_errors[1].batch_index, 3);
        assert_non_null(verdict.record_errors[1].message);
        assert_int_equal(judge(make_batch(&arena, c, timestamps, 1), &rules, &arena), KAFKA_NONE);
    }
    arena_deinit(&arena);
}

/* Timestamps are held to their window under CreateTime: its edges are inside, "none" always is, and
 * what does not fit 64 bits is outside. */
static void test_timestamp_window(void **state)
{
    static const struct {
        int64_t timestamp;
        enum kafka_error error;
    } cases[] = {
        {NOW_MS, KAFKA_NONE},
        {NOW_MS + HOUR_MS, KAFKA_NONE},
        {NOW_MS + HOUR_MS + 1, KAFKA_INVALID_TIMESTAMP},
        {NOW_MS - 10, KAFKA_NONE},
        {NOW_MS - 11, KAFKA_INVALID_TIMESTAMP},
        {NO_TIMESTAMP, KAFKA_NONE},
        {-2, KAFKA_INVALID_TIMESTAMP},
        {INT64_MAX, KAFKA_INVALID_TIMESTAMP},
        {INT64_MIN, KAFKA_INVALID_TIMESTAMP},
    };
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct batch_rules rules = defaults;
    rules.timestamp_before_max_ms = 10;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t timestamps[] = {NOW_MS, cases[i].timestamp};
        struct batch_verdict verdict;
        rules.timestamp_type = TIMESTAMP_CREATE_TIME;
        batch_validate(make_batch(&arena, COMPRESSION_NONE, timestamps, 2), &rules, &arena,
                       &verdict);
        assert_int_equal(verdict.error, cases[i].error);
        assert_int_equal(verdict.record_error_count, cases[i].error != KAFKA_NONE);
        if (verdict.record_error_count > 0)
            assert_int_equal(verdict.record_errors[0].batch_index, 1);
        rules.timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
        assert_int_equal(judge(make_batch(&arena, COMPRESSION_NONE, timestamps, 2), &rules, &arena),
                         KAFKA_NONE);
    }
    arena_deinit(&arena);
}

/* Under LogAppendTime the batch is stamped with now, and a producer that claims append time itself
 * is refused; under CreateTime its claim is taken away and the records' own times come back. */
static void test_append_time(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_plain(&arena);
    struct batch_rules rules = defaults;
    rules.timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
    struct batch_verdict verdict;
    batch_validate(batch, &rules, &arena, &verdict);
    assert_int_equal(verdict.error, KAFKA_NONE);
    assert_int_equal(verdict.max_timestamp, NOW_MS);
    assert_int_equal(verdict.max_timestamp_delta, 0);
    batch_stamp((uint8_t *)batch.data, &rules, &verdict);
    assert_true(batch_crc_is_right(batch));
    assert_int_equal(judge(batch, &rules, &arena), KAFKA_INVALID_TIMESTAMP);
    batch_validate(batch, &defaults, &arena, &verdict);
    assert_int_equal(verdict.error, KAFKA_NONE);
    batch_stamp((uint8_t *)batch.data, &defaults, &verdict);
    struct batch_header header;
    assert_int_equal(batch_header_read(batch, &header), STATUS_OK);
    assert_int_equal(batch_timestamp_type(&header), TIMESTAMP_CREATE_TIME);
    assert_true(batch_crc_is_right(batch));
    arena_deinit(&arena);
}

/* A max timestamp that the producer got wrong is mended. */
static void test_stamp_max_timestamp(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes expected = make_plain(&arena);
    struct bytes batch = make_plain(&arena);
    store_u64_be((uint8_t *)batch.data + BATCH_MAX_TIMESTAMP_AT, INT64_MAX);
    reseal(batch);
    struct batch_verdict verdict;
    batch_validate(batch, &defaults, &arena, &verdict);
    assert_int_equal(verdict.error, KAFKA_NONE);
    batch_stamp((uint8_t *)batch.data, &defaults, &verdict);
    assert_true(bytes_equal(batch, expected));
    arena_deinit(&arena);
}

/* Records whose offset deltas are not 0, 1, 2, ... are refused with or without compression. */
static void test_offset_deltas(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct batch_options options = batch_options_plain;
        options.compression = c;
        options.level = compression_levels(c).usual;
        struct batch_builder builder;
        batch_builder_init(&builder, &options, &arena);
        for (int64_t offset = 0; offset < 6; offset += 2) {
            struct record_view record = {.offset = offset, .timestamp = NOW_MS};
            batch_builder_append(&builder, &record);
        }
        struct bytes batch;
        assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
        store_u32_be((uint8_t *)batch.data + BATCH_LAST_OFFSET_DELTA_AT, 2);
        reseal(batch);
        assert_int_equal(judge(batch, &defaults, &arena), KAFKA_INVALID_RECORD);
    }
    arena_deinit(&arena);
}

/* Records that would grow beyond the cap are too large, in every codec that compresses, and the
 * check itself takes no memory of the arena for them. */
static void test_bombs(void **state)
{
    enum { VALUE_SIZE = 4 << 20 };
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint8_t *value = calloc(1, VALUE_SIZE);
    assert_non_null(value);
    for (enum compression c = COMPRESSION_GZIP; c < COMPRESSION_COUNT; c++) {
        struct batch_options options = batch_options_plain;
        options.compression = c;
        options.level = compression_levels(c).usual;
        struct batch_builder builder;
        batch_builder_init(&builder, &options, &arena);
        batch_builder_append_simple(&builder, NOW_MS, (struct bytes){0},
                                    bytes_of(value, VALUE_SIZE));
        struct bytes batch;
        assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
        struct arena small;
        arena_init(&small, 8192);
        struct batch_rules rules = defaults;
        rules.records_bytes_max = VALUE_SIZE + 100;
        assert_int_equal(judge(batch, &rules, &small), KAFKA_NONE);
        assert_int_equal(small.total_bytes, 0);
        rules.records_bytes_max = VALUE_SIZE;
        assert_int_equal(judge(batch, &rules, &small), KAFKA_MESSAGE_TOO_LARGE);
        arena_deinit(&small);
        arena_reset(&arena);
    }
    free(value);
    arena_deinit(&arena);
}

/* The list of record errors ends at its limit, and a full arena shortens it, but the batch is
 * refused all the same. */
static void test_record_error_limits(void **state)
{
    enum { COUNT = 3 * RECORD_ERRORS_MAX };
    struct arena arena;
    struct arena small;
    arena_init(&arena, ARENA_BYTES_MAX);
    arena_init(&small, 4096);
    int64_t *timestamps = calloc(COUNT, sizeof *timestamps);
    assert_non_null(timestamps);
    struct bytes batch = make_batch(&arena, COMPRESSION_NONE, timestamps, COUNT);
    struct batch_rules rules = defaults;
    rules.timestamp_before_max_ms = 0;
    struct batch_verdict verdict;
    batch_validate(batch, &rules, &arena, &verdict);
    assert_int_equal(verdict.error, KAFKA_INVALID_TIMESTAMP);
    assert_int_equal(verdict.record_error_count, RECORD_ERRORS_MAX);
    batch_validate(batch, &rules, &small, &verdict);
    assert_int_equal(verdict.error, KAFKA_INVALID_TIMESTAMP);
    assert_int_equal(verdict.record_error_count, 0);
    free(timestamps);
    arena_deinit(&small);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_header_rules),
        cmocka_unit_test(test_one_batch),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_zstd_version),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_timestamp_window),
        cmocka_unit_test(test_append_time),
        cmocka_unit_test(test_stamp_max_timestamp),
        cmocka_unit_test(test_offset_deltas),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_record_error_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
