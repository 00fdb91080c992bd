/* Kafka's record batch, version 2: the unit that is produced, stored, replicated and fetched.
 *
 *    at  size
 *     0     8  base offset              given by the leader; not covered by the checksum
 *     8     4  batch length             of all that follows this field
 *    12     4  partition leader epoch   given by the leader; not covered by the checksum
 *    16     1  magic                    2
 *    17     4  crc                      CRC-32C of all that follows this field
 *    21     2  attributes               bits 0-2 compression, 3 append time, 4 transactional,
 *                                       5 control, 6 delete horizon
 *    23     4  last offset delta        last offset of the batch less its base offset
 *    27     8  base timestamp           milliseconds; with bit 6 the delete horizon
 *    35     8  max timestamp
 *    43     8  producer id              -1 if none
 *    51     2  producer epoch
 *    53     4  base sequence
 *    57     4  record count
 *    61        records, compressed together if bits 0-2 are not 0 (batch_record.h)
 *
 * All numbers are big-endian. A batch is never re-encoded on its way: what changes, changes in
 * place by the functions below. Pure functions on memory; any core may call them. */
#ifndef TAILRACE_PROTOCOL_BATCH_H
#define TAILRACE_PROTOCOL_BATCH_H

#include "base/bytes.h"
#include "base/status.h"
#include "protocol/compression.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the fields stand. */
enum {
    BATCH_BASE_OFFSET_AT = 0,
    BATCH_LENGTH_AT = 8,
    BATCH_LEADER_EPOCH_AT = 12,
    BATCH_MAGIC_AT = 16,
    BATCH_CRC_AT = 17,
    BATCH_ATTRIBUTES_AT = 21,
    BATCH_LAST_OFFSET_DELTA_AT = 23,
    BATCH_BASE_TIMESTAMP_AT = 27,
    BATCH_MAX_TIMESTAMP_AT = 35,
    BATCH_PRODUCER_ID_AT = 43,
    BATCH_PRODUCER_EPOCH_AT = 51,
    BATCH_BASE_SEQUENCE_AT = 53,
    BATCH_RECORD_COUNT_AT = 57,
    BATCH_HEADER_SIZE = 61,

    BATCH_LENGTH_BASE = BATCH_LEADER_EPOCH_AT, /* the length counts from here */
    BATCH_MAGIC = 2,
    BATCH_SIZE_BYTES_MAX = INT32_MAX,
};

/* Bits of the attributes. */
enum {
    BATCH_COMPRESSION_MASK = 0x07,
    BATCH_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40,
};

/* "None" in the fields of these names. */
enum {
    NO_TIMESTAMP = -1,
    NO_PRODUCER_ID = -1,
    NO_PRODUCER_EPOCH = -1,
    NO_SEQUENCE = -1,
    NO_LEADER_EPOCH = -1,
};

/* message.timestamp.type */
enum timestamp_type { TIMESTAMP_CREATE_TIME = 0, TIMESTAMP_LOG_APPEND_TIME = 1 };

/* The whole header, decoded. */
struct batch_header {
    int64_t base_offset;
    int32_t batch_length;
    int32_t leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
};

/* Takes the next batch off the front of `rest`: whatever its header says, `batch` is as long as its
 * length field and lies within `rest`.
 *   STATUS_TRUNCATED    no whole batch is left, which is how the answer to a fetch may end; an
 * empty `rest` is this too STATUS_MALFORMED    not the start of a batch: a length or magic that no
 * version has STATUS_UNSUPPORTED  a whole message set of the versions 0 or 1, which came before
 * batches `rest` moves on in the cases STATUS_OK and STATUS_UNSUPPORTED only. */
enum status batch_next(struct bytes *rest, struct bytes *batch);

/* Decodes the header at the start of `bytes`, which may end before the records do, or be a whole
 * batch and more. STATUS_TRUNCATED for fewer bytes than a header, STATUS_UNSUPPORTED for another
 * magic, STATUS_MALFORMED for a length that does not even cover the header. No other field is
 * judged: the checksum comes first (batch_crc_is_right), then the rules (batch_validate.h). */
enum status batch_header_read(struct bytes bytes, struct batch_header *header);

/* Writes all 61 bytes, the checksum as it stands in `header`. */
void batch_header_write(const struct batch_header *header, uint8_t to[static BATCH_HEADER_SIZE]);

static inline size_t batch_size_bytes(const struct batch_header *header)
{
    return (size_t)header->batch_length + BATCH_LENGTH_BASE;
}

static inline int64_t batch_last_offset(const struct batch_header *header)
{
    return header->base_offset + header->last_offset_delta;
}

/* Deltas come from clients, so the sum may go beyond the last number; it wraps, as in Java. */
static inline int64_t batch_timestamp_add(int64_t base_timestamp, int64_t delta)
{
    return (int64_t)((uint64_t)base_timestamp + (uint64_t)delta);
}

/* The codec in the attributes; false for the numbers 5 to 7, which mean none. */
static inline bool batch_compression(const struct batch_header *header,
                                     enum compression *compression)
{
    *compression = (enum compression)(header->attributes & BATCH_COMPRESSION_MASK);
    return *compression < COMPRESSION_COUNT;
}

static inline enum timestamp_type batch_timestamp_type(const struct batch_header *header)
{
    return (header->attributes & BATCH_APPEND_TIME) != 0 ? TIMESTAMP_LOG_APPEND_TIME
                                                         : TIMESTAMP_CREATE_TIME;
}

static inline bool batch_is_transactional(const struct batch_header *header)
{
    return (header->attributes & BATCH_TRANSACTIONAL) != 0;
}

static inline bool batch_is_control(const struct batch_header *header)
{
    return (header->attributes & BATCH_CONTROL) != 0;
}

/* Kafka takes every negative id for none. */
static inline bool batch_has_producer_id(const struct batch_header *header)
{
    return header->producer_id > NO_PRODUCER_ID;
}

/* When tombstones and markers of this batch may go (KIP-534); NO_TIMESTAMP if it does not say. */
static inline int64_t batch_delete_horizon_ms(const struct batch_header *header)
{
    return (header->attributes & BATCH_DELETE_HORIZON) != 0 ? header->base_timestamp : NO_TIMESTAMP;
}

/* The sequence number `count` >= 0 after `sequence` >= 0; after 2^31-1 comes 0. */
int32_t batch_sequence_add(int32_t sequence, int32_t count);

/* The sequence number of the last record, also in a batch that spans the end of the numbers;
 * NO_SEQUENCE if the batch has none. */
int32_t batch_last_sequence(const struct batch_header *header);

/* The checksum that a whole batch ought to have. */
uint32_t batch_crc_compute(struct bytes batch);
bool batch_crc_is_right(struct bytes batch);

/* Changes to a whole batch in place. Base offset and leader epoch are outside the checksum. */
void batch_set_base_offset(uint8_t *batch, int64_t base_offset);
void batch_set_leader_epoch(uint8_t *batch, int32_t leader_epoch);

/* Sets max timestamp and timestamp type and renews the checksum; leaves the batch alone if both are
 * so already. As Kafka does for each batch it appends: with the records' own largest timestamp
 * under CreateTime, whatever the producer put there. */
void batch_set_max_timestamp(uint8_t *batch, enum timestamp_type type, int64_t max_timestamp);

/* The same for LogAppendTime: every record now counts as written at `append_time_ms`. */
void batch_set_append_time(uint8_t *batch, int64_t append_time_ms);

#endif
