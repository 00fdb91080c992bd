/* Fields are read and written at fixed places; the assertions below tie these places to each other,
 * so that none can be moved alone. Only fields outside the checksum may be changed without renewing
 * it. */
#include "protocol/batch.h"

#include "base/assert.h"
#include "base/crc32c.h"

static_assert(BATCH_LENGTH_AT == BATCH_BASE_OFFSET_AT + sizeof(int64_t), "layout of a batch");
static_assert(BATCH_LEADER_EPOCH_AT == BATCH_LENGTH_AT + sizeof(int32_t), "layout of a batch");
static_assert(BATCH_MAGIC_AT == BATCH_LEADER_EPOCH_AT + sizeof(int32_t), "layout of a batch");
static_assert(BATCH_CRC_AT == BATCH_MAGIC_AT + sizeof(int8_t), "layout of a batch");
static_assert(BATCH_ATTRIBUTES_AT == BATCH_CRC_AT + sizeof(uint32_t), "layout of a batch");
static_assert(BATCH_LAST_OFFSET_DELTA_AT == BATCH_ATTRIBUTES_AT + sizeof(int16_t),
              "layout of a batch");
static_assert(BATCH_BASE_TIMESTAMP_AT == BATCH_LAST_OFFSET_DELTA_AT + sizeof(int32_t),
              "layout of a batch");
static_assert(BATCH_MAX_TIMESTAMP_AT == BATCH_BASE_TIMESTAMP_AT + sizeof(int64_t),
              "layout of a batch");
static_assert(BATCH_PRODUCER_ID_AT == BATCH_MAX_TIMESTAMP_AT + sizeof(int64_t),
              "layout of a batch");
static_assert(BATCH_PRODUCER_EPOCH_AT == BATCH_PRODUCER_ID_AT + sizeof(int64_t),
              "layout of a batch");
static_assert(BATCH_BASE_SEQUENCE_AT == BATCH_PRODUCER_EPOCH_AT + sizeof(int16_t),
              "layout of a batch");
static_assert(BATCH_RECORD_COUNT_AT == BATCH_BASE_SEQUENCE_AT + sizeof(int32_t),
              "layout of a batch");
static_assert(BATCH_HEADER_SIZE == BATCH_RECORD_COUNT_AT + sizeof(int32_t), "layout of a batch");

/* The smallest length that the oldest message format had; Kafka tells broken bytes by it. */
enum { LENGTH_MIN_ANY_MAGIC = 14, FRAME_HEADER_SIZE = BATCH_MAGIC_AT + 1 };

