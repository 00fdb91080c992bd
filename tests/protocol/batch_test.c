#include "protocol/batch.h"

#include "protocol/batch_build.h"
#include "protocol/batch_record.h"
#include "tests/protocol/check.h"

#include <stdlib.h>

enum { ARENA_BYTES_MAX = 32 << 20, RECORDS_BYTES_MAX = 8 << 20 };

/* A batch of `count` records, the i-th with timestamp 1000 + i. */
static struct bytes make_batch(struct arena *arena, const struct batch_options *options,
                               uint32_t count)
{
    struct batch_builder builder;
    batch_builder_init(&builder, options, arena);
    for (uint32_t i = 0; i < count; i++)
        batch_builder_append_simple(&builder, 1000 + i, bytes_of_text("key"),
                                    bytes_of_text("value"));
    struct bytes batch;
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

static struct bytes copy_of(struct arena *arena, struct bytes bytes)
{
    return bytes_of(arena_copy_text(arena, bytes.data, bytes.size), bytes.size);
}

static struct batch_header header_of(struct bytes batch)
{
    struct batch_header header;
    assert_int_equal(batch_header_read(batch, &header), STATUS_OK);
    return header;
}

/* What is written as a header is read as the same. */
static void test_header_round_trip(void **state)
{
    const struct batch_header header = {
        .base_offset = INT64_MAX,
        .batch_length = 49,
        .leader_epoch = -1,
        .magic = 2,
        .crc = 0xfedcba98,
        .attributes = 0x75,
        .last_offset_delta = 0x01020304,
        .base_timestamp = INT64_MIN,
        .max_timestamp = 0x0102030405060708,
        .producer_id = 0x1112131415161718,
        .producer_epoch = 0x2122,
        .base_sequence = 0x31323334,
        .record_count = 0x41424344,
    };
    uint8_t bytes[BATCH_HEADER_SIZE];
    batch_header_write(&header, bytes);
    struct batch_header read = header_of(bytes_of(bytes, sizeof bytes));
    uint8_t again[BATCH_HEADER_SIZE];
    batch_header_write(&read, again);
    assert_memory_equal(again, bytes, sizeof bytes);
    assert_int_equal(batch_size_bytes(&read), BATCH_HEADER_SIZE);
}

/* Of batches in a row that end anywhere, exactly the whole ones are found. */
static void test_next_at_every_cut(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct writer writer;
    writer_init(&writer, &arena);
    size_t ends[3];
    for (uint32_t i = 0; i < 3; i++) {
        writer_bytes(&writer, make_batch(&arena, &batch_options_plain, i + 1));
        ends[i] = writer.size;
    }
    struct bytes all = writer_result(&writer);
    for (size_t size = 0; size <= all.size; size++) {
        struct bytes rest = bytes_of(all.data, size);
        struct bytes batch;
        size_t found = 0;
        while (batch_next(&rest, &batch) == STATUS_OK) {
            assert_ptr_equal(batch.data + batch.size, all.data + ends[found]);
            found++;
        }
        assert_int_equal(found, (size >= ends[0]) + (size >= ends[1]) + (size >= ends[2]));
        assert_int_equal(batch_next(&rest, &batch), STATUS_TRUNCATED);
    }
    arena_deinit(&arena);
}

/* A length that no version has, or a magic that none has, is told from a batch that is cut. */
static void test_next_malformed(void **state)
{
    static const struct {
        int32_t length;
        int8_t magic;
        enum status status;
    } cases[] = {
        {49, 2, STATUS_OK},
        {48, 2, STATUS_MALFORMED},
        {14, 2, STATUS_MALFORMED},
        {13, 2, STATUS_MALFORMED},
        {0, 2, STATUS_MALFORMED},
        {-1, 2, STATUS_MALFORMED},
        {50, 2, STATUS_TRUNCATED},
        {49, 1, STATUS_UNSUPPORTED},
        {14, 0, STATUS_UNSUPPORTED},
        {49, 3, STATUS_MALFORMED},
        {49, -1, STATUS_MALFORMED},
        {INT32_MIN, 2, STATUS_MALFORMED},
        {INT32_MAX, 2, STATUS_MALFORMED},
        {INT32_MAX - 12, 2, STATUS_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[BATCH_HEADER_SIZE] = {0};
        store_u32_be(bytes + BATCH_LENGTH_AT, (uint32_t)cases[i].length);
        bytes[BATCH_MAGIC_AT] = (uint8_t)cases[i].magic;
        struct bytes rest = bytes_of(bytes, sizeof bytes);
        struct bytes batch;
        assert_int_equal(batch_next(&rest, &batch), cases[i].status);
        bool moved = rest.data != bytes;
        assert_int_equal(moved,
                         cases[i].status == STATUS_OK || cases[i].status == STATUS_UNSUPPORTED);
    }
}

/* The checksum covers every bit from the attributes on, and none before: base offset, length,
 * leader epoch and magic need a guard of their own wherever a batch is stored. */
static void test_checksum_coverage(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_batch(&arena, &batch_options_plain, 2);
    uint8_t *bytes = (uint8_t *)batch.data;
    assert_true(batch_crc_is_right(batch));
    for (size_t bit = 0; bit < 8 * batch.size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(batch_crc_is_right(batch), bit / 8 < BATCH_CRC_AT);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    arena_deinit(&arena);
}

/* Base offset and leader epoch change without the checksum; the other bytes stay. */
static void test_leader_fields(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes before = make_batch(&arena, &batch_options_plain, 3);
    struct bytes after = copy_of(&arena, before);
    batch_set_base_offset((uint8_t *)after.data, 123456789012);
    batch_set_leader_epoch((uint8_t *)after.data, 7);
    assert_true(batch_crc_is_right(after));
    struct batch_header header = header_of(after);
    assert_int_equal(header.base_offset, 123456789012);
    assert_int_equal(header.leader_epoch, 7);
    assert_int_equal(batch_last_offset(&header), 123456789014);
    assert_memory_equal(after.data + BATCH_MAGIC_AT, before.data + BATCH_MAGIC_AT,
                        before.size - BATCH_MAGIC_AT);
    arena_deinit(&arena);
}

/* Append time sets bit 3, the max timestamp and the checksum, and every record then has it; create
 * time takes it back; setting what is so already changes nothing. */
static void test_append_time(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_batch(&arena, &batch_options_plain, 3);
    struct bytes before = copy_of(&arena, batch);
    uint8_t *bytes = (uint8_t *)batch.data;
    batch_set_append_time(bytes, 99999);
    assert_true(batch_crc_is_right(batch));
    struct record_iterator iterator;
    assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena), STATUS_OK);
    assert_int_equal(batch_timestamp_type(&iterator.header), TIMESTAMP_LOG_APPEND_TIME);
    assert_int_equal(iterator.header.max_timestamp, 99999);
    struct record_view record;
    for (int64_t offset = 0; record_iterator_next(&iterator, &record); offset++) {
        assert_int_equal(record.offset, offset);
        assert_int_equal(record.timestamp, 99999);
    }
    batch_set_max_timestamp(bytes, TIMESTAMP_CREATE_TIME, 1002);
    assert_true(bytes_equal(batch, before));
    bytes[BATCH_CRC_AT] ^= 1; /* stays wrong: nothing is to be done */
    batch_set_max_timestamp(bytes, TIMESTAMP_CREATE_TIME, 1002);
    assert_false(batch_crc_is_right(batch));
    arena_deinit(&arena);
}

/* Sequence numbers go from 2^31-1 to 0, and the last one of a batch is right for every batch that
 * begins or ends near there. */
static void test_sequence_wrap(void **state)
{
    assert_int_equal(batch_sequence_add(INT32_MAX, 0), INT32_MAX);
    assert_int_equal(batch_sequence_add(INT32_MAX, 1), 0);
    assert_int_equal(batch_sequence_add(INT32_MAX, INT32_MAX), INT32_MAX - 1);
    for (int32_t back = 0; back < 300; back++) {
        int32_t expected = INT32_MAX - back;
        for (int32_t delta = 0; delta < 600; delta++) {
            struct batch_header header = {.base_sequence = INT32_MAX - back,
                                          .last_offset_delta = delta};
            assert_int_equal(batch_last_sequence(&header), expected);
            expected = expected == INT32_MAX ? 0 : expected + 1;
        }
    }
    struct batch_header none = {.base_sequence = NO_SEQUENCE, .last_offset_delta = 5};
    assert_int_equal(batch_last_sequence(&none), NO_SEQUENCE);
}

/* Records come back as they were built: nulls, empty fields, headers, gaps between offsets, in
 * every codec. */
static void test_records(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    const struct record_header headers[] = {
        {bytes_of_text("a"), bytes_of_text("1")},
        {bytes_of_text("a"), {0}},
        {bytes_of_text(""), bytes_of_text("")},
    };
    struct bytes encoded;
    assert_int_equal(record_headers_encode(headers, 3, &arena, &encoded), STATUS_OK);
    const struct record_view records[] = {
        {.offset = 50, .timestamp = 77, .key = bytes_of_text("k"), .value = bytes_of_text("v")},
        {.offset = 51, .timestamp = -1, .value = bytes_of_text("")},
        {.offset = 60,
         .timestamp = 5000,
         .key = bytes_of_text(""),
         .headers = encoded,
         .header_count = 3},
    };
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct batch_options options = batch_options_plain;
        options.base_offset = 48;
        options.compression = c;
        options.level = compression_levels(c).usual;
        struct batch_builder builder;
        batch_builder_init(&builder, &options, &arena);
        for (uint32_t i = 0; i < 3; i++)
            batch_builder_append(&builder, &records[i]);
        struct bytes batch;
        assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
        struct record_iterator iterator;
        assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena),
                         STATUS_OK);
        assert_int_equal(batch_last_offset(&iterator.header), 60);
        assert_int_equal(iterator.header.max_timestamp, 5000);
        struct record_view record;
        for (uint32_t i = 0; i < 3; i++) {
            assert_true(record_iterator_next(&iterator, &record));
            assert_int_equal(record.offset, records[i].offset);
            assert_int_equal(record.timestamp, records[i].timestamp);
            assert_true(bytes_equal(record.key, records[i].key));
            assert_true(bytes_equal(record.value, records[i].value));
            assert_int_equal(record.header_count, records[i].header_count);
        }
        struct record_header header;
        for (uint32_t i = 0; i < 3; i++) {
            assert_true(record_header_next(&record, &header));
            assert_true(bytes_equal(header.key, headers[i].key));
            assert_true(bytes_equal(header.value, headers[i].value));
        }
        assert_false(record_header_next(&record, &header));
        assert_false(record_iterator_next(&iterator, &record));
        assert_int_equal(iterator.status, STATUS_OK);
    }
    arena_deinit(&arena);
}

