/* Batches as Kafka writes them and its verdicts on them, against our reader, validator, builder and
 * codecs. The file of vectors is the argument.
 *
 * With `--codec` instead, the program answers lines {"type": "batch", "hex": ...} on standard input
 * with {"hex": ...}, the same batches decoded and encoded without compression, or {"error": ...}:
 * the other side of any tool that compares codecs. */
#include "base/assert.h"
#include "base/text.h"
#include "protocol/batch_build.h"
#include "protocol/batch_record.h"
#include "protocol/batch_validate.h"
#include "tests/protocol/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    LINE_SIZE_MAX = 1 << 20,
    ARENA_BYTES_MAX = 64 << 20,
    RECORDS_BYTES_MAX = 8 << 20,
    HOUR_MS = 3600 * 1000,
};

static const int64_t now_ms = 1800000000000;

/* Where we answer otherwise than Kafka, and why. */
static const struct deviation {
    const char *kind;
    enum kafka_error ours;
} deviations[] = {
    /* Kafka lets these pass, though a consumer would see offsets out of order or twice. */
    {"bad_record_offset_delta_1", KAFKA_INVALID_RECORD},
    {"bad_record_offset_delta_minus_1", KAFKA_INVALID_RECORD},
    {"bad_offsets_swapped", KAFKA_INVALID_RECORD},
    {"bad_offsets_repeated", KAFKA_INVALID_RECORD},
    /* Kafka stumbles over these and answers UNKNOWN_SERVER_ERROR. */
    {"bad_offsets_swapped_gzip", KAFKA_INVALID_RECORD},
    {"bad_record_length_six_byte_varint", KAFKA_INVALID_RECORD},
    {"bad_codec_5", KAFKA_UNSUPPORTED_COMPRESSION_TYPE},
    {"bad_codec_6", KAFKA_UNSUPPORTED_COMPRESSION_TYPE},
    {"bad_codec_7", KAFKA_UNSUPPORTED_COMPRESSION_TYPE},
};

static const struct error_name {
    const char *name;
    enum kafka_error error;
} error_names[] = {
    {"NONE", KAFKA_NONE},
    {"CORRUPT_MESSAGE", KAFKA_CORRUPT_MESSAGE},
    {"INVALID_TIMESTAMP", KAFKA_INVALID_TIMESTAMP},
    {"INVALID_RECORD", KAFKA_INVALID_RECORD},
    /* What Kafka cannot decompress or frame; see batch_validate.h. */
    {"UNKNOWN_SERVER_ERROR", KAFKA_CORRUPT_MESSAGE},
};

static enum kafka_error expected_error(const char *kind, const char *kafka)
{
    for (size_t i = 0; i < sizeof deviations / sizeof *deviations; i++)
        if (strcmp(kind, deviations[i].kind) == 0)
            return deviations[i].ours;
    for (size_t i = 0; i < sizeof error_names / sizeof *error_names; i++)
        if (strcmp(kafka, error_names[i].name) == 0)
            return error_names[i].error;
    fail_msg("%s: no number for %s", kind, kafka);
    return KAFKA_NONE;
}

static struct bytes from_hex(struct arena *arena, const char *hex)
{
    size_t size = strlen(hex) / 2;
    uint8_t *data = arena_allocate(arena, size);
    assert(data != NULL);
    for (size_t i = 0; i < size; i++) {
        int high = text_hex_digit((uint8_t)hex[2 * i]);
        int low = text_hex_digit((uint8_t)hex[2 * i + 1]);
        assert(high >= 0);
        assert(low >= 0);
        data[i] = (uint8_t)(high << 4 | low);
    }
    return bytes_of(data, size);
}

