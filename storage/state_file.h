/* What a log knows about itself at one offset, its recovery point: everything below lies in its
 * segments and is synced. Recorded in the catalog (catalog.h) at a roll, from time to time while
 * the log grows, at checkpoints and at a stop; a rebuild from the batches below the recovery point
 * would give the same.
 *
 *   offset  size
 *        0     4  magic "TRS1"
 *        4     4  version, 3
 *        8     4  size of the whole in bytes
 *       12     4  CRC32C of the whole with this field as zero
 *       16    16  topic id
 *       32     4  partition
 *       36     4  number of segments
 *       40     4  number of leader epochs
 *       44     4  number of producers
 *       48     8  start offset of the log
 *       56     8  recovery point
 *       64     8  cleaned offset: compaction has gone through everything below
 *       72     4  number of damaged ranges
 *       76     4  size of the topic's name
 *       80     4  number of transactions that are not decided
 *       84     4  zero
 *       88        segments: base offset i64, size u64, greatest timestamp i64,
 *                 generation u32, zero u32, wall time of the first and of the last append i64
 *                 (-1: none), first offset of the earliest transaction that a marker in the segment
 *                 has aborted i64 (-1: none)
 *                 leader epochs: epoch i32, zero u32, start offset i64
 *                 producers: id i64, epoch i16, batch count u16, coordinator epoch i32 (-1: none),
 *                 time of the last batch or marker i64, and for each batch base sequence i32, last
 *                 sequence i32, base offset i64, last offset i64, time i64
 *                 transactions, by first offset: producer id i64, first offset i64, offset of the
 *                 marker i64 (-1: open); one whose marker was not known to be committed is among
 *                 them
 *                 damaged ranges: from i64, to i64
 *                 the topic's name
 *
 * Little-endian. */
#ifndef TAILRACE_STORAGE_STATE_FILE_H
#define TAILRACE_STORAGE_STATE_FILE_H

#include "storage/damage_core.h"
#include "storage/epoch_core.h"
#include "storage/log.h"
#include "storage/producer_core.h"

struct state_segment {
    int64_t base_offset;
    uint64_t size_bytes; /* of data; the file may be longer */
    int64_t max_timestamp_ms;
    uint32_t generation;
    uint32_t zero;
    int64_t created_ms;
    int64_t appended_ms;
    int64_t aborted_from;
};

struct state {
    struct uuid topic_id;
    int32_t partition;
    int64_t start_offset;
    int64_t recovery_offset;
    int64_t cleaned_offset;
    struct state_segment *segments;
    uint32_t segment_count;
    const struct epoch_core *epochs;
    const struct producer_core *producers;
    const struct damage_core *damages;
    struct bytes topic_name; /* of a decoded state: borrowed from the content */
};

/* Where a decoded state goes; all empty before. */
struct state_cores {
    struct epoch_core *epochs;
    struct producer_core *producers;
    struct damage_core *damages;
};

/* In memory of its own, which the caller frees; null bytes when there is none. */
struct bytes state_encode(const struct state *state);

/* Fills the cores, and a `segments` of its own, which the caller frees. STATUS_CORRUPT,
 * STATUS_UNSUPPORTED (another version), STATUS_NO_MEMORY. */
enum status state_decode(struct bytes content, struct state *state,
                         const struct state_cores *cores);

/* The name alone, borrowed from the content. */
enum status state_topic_name(struct bytes content, struct bytes *topic_name);

#endif
