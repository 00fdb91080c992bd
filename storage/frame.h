/* A frame: the unit in which batches lie in a segment. Whole blocks, so that writing one never
 * touches bytes that were acknowledged before.
 *
 *   offset  size
 *        0     4  magic "TRF1"
 *        4     1  version, 1
 *        5     1  flags: bit 0, direct (one large batch that the journal does not hold)
 *        6     2  header size, 64
 *        8     4  payload size in bytes
 *       12     4  number of batches
 *       16     8  base offset of the first batch
 *       24     8  last offset of the last batch
 *       32     4  leader epoch of the last batch
 *       36     4  zero
 *       40     8  greatest max timestamp of its batches
 *       48     8  durable offset of the log when the frame was sealed
 *       56     4  CRC32C
 *       60     4  zero
 *       64        the batches, back to back, as Kafka sends them
 *                 zeros up to the next multiple of 4096
 *
 * The CRC32C covers: topic id, partition, base offset and generation of the segment, and the
 * position in its file, 8 bytes (which the frame does not hold: a frame that ends up in the wrong
 * place, or is read from there, is not accepted); the header with its CRC as zero; and of every
 * batch the 21 bytes that Kafka's own checksum leaves out (base offset, length, leader epoch,
 * magic, crc). Kafka's checksum covers the rest of each batch, so every byte is covered and nothing
 * is summed twice. A magic of zero is the end of the segment's data. */
#ifndef TAILRACE_STORAGE_FRAME_H
#define TAILRACE_STORAGE_FRAME_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_HEADER_SIZE = 64,
    FRAME_ALIGNMENT = 4096,
    FRAME_SMALL_SIZE_MAX = 64 * 1024, /* of a frame that gathers small batches */
    FRAME_MAGIC = 0x31465254,         /* "TRF1" */
    FRAME_VERSION = 1,
    FRAME_FLAG_DIRECT = 1,
};

/* As stored. */
struct frame_header {
    uint32_t magic;
    uint8_t version;
    uint8_t flags;
    uint16_t header_size;
    uint32_t payload_size;
    uint32_t batch_count;
    int64_t base_offset;
    int64_t last_offset;
    int32_t leader_epoch;
    uint32_t zero;
    int64_t max_timestamp_ms;
    int64_t durable_offset;
    uint32_t crc;
    uint32_t zero_end;
};
_Static_assert(sizeof(struct frame_header) == FRAME_HEADER_SIZE, "stored format");
_Static_assert(offsetof(struct frame_header, payload_size) == 8, "stored format");
_Static_assert(offsetof(struct frame_header, batch_count) == 12, "stored format");
_Static_assert(offsetof(struct frame_header, base_offset) == 16, "stored format");
_Static_assert(offsetof(struct frame_header, last_offset) == 24, "stored format");
_Static_assert(offsetof(struct frame_header, leader_epoch) == 32, "stored format");
_Static_assert(offsetof(struct frame_header, max_timestamp_ms) == 40, "stored format");
_Static_assert(offsetof(struct frame_header, durable_offset) == 48, "stored format");
_Static_assert(offsetof(struct frame_header, crc) == 56, "stored format");

/* The segment that a frame belongs to; with its position there, part of its checksum. */
struct frame_place {
    struct uuid topic_id;
    int32_t partition;
    int64_t segment_base_offset;
    uint32_t segment_generation;
};

/* What a header needs to know that is not in the batches. */
struct frame_facts {
    uint32_t payload_size;
    uint32_t batch_count;
    int64_t base_offset;
    int64_t last_offset;
    int32_t leader_epoch;
    int64_t max_timestamp_ms;
    int64_t durable_offset;
    bool is_direct;
};

/* The bytes a frame of this payload takes in the segment. */
static inline uint64_t frame_stored_size(uint64_t payload_size)
{
    return (FRAME_HEADER_SIZE + payload_size + FRAME_ALIGNMENT - 1) &
           ~(uint64_t)(FRAME_ALIGNMENT - 1);
}

/* Writes the header in front of the payload that already lies at `frame + FRAME_HEADER_SIZE`, and
 * the zeros behind it. `frame` has room for frame_stored_size(payload_size); the payload is whole
 * batches, at most INT32_MAX bytes; `position` is a multiple of FRAME_ALIGNMENT. */
void frame_seal(uint8_t *frame, const struct frame_place *place, uint64_t position,
                const struct frame_facts *facts);

enum frame_verdict {
    FRAME_GOOD,
    FRAME_END,   /* zeros: nothing was ever written here */
    FRAME_SHORT, /* more bytes are needed than `available` holds: `needed_size` says how many */
    FRAME_BAD,
    FRAME_FOREIGN, /* whole, with a header that is not this place's: of another segment, if nothing
                      has damaged it. Only frame_verify says so */
};

/* Reads the header at the start of `available` without looking at the payload. GOOD, SHORT (with
 * the stored size of the whole frame in `needed_size`), END or BAD. */
enum frame_verdict frame_peek(struct bytes available, struct frame_header *header,
                              uint64_t *needed_size);

/* Checks everything: header, place, every batch and its checksum, offsets in order. */
enum frame_verdict frame_verify(struct bytes available, const struct frame_place *place,
                                uint64_t position, struct frame_header *header,
                                uint64_t *needed_size);

/* Whether the frame at the start of `head`, of one batch and too large to be here as a whole, is
 * one of this place: everything but what Kafka's own checksum covers. */
bool frame_verify_head(struct bytes head, const struct frame_place *place, uint64_t position);

#endif