/* A cursor through a small window sees the same shapes as one over the whole, wherever the window's
 * edges fall. */
static void test_window(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint8_t *window = malloc(RECORD_WINDOW_SIZE);
    uint8_t *value = calloc(1, 3 * RECORD_WINDOW_SIZE);
    struct batch_builder builder;
    batch_builder_init(&builder, &batch_options_plain, &arena);
    for (uint32_t i = 0; i < 400; i++) {
        size_t size = i % 50 == 49 ? 2 * RECORD_WINDOW_SIZE + i : i * 37 % 1000;
        batch_builder_append_simple(&builder, i, bytes_of(value, i % 90), bytes_of(value, size));
    }
    struct bytes batch;
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    struct bytes plain = bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE);
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct bytes packed;
        assert_int_equal(
            compression_compress(c, compression_levels(c).usual, plain, &arena, &packed),
            STATUS_OK);
        struct decompressor *source;
        assert_int_equal(decompressor_create(c, packed, plain.size, NULL, &source), STATUS_OK);
        struct record_cursor whole;
        struct record_cursor stream;
        record_cursor_init(&whole, plain);
        record_cursor_init_stream(&stream, source, window);
        for (uint32_t i = 0; i < 400; i++) {
            struct record_shape a = {0};
            struct record_shape b = {0};
            assert_true(record_cursor_next(&whole, &a));
            assert_true(record_cursor_next(&stream, &b));
            assert_memory_equal(&a, &b, sizeof a);
        }
        assert_true(record_cursor_is_at_end(&whole));
        assert_true(record_cursor_is_at_end(&stream));
        decompressor_destroy(source);
    }
    free(value);
    free(window);
    arena_deinit(&arena);
}

