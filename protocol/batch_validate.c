/* The order of the checks is part of the behaviour: clients see the error of the first rule that is
 * broken, and Kafka's order decides which one that is. The checksum comes before every field that
 * it covers; what is compressed is read through a window and never held whole. */
#include "protocol/batch_validate.h"

#include "base/assert.h"
#include "protocol/batch_record.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    MESSAGE_SIZE_MAX = 256,
    VERSION_ZSTD = 7, /* the first version of Produce that may carry it (KIP-110) */
};

/* One validation: what it is told, what it found. */
struct check {
    const struct batch_rules *rules;
    struct arena *arena;
    struct batch_verdict *verdict;
    enum compression compression;
    bool record_is_invalid;    /* one or more broke a rule of their own */
    bool timestamp_is_invalid; /* the rule of time, that is */
};

__attribute__((format(printf, 2, 3))) static const char *check_text(struct check *check,
                                                                    const char *format, ...)
{
    char text[MESSAGE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    if (length >= (int)sizeof text)
        length = sizeof text - 1;
    return arena_copy_text(check->arena, text, (size_t)length);
}

/* Always false, so that a rule reads `return check_fail(...)`. */
static bool check_fail(struct check *check, enum kafka_error error, const char *message)
{
    assert(error != KAFKA_NONE);
    assert(check->verdict->error == KAFKA_NONE);
    check->verdict->error = error;
    check->verdict->message = message;
    return false;
}

/* The first whole batch, and no second one. */
static bool check_one_batch(struct check *check, struct bytes records)
{
    assert(check->verdict->error == KAFKA_NONE);
    struct bytes rest = records;
    enum status status = batch_next(&rest, &check->verdict->batch);
    if (status == STATUS_TRUNCATED)
        return check_fail(check, KAFKA_INVALID_RECORD,
                          "There must be one record batch for each partition; there is none.");
    if (status == STATUS_MALFORMED)
        return check_fail(check, KAFKA_CORRUPT_MESSAGE,
                          "The length or the magic of the record batch is corrupt.");
    if (status == STATUS_UNSUPPORTED)
        return check_fail(check, KAFKA_INVALID_RECORD,
                          "Only record batches with magic version 2 are accepted.");
    status = batch_header_read(check->verdict->batch, &check->verdict->header);
    assert(status == STATUS_OK);
    bool codec_exists = batch_compression(&check->verdict->header, &check->compression);
    if (codec_exists && check->compression == COMPRESSION_ZSTD &&
        check->rules->produce_version < VERSION_ZSTD)
        return check_fail(check, KAFKA_UNSUPPORTED_COMPRESSION_TYPE,
                          "Produce requests below version 7 may not use zstd.");
    struct bytes second;
    status = batch_next(&rest, &second);
    if (status == STATUS_MALFORMED)
        return check_fail(check, KAFKA_CORRUPT_MESSAGE,
                          "After the record batch stand bytes that begin no other.");
    if (status != STATUS_TRUNCATED)
        return check_fail(check, KAFKA_INVALID_RECORD,
                          "There must be one record batch for each partition; there are more.");
    return true;
}

/* What can be said of the batch before its header is believed. */
static bool check_integrity(struct check *check)
{
    assert(check->verdict->error == KAFKA_NONE);
    const struct batch_header *header = &check->verdict->header;
    struct bytes batch = check->verdict->batch;
    assert(batch.size == batch_size_bytes(header));
    if (header->base_offset != 0)
        return check_fail(check, KAFKA_INVALID_RECORD,
                          check_text(check, "The base offset should be 0, but it is %lld.",
                                     (long long)header->base_offset));
    if (batch.size > (size_t)check->rules->message_bytes_max)
        return check_fail(check, KAFKA_MESSAGE_TOO_LARGE,
                          check_text(check,
                                     "The record batch has %zu bytes, more than the maximum of "
                                     "%d.",
                                     batch.size, check->rules->message_bytes_max));
    if (!batch_crc_is_right(batch))
        return check_fail(check, KAFKA_CORRUPT_MESSAGE,
                          check_text(check,
                                     "The record batch is corrupt (stored crc = %u, computed crc "
                                     "= %u).",
                                     header->crc, batch_crc_compute(batch)));
    return true;
}

static bool check_header(struct check *check)
{
    assert(check->verdict->error == KAFKA_NONE);
    const struct batch_header *header = &check->verdict->header;
    if (header->last_offset_delta < 0)
        return check_fail(
            check, KAFKA_INVALID_RECORD,
            check_text(check, "The offset range [0, %d] is invalid.", header->last_offset_delta));
    if (header->record_count <= 0)
        return check_fail(
            check, KAFKA_INVALID_RECORD,
            check_text(check, "The record count %d is invalid.", header->record_count));
    if (header->record_count - 1 != header->last_offset_delta)
        return check_fail(check, KAFKA_INVALID_RECORD,
                          check_text(check, "The offset range [0, %d] does not fit %d records.",
                                     header->last_offset_delta, header->record_count));
    if (batch_is_control(header))
        return check_fail(check, KAFKA_INVALID_RECORD,
                          "Clients are not allowed to write control records.");
    if (batch_has_producer_id(header) && header->base_sequence < 0)
        return check_fail(check, KAFKA_INVALID_RECORD,
                          check_text(check,
                                     "The sequence number %d with producer id %lld is "
                                     "invalid.",
                                     header->base_sequence, (long long)header->producer_id));
    if (check->compression >= COMPRESSION_COUNT)
        return check_fail(
            check, KAFKA_UNSUPPORTED_COMPRESSION_TYPE,
            check_text(check, "The compression type %d is unknown.", check->compression));
    return true;
}

/* Notes that one record breaks a rule of its own; the others are looked at nonetheless. The place
 * for what there is to say about it, or NULL if no more is said. */
static struct record_error *check_record_fails(struct check *check, int32_t index)
{
    struct batch_verdict *verdict = check->verdict;
    assert(index >= 0);
    assert(verdict->record_error_count <= RECORD_ERRORS_MAX);
    check->record_is_invalid = true;
    if (verdict->record_errors == NULL)
        verdict->record_errors =
            arena_allocate_array(check->arena, RECORD_ERRORS_MAX, sizeof *verdict->record_errors);
    if (verdict->record_errors == NULL || verdict->record_error_count == RECORD_ERRORS_MAX)
        return NULL;
    struct record_error *error = &verdict->record_errors[verdict->record_error_count++];
    error->batch_index = index;
    return error;
}

/* A difference that does not fit 64 bits is outside of every window. */
static bool timestamp_is_in_window(const struct batch_rules *rules, int64_t timestamp)
{
    int64_t age;
    if (__builtin_sub_overflow(rules->now_ms, timestamp, &age))
        return false;
    return age <= rules->timestamp_before_max_ms && age >= -rules->timestamp_after_max_ms;
}

/* Kafka looks at the window under CreateTime only. Append time is for the broker to write, yet a
 * batch that claims it may pass under CreateTime, where batch_stamp takes the claim away. */
static void check_record_timestamp(struct check *check, int32_t index, int64_t timestamp)
{
    const struct batch_rules *rules = check->rules;
    bool claims_append_time =
        batch_timestamp_type(&check->verdict->header) == TIMESTAMP_LOG_APPEND_TIME;
    bool window_counts =
        rules->timestamp_type == TIMESTAMP_CREATE_TIME && timestamp != NO_TIMESTAMP;
    if (window_counts ? timestamp_is_in_window(rules, timestamp) : !claims_append_time)
        return;
    check->timestamp_is_invalid = true;
    struct record_error *error = check_record_fails(check, index);
    if (error == NULL)
        return;
    error->message =
        window_counts
            ? check_text(check, "Timestamp %lld of message with offset %d is out of range.",
                         (long long)timestamp, index)
            : "Producer should not set timestamp type to LogAppendTime.";
}

static int64_t check_timestamp_of(const struct check *check, const struct record_shape *shape)
{
    const struct batch_header *header = &check->verdict->header;
    if (batch_timestamp_type(header) == TIMESTAMP_LOG_APPEND_TIME)
        return header->max_timestamp;
    return batch_timestamp_add(header->base_timestamp, shape->timestamp_delta);
}

static void check_record_content(struct check *check, int32_t index,
                                 const struct record_shape *shape)
{
    assert(index >= 0);
    if (check->rules->key_is_required && shape->key_size < 0) {
        struct record_error *error = check_record_fails(check, index);
        if (error != NULL)
            error->message = "Compacted topic cannot accept message without key.";
        return;
    }
    int64_t timestamp = check_timestamp_of(check, shape);
    check_record_timestamp(check, index, timestamp);
    if (timestamp > check->verdict->max_timestamp) {
        check->verdict->max_timestamp = timestamp;
        check->verdict->max_timestamp_delta = index;
    }
}

/* Why the cursor stopped: the source gave out, or its bytes are no record. */
static bool check_broken_at(struct check *check, const struct record_cursor *cursor, int32_t index)
{
    assert(index >= 0);
    switch ((int)cursor->source_status) {
    case STATUS_OK:
        return check_fail(check, KAFKA_INVALID_RECORD,
                          check_text(check, "Record %d of the batch is malformed.", index));
    case STATUS_TOO_LARGE:
        return check_fail(check, KAFKA_MESSAGE_TOO_LARGE,
                          "The records are too large when decompressed.");
    case STATUS_NO_MEMORY:
        /* Nothing was written and the client may simply try again: clients know that of this. */
        return check_fail(check, KAFKA_REQUEST_TIMED_OUT,
                          "There is no memory to decompress with at the moment.");
    default: return check_fail(check, KAFKA_CORRUPT_MESSAGE, "The records cannot be decompressed.");
    }
}

static bool check_every_record(struct check *check, struct record_cursor *cursor)
{
    int32_t count = check->verdict->header.record_count;
    assert(count > 0);
    for (int32_t index = 0; index < count; index++) {
        struct record_shape shape;
        if (!record_cursor_next(cursor, &shape))
            return check_broken_at(check, cursor, index);
        if (shape.offset_delta != index)
            return check_fail(check, KAFKA_INVALID_RECORD,
                              check_text(check, "Record %d of the batch has the offset delta %d.",
                                         index, shape.offset_delta));
        check_record_content(check, index, &shape);
    }
    if (record_cursor_is_at_end(cursor))
        return true;
    if (cursor->source_status != STATUS_OK)
        return check_broken_at(check, cursor, count);
    return check_fail(check, KAFKA_INVALID_RECORD,
                      "The batch holds more than the records it counts.");
}

static bool check_compressed_records(struct check *check, struct bytes stored)
{
    assert(check->compression < COMPRESSION_COUNT);
    assert(check->compression != COMPRESSION_NONE);
    uint8_t window[RECORD_WINDOW_SIZE];
    struct record_cursor cursor;
    struct decompressor *source;
    enum status status = decompressor_create(
        check->compression, stored, check->rules->records_bytes_max, check->rules->spare, &source);
    if (status != STATUS_OK) {
        cursor = (struct record_cursor){.source_status = status};
        return check_broken_at(check, &cursor, 0);
    }
    record_cursor_init_stream(&cursor, source, window);
    bool good = check_every_record(check, &cursor);
    decompressor_destroy(source);
    return good;
}

static bool check_records(struct check *check)
{
    assert(check->verdict->error == KAFKA_NONE);
    struct bytes batch = check->verdict->batch;
    assert(batch.size >= BATCH_HEADER_SIZE);
    struct bytes stored = bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE);
    check->verdict->max_timestamp = NO_TIMESTAMP;
    if (check->compression != COMPRESSION_NONE)
        return check_compressed_records(check, stored);
    struct record_cursor cursor;
    record_cursor_init(&cursor, stored);
    return check_every_record(check, &cursor);
}