static char *to_hex(struct arena *arena, struct bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = arena_allocate(arena, 2 * bytes.size + 1);
    assert(hex != NULL);
    for (size_t i = 0; i < bytes.size; i++) {
        hex[2 * i] = digits[bytes.data[i] >> 4];
        hex[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    hex[2 * bytes.size] = '\0';
    return hex;
}

/* Reads one batch to its end, as a log or a consumer would. */
static enum status read_batch(struct bytes batch, struct arena *arena)
{
    if (!batch_crc_is_right(batch))
        return STATUS_CORRUPT;
    struct record_iterator iterator;
    enum status status = record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, arena);
    if (status != STATUS_OK)
        return status;
    struct record_view record;
    while (record_iterator_next(&iterator, &record))
        continue;
    return iterator.status;
}

/* All batches without compression, or why they cannot be read. */
static enum status plain_batches(struct bytes body, struct arena *arena, struct bytes *plain)
{
    struct writer writer;
    writer_init(&writer, arena);
    struct bytes rest = body;
    while (rest.size > 0) {
        struct bytes batch;
        enum status status = batch_next(&rest, &batch);
        if (status == STATUS_OK)
            status = read_batch(batch, arena);
        if (status == STATUS_OK)
            status = batch_recompress(batch, COMPRESSION_NONE, 0, RECORDS_BYTES_MAX, arena, &batch);
        if (status != STATUS_OK)
            return status;
        writer_bytes(&writer, batch);
    }
    *plain = writer_result(&writer);
    return writer.status;
}

static int64_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value))
        fail_msg("no number %s", name);
    return json_integer_value(value);
}

static void check_text_or_null(struct bytes bytes, const json_t *hex, struct arena *arena)
{
    assert_int_equal(bytes_are_null(bytes), json_is_null(hex));
    if (!bytes_are_null(bytes))
        assert_string_equal(to_hex(arena, bytes), json_string_value(hex));
}

static void check_record_headers(struct record_view record, const json_t *expected,
                                 struct arena *arena)
{
    assert_int_equal(record.header_count, json_array_size(expected));
    struct record_header header;
    for (size_t i = 0; record_header_next(&record, &header); i++) {
        const json_t *pair = json_array_get(expected, i);
        /* Java puts U+FFFD where a key is not UTF-8; we leave its bytes alone. */
        const char *key = json_string_value(json_array_get(pair, 0));
        assert_true(bytes_equal_text(header.key, key) || strstr(key, "\xEF\xBF\xBD") != NULL);
        check_text_or_null(header.value, json_array_get(pair, 1), arena);
    }
    assert_int_equal(record.headers.size, 0);
}

static void check_records(struct record_iterator *iterator, const json_t *expected,
                          struct arena *arena)
{
    struct record_view record;
    size_t count = 0;
    while (record_iterator_next(iterator, &record)) {
        const json_t *e = json_array_get(expected, count++);
        assert_int_equal(record.offset, number(e, "offset"));
        assert_int_equal(record.timestamp, number(e, "timestamp"));
        check_text_or_null(record.key, json_object_get(e, "key"), arena);
        check_text_or_null(record.value, json_object_get(e, "value"), arena);
        check_record_headers(record, json_object_get(e, "headers"), arena);
    }
    assert_int_equal(count, json_array_size(expected));
}

static void check_header(const struct batch_header *header, const json_t *e)
{
    assert_int_equal(header->base_offset, number(e, "baseOffset"));
    assert_int_equal(header->batch_length, number(e, "batchLength"));
    assert_int_equal(header->leader_epoch, number(e, "partitionLeaderEpoch"));
    assert_int_equal(header->magic, number(e, "magic"));
    assert_int_equal(header->crc, number(e, "crc"));
    assert_int_equal((uint16_t)header->attributes, number(e, "attributes"));
    assert_int_equal(header->last_offset_delta, number(e, "lastOffsetDelta"));
    assert_int_equal(header->base_timestamp, number(e, "baseTimestamp"));
    assert_int_equal(header->max_timestamp, number(e, "maxTimestamp"));
    assert_int_equal(header->producer_id, number(e, "producerId"));
    assert_int_equal(header->producer_epoch, number(e, "producerEpoch"));
    assert_int_equal(header->base_sequence, number(e, "baseSequence"));
    assert_int_equal(header->record_count, number(e, "count"));
    assert_int_equal(batch_last_offset(header), number(e, "lastOffset"));
    assert_int_equal(batch_last_sequence(header), number(e, "lastSequence"));
    assert_int_equal(batch_is_transactional(header),
                     json_is_true(json_object_get(e, "transactional")));
    assert_int_equal(batch_is_control(header), json_is_true(json_object_get(e, "control")));
    const char *type = json_string_value(json_object_get(e, "timestampType"));
    assert_int_equal(batch_timestamp_type(header) == TIMESTAMP_LOG_APPEND_TIME,
                     strcmp(type, "LogAppendTime") == 0);
    const json_t *horizon = json_object_get(e, "deleteHorizonMs");
    assert_int_equal(batch_delete_horizon_ms(header),
                     horizon == NULL ? NO_TIMESTAMP : json_integer_value(horizon));
    enum compression compression;
    assert_true(batch_compression(header, &compression));
    assert_string_equal(compression_name(compression),
                        json_string_value(json_object_get(e, "compression")));
}