enum status batch_next(struct bytes *rest, struct bytes *batch)
{
    assert(rest->data != NULL || rest->size == 0);
    assert(batch != NULL);
    if (rest->size < BATCH_LENGTH_BASE)
        return STATUS_TRUNCATED;
    int32_t length = (int32_t)load_u32_be(rest->data + BATCH_LENGTH_AT);
    if (length < LENGTH_MIN_ANY_MAGIC || length > BATCH_SIZE_BYTES_MAX - BATCH_LENGTH_BASE)
        return STATUS_MALFORMED;
    if (rest->size < FRAME_HEADER_SIZE)
        return STATUS_TRUNCATED;
    int8_t magic = (int8_t)rest->data[BATCH_MAGIC_AT];
    if (magic < 0 || magic > BATCH_MAGIC)
        return STATUS_MALFORMED;
    size_t size = (size_t)length + BATCH_LENGTH_BASE;
    if (rest->size < size)
        return STATUS_TRUNCATED;
    if (magic == BATCH_MAGIC && size < BATCH_HEADER_SIZE)
        return STATUS_MALFORMED;
    *batch = bytes_of(rest->data, size);
    *rest = bytes_of(rest->data + size, rest->size - size);
    return magic == BATCH_MAGIC ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status batch_header_read(struct bytes bytes, struct batch_header *header)
{
    assert(header != NULL);
    assert(bytes.data != NULL || bytes.size == 0);
    if (bytes.size < BATCH_HEADER_SIZE)
        return STATUS_TRUNCATED;
    const uint8_t *from = bytes.data;
    *header = (struct batch_header){
        .base_offset = (int64_t)load_u64_be(from + BATCH_BASE_OFFSET_AT),
        .batch_length = (int32_t)load_u32_be(from + BATCH_LENGTH_AT),
        .leader_epoch = (int32_t)load_u32_be(from + BATCH_LEADER_EPOCH_AT),
        .magic = (int8_t)from[BATCH_MAGIC_AT],
        .crc = load_u32_be(from + BATCH_CRC_AT),
        .attributes = (int16_t)load_u16_be(from + BATCH_ATTRIBUTES_AT),
        .last_offset_delta = (int32_t)load_u32_be(from + BATCH_LAST_OFFSET_DELTA_AT),
        .base_timestamp = (int64_t)load_u64_be(from + BATCH_BASE_TIMESTAMP_AT),
        .max_timestamp = (int64_t)load_u64_be(from + BATCH_MAX_TIMESTAMP_AT),
        .producer_id = (int64_t)load_u64_be(from + BATCH_PRODUCER_ID_AT),
        .producer_epoch = (int16_t)load_u16_be(from + BATCH_PRODUCER_EPOCH_AT),
        .base_sequence = (int32_t)load_u32_be(from + BATCH_BASE_SEQUENCE_AT),
        .record_count = (int32_t)load_u32_be(from + BATCH_RECORD_COUNT_AT),
    };
    if (header->magic != BATCH_MAGIC)
        return STATUS_UNSUPPORTED;
    if (header->batch_length < BATCH_HEADER_SIZE - BATCH_LENGTH_BASE ||
        header->batch_length > BATCH_SIZE_BYTES_MAX - BATCH_LENGTH_BASE)
        return STATUS_MALFORMED;
    return STATUS_OK;
}

void batch_header_write(const struct batch_header *header, uint8_t to[static BATCH_HEADER_SIZE])
{
    assert(header->batch_length <= BATCH_SIZE_BYTES_MAX - BATCH_LENGTH_BASE);
    assert(header->magic == BATCH_MAGIC);
    assert(header->batch_length >= BATCH_HEADER_SIZE - BATCH_LENGTH_BASE);
    store_u64_be(to + BATCH_BASE_OFFSET_AT, (uint64_t)header->base_offset);
    store_u32_be(to + BATCH_LENGTH_AT, (uint32_t)header->batch_length);
    store_u32_be(to + BATCH_LEADER_EPOCH_AT, (uint32_t)header->leader_epoch);
    to[BATCH_MAGIC_AT] = (uint8_t)header->magic;
    store_u32_be(to + BATCH_CRC_AT, header->crc);
    store_u16_be(to + BATCH_ATTRIBUTES_AT, (uint16_t)header->attributes);
    store_u32_be(to + BATCH_LAST_OFFSET_DELTA_AT, (uint32_t)header->last_offset_delta);
    store_u64_be(to + BATCH_BASE_TIMESTAMP_AT, (uint64_t)header->base_timestamp);
    store_u64_be(to + BATCH_MAX_TIMESTAMP_AT, (uint64_t)header->max_timestamp);
    store_u64_be(to + BATCH_PRODUCER_ID_AT, (uint64_t)header->producer_id);
    store_u16_be(to + BATCH_PRODUCER_EPOCH_AT, (uint16_t)header->producer_epoch);
    store_u32_be(to + BATCH_BASE_SEQUENCE_AT, (uint32_t)header->base_sequence);
    store_u32_be(to + BATCH_RECORD_COUNT_AT, (uint32_t)header->record_count);
}

int32_t batch_sequence_add(int32_t sequence, int32_t count)
{
    assert(sequence >= 0);
    assert(count >= 0);
    return (int32_t)(((uint32_t)sequence + (uint32_t)count) & INT32_MAX);
}

int32_t batch_last_sequence(const struct batch_header *header)
{
    if (header->base_sequence < 0 || header->last_offset_delta < 0)
        return NO_SEQUENCE;
    return batch_sequence_add(header->base_sequence, header->last_offset_delta);
}

uint32_t batch_crc_compute(struct bytes batch)
{
    assert(batch.size >= BATCH_HEADER_SIZE);
    return crc32c(0, batch.data + BATCH_ATTRIBUTES_AT, batch.size - BATCH_ATTRIBUTES_AT);
}

bool batch_crc_is_right(struct bytes batch)
{
    return batch_crc_compute(batch) == load_u32_be(batch.data + BATCH_CRC_AT);
}

void batch_set_base_offset(uint8_t *batch, int64_t base_offset)
{
    assert(batch != NULL);
    assert(base_offset >= 0);
    store_u64_be(batch + BATCH_BASE_OFFSET_AT, (uint64_t)base_offset);
}

void batch_set_leader_epoch(uint8_t *batch, int32_t leader_epoch)
{
    assert(batch != NULL);
    assert(leader_epoch >= NO_LEADER_EPOCH);
    store_u32_be(batch + BATCH_LEADER_EPOCH_AT, (uint32_t)leader_epoch);
}

void batch_set_max_timestamp(uint8_t *batch, enum timestamp_type type, int64_t max_timestamp)
{
    assert(batch[BATCH_MAGIC_AT] == BATCH_MAGIC);
    uint16_t before = load_u16_be(batch + BATCH_ATTRIBUTES_AT);
    uint16_t attributes = before & (uint16_t)~BATCH_APPEND_TIME;
    if (type == TIMESTAMP_LOG_APPEND_TIME)
        attributes |= BATCH_APPEND_TIME;
    if (attributes == before &&
        load_u64_be(batch + BATCH_MAX_TIMESTAMP_AT) == (uint64_t)max_timestamp)
        return;
    store_u16_be(batch + BATCH_ATTRIBUTES_AT, attributes);
    store_u64_be(batch + BATCH_MAX_TIMESTAMP_AT, (uint64_t)max_timestamp);
    size_t size = (size_t)load_u32_be(batch + BATCH_LENGTH_AT) + BATCH_LENGTH_BASE;
    store_u32_be(batch + BATCH_CRC_AT, batch_crc_compute(bytes_of(batch, size)));
}

void batch_set_append_time(uint8_t *batch, int64_t append_time_ms)
{
    assert(append_time_ms >= 0);
    batch_set_max_timestamp(batch, TIMESTAMP_LOG_APPEND_TIME, append_time_ms);
}