/* The rules that single records broke, in one answer. */
static bool check_record_errors(struct check *check)
{
    assert(check->record_is_invalid || !check->timestamp_is_invalid);
    if (!check->record_is_invalid)
        return true;
    if (check->timestamp_is_invalid)
        return check_fail(check, KAFKA_INVALID_TIMESTAMP,
                          "One or more records have been rejected due to invalid timestamp");
    return check_fail(check, KAFKA_INVALID_RECORD,
                      "One or more records have been rejected; see the record errors");
}

void batch_validate(struct bytes records, const struct batch_rules *rules, struct arena *arena,
                    struct batch_verdict *verdict)
{
    assert(arena != NULL);
    assert(verdict != NULL);
    assert(rules->message_bytes_max >= 0);
    assert(rules->timestamp_before_max_ms >= 0);
    assert(rules->timestamp_after_max_ms >= 0);
    *verdict = (struct batch_verdict){.error = KAFKA_NONE};
    struct check check = {.rules = rules, .arena = arena, .verdict = verdict};
    bool good = check_one_batch(&check, records) && check_integrity(&check) &&
                check_header(&check) && check_records(&check) && check_record_errors(&check);
    assert(good == (verdict->error == KAFKA_NONE));
    assert(!good || verdict->max_timestamp_delta < verdict->header.record_count);
    if (good && rules->timestamp_type == TIMESTAMP_LOG_APPEND_TIME) {
        verdict->max_timestamp = rules->now_ms;
        verdict->max_timestamp_delta = 0;
    }
}

/* Only after the verdict, and only if something changes: a new checksum costs a pass over the
 * batch. */
void batch_stamp(uint8_t *batch, const struct batch_rules *rules,
                 const struct batch_verdict *verdict)
{
    assert(verdict->error == KAFKA_NONE);
    assert(batch == verdict->batch.data);
    batch_set_max_timestamp(batch, rules->timestamp_type, verdict->max_timestamp);
}