static void check_content(struct bytes body, const json_t *batches, struct arena *arena)
{
    struct bytes rest = body;
    for (size_t i = 0; i < json_array_size(batches); i++) {
        const json_t *expected = json_array_get(batches, i);
        struct bytes batch;
        assert_int_equal(batch_next(&rest, &batch), STATUS_OK);
        assert_true(batch_crc_is_right(batch));
        struct record_iterator iterator;
        assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, arena),
                         STATUS_OK);
        check_header(&iterator.header, expected);
        check_records(&iterator, json_object_get(expected, "records"), arena);
        assert_int_equal(iterator.status, STATUS_OK);
    }
    assert_int_equal(rest.size, 0);
}

/* Calls `check` for every line of the file. */
static void for_each_vector(const char *path,
                            void (*check)(const json_t *vector, struct arena *arena))
{
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    char *line = malloc(LINE_SIZE_MAX);
    assert_non_null(line);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint32_t count = 0;
    for (; gzgets(file, line, LINE_SIZE_MAX) != NULL; count++) {
        json_error_t error;
        json_t *vector = json_loads(line, 0, &error);
        assert_non_null(vector);
        check(vector, &arena);
        json_decref(vector);
        arena_reset(&arena);
    }
    assert_int_equal(count, 255);
    arena_deinit(&arena);
    free(line);
    gzclose(file);
}

static const char *text(const json_t *vector, const char *name)
{
    return json_string_value(json_object_get(vector, name));
}

static void check_reading(const json_t *vector, struct arena *arena)
{
    struct bytes body = from_hex(arena, text(vector, "body_hex"));
    const char *must = text(vector, "must");
    struct bytes plain = {0};
    bool accepted = plain_batches(body, arena, &plain) == STATUS_OK;
    if (strcmp(must, "reject") == 0 && accepted)
        fail_msg("%s was accepted", text(vector, "kind"));
    if (strcmp(must, "accept") == 0 && !accepted)
        fail_msg("%s was refused", text(vector, "kind"));
    if (!accepted)
        return;
    const char *canonical = text(vector, "canonical_hex");
    assert_string_equal(to_hex(arena, plain),
                        canonical == NULL ? text(vector, "body_hex") : canonical);
    check_content(body, json_object_get(vector, "json"), arena);
}

/* What Kafka reads we read alike, and what it refuses we refuse. */
static void test_reading(void **state)
{
    for_each_vector(*state, check_reading);
}

static void check_produce(const json_t *vector, struct arena *arena)
{
    const struct batch_rules defaults = {
        .produce_version = 9,
        .message_bytes_max = 1048588,
        .timestamp_type = TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = HOUR_MS,
        .now_ms = now_ms,
        .records_bytes_max = RECORDS_BYTES_MAX,
    };
    const char *kind = text(vector, "kind");
    const char *kafka = text(json_object_get(vector, "kafka"), "produce");
    struct batch_verdict verdict;
    batch_validate(from_hex(arena, text(vector, "body_hex")), &defaults, arena, &verdict);
    if (verdict.error != expected_error(kind, kafka))
        fail_msg("%s: %d (%s) where Kafka says %s", kind, verdict.error, verdict.message, kafka);
    assert_int_equal(verdict.message == NULL, verdict.error == KAFKA_NONE);
}

/* A client that produces a batch gets the error that Kafka gives, but for the named deviations. */
static void test_produce(void **state)
{
    for_each_vector(*state, check_produce);
}

/* Only a batch whose base timestamp is that of its first record, or a delete horizon, can be told
 * from its records: the cleaner keeps base timestamps of records that are gone. */
static bool can_be_rebuilt(struct bytes batch, struct arena *arena)
{
    struct record_iterator iterator;
    struct record_view record;
    return record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, arena) == STATUS_OK &&
           batch_timestamp_type(&iterator.header) == TIMESTAMP_CREATE_TIME &&
           record_iterator_next(&iterator, &record) &&
           (record.timestamp == iterator.header.base_timestamp ||
            batch_delete_horizon_ms(&iterator.header) != NO_TIMESTAMP);
}