/* Compaction may keep a batch without records, with its last offset and sequence. */
static void test_empty_batch(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct batch_options options = batch_options_plain;
    options.compression = COMPRESSION_ZSTD;
    options.level = 3;
    options.base_offset = 100;
    options.last_offset = 109;
    options.producer_id = 5;
    options.producer_epoch = 0;
    options.base_sequence = INT32_MAX;
    struct bytes batch = make_batch(&arena, &options, 0);
    assert_int_equal(batch.size, BATCH_HEADER_SIZE);
    struct record_iterator iterator;
    struct record_view record;
    assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena), STATUS_OK);
    assert_int_equal(batch_last_offset(&iterator.header), 109);
    assert_int_equal(batch_last_sequence(&iterator.header), 8);
    assert_false(record_iterator_next(&iterator, &record));
    assert_int_equal(iterator.status, STATUS_OK);
    arena_deinit(&arena);
}

/* A full arena is said, not followed. */
static void test_full_arena(void **state)
{
    struct arena arena;
    struct arena small;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes batch = make_batch(&arena, &batch_options_plain, 2000);
    struct bytes packed;
    assert_int_equal(
        batch_recompress(batch, COMPRESSION_GZIP, 9, RECORDS_BYTES_MAX, &arena, &packed),
        STATUS_OK);
    arena_init(&small, 4096);
    struct record_iterator iterator;
    assert_int_equal(record_iterator_open(&iterator, packed, RECORDS_BYTES_MAX, &small),
                     STATUS_NO_MEMORY);
    struct bytes unpacked;
    assert_int_equal(
        batch_recompress(batch, COMPRESSION_LZ4, 1, RECORDS_BYTES_MAX, &small, &unpacked),
        STATUS_NO_MEMORY);
    struct batch_builder builder;
    batch_builder_init(&builder, &batch_options_plain, &small);
    for (uint32_t i = 0; i < 1000; i++)
        batch_builder_append_simple(&builder, i, bytes_of_text("key"), bytes_of_text("value"));
    assert_int_equal(batch_builder_finish(&builder, &unpacked), STATUS_NO_MEMORY);
    arena_deinit(&small);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_round_trip),
        cmocka_unit_test(test_next_at_every_cut),
        cmocka_unit_test(test_next_malformed),
        cmocka_unit_test(test_checksum_coverage),
        cmocka_unit_test(test_leader_fields),
        cmocka_unit_test(test_append_time),
        cmocka_unit_test(test_sequence_wrap),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_empty_batch),
        cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