static struct bytes rebuild(struct bytes batch, struct arena *arena)
{
    struct record_iterator iterator;
    assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, arena), STATUS_OK);
    const struct batch_header *header = &iterator.header;
    struct batch_options options = {
        .base_offset = header->base_offset,
        .last_offset = batch_last_offset(header),
        .leader_epoch = header->leader_epoch,
        .attributes = (int16_t)(header->attributes & ~BATCH_COMPRESSION_MASK),
        .delete_horizon_ms = header->base_timestamp,
        .producer_id = header->producer_id,
        .producer_epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
    };
    struct batch_builder builder;
    batch_builder_init(&builder, &options, arena);
    struct record_view record;
    while (record_iterator_next(&iterator, &record))
        batch_builder_append(&builder, &record);
    struct bytes rebuilt;
    assert_int_equal(batch_builder_finish(&builder, &rebuilt), STATUS_OK);
    return rebuilt;
}

static void check_building(const json_t *vector, struct arena *arena)
{
    if (strcmp(text(vector, "must"), "accept") != 0)
        return;
    const char *canonical = text(vector, "canonical_hex");
    struct bytes rest = from_hex(arena, canonical == NULL ? text(vector, "body_hex") : canonical);
    struct bytes batch;
    while (batch_next(&rest, &batch) == STATUS_OK) {
        if (!can_be_rebuilt(batch, arena))
            continue;
        struct bytes rebuilt = rebuild(batch, arena);
        if (!bytes_equal(rebuilt, batch))
            fail_msg("%s is built as %s", text(vector, "kind"), to_hex(arena, rebuilt));
    }
}

/* The builder makes of the same records the bytes that Kafka's makes. */
static void test_building(void **state)
{
    for_each_vector(*state, check_building);
}

static void check_recompressing(const json_t *vector, struct arena *arena)
{
    if (strcmp(text(vector, "must"), "accept") != 0)
        return;
    const char *canonical = text(vector, "canonical_hex");
    struct bytes rest = from_hex(arena, canonical == NULL ? text(vector, "body_hex") : canonical);
    struct bytes batch;
    while (batch_next(&rest, &batch) == STATUS_OK) {
        for (enum compression c = COMPRESSION_GZIP; c < COMPRESSION_COUNT; c++) {
            struct bytes packed;
            struct bytes unpacked;
            assert_int_equal(batch_recompress(batch, c, compression_levels(c).usual,
                                              RECORDS_BYTES_MAX, arena, &packed),
                             STATUS_OK);
            assert_int_equal(read_batch(packed, arena), STATUS_OK);
            assert_int_equal(
                batch_recompress(packed, COMPRESSION_NONE, 0, RECORDS_BYTES_MAX, arena, &unpacked),
                STATUS_OK);
            if (batch.data[BATCH_ATTRIBUTES_AT + 1] % 8 == COMPRESSION_NONE)
                assert_true(bytes_equal(unpacked, batch));
        }
    }
}

/* A batch comes back the same from any other codec. */
static void test_recompressing(void **state)
{
    for_each_vector(*state, check_recompressing);
}

static void answer(const json_t *question, struct arena *arena)
{
    const char *type = text(question, "type");
    const char *hex = text(question, "hex");
    if (type == NULL || hex == NULL || strcmp(type, "batch") != 0) {
        puts("{\"unsupported\": true}");
        return;
    }
    struct bytes plain = {0};
    enum status status = plain_batches(from_hex(arena, hex), arena, &plain);
    if (status == STATUS_OK)
        printf("{\"hex\": \"%s\"}\n", to_hex(arena, plain));
    else
        printf("{\"error\": \"%s\"}\n", status_text(status));
}

static int run_codec(void)
{
    char *line = NULL;
    size_t capacity = 0;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    while (getline(&line, &capacity, stdin) > 0) {
        json_error_t error;
        json_t *question = json_loads(line, 0, &error);
        answer(question, &arena);
        fflush(stdout);
        json_decref(question);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--codec") == 0)
        return run_codec();
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE | --codec\n", argv[0]);
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_reading, argv[1]),
        cmocka_unit_test_prestate(test_produce, argv[1]),
        cmocka_unit_test_prestate(test_building, argv[1]),
        cmocka_unit_test_prestate(test_recompressing, argv[1]),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
