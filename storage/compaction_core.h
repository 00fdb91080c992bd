/* Which log to compact next, up to where, and what is made of what. Pure; time comes with the
 * question.
 *
 *      start        cleaned                 end of pass            active segment
 *        │    clean    │         dirty           │   not yet            │
 *   ─────┴─────────────┴─────────────────────────┴──────────────────────┴───────▶ offsets
 *
 * A pass never goes beyond the high watermark, the first offset of an open transaction, the active
 * segment, or the first segment with records younger than min.compaction.lag.ms; it ends where a
 * segment begins. It is due when more than min.cleanable.dirty.ratio of what it would go through is
 * dirty, or when something dirty is older than max.compaction.lag.ms. */
#ifndef TAILRACE_STORAGE_COMPACTION_CORE_H
#define TAILRACE_STORAGE_COMPACTION_CORE_H

#include <stdbool.h>
#include <stdint.h>

struct compaction_segment {
    int64_t base_offset;
    uint64_t size_bytes;
    int64_t max_timestamp_ms; /* -1: empty */
    /* When it was begun, by the broker's clock; -1 where that is not known any more. Kafka takes
     * the first record's timestamp, which its producer chose. */
    int64_t created_ms;
};

/* A log as compaction sees it. */
struct compaction_log {
    const struct compaction_segment *segments; /* by base offset; the last is active */
    uint32_t segment_count;
    int64_t start_offset;
    int64_t cleaned_offset; /* where the last pass ended */
    int64_t limit_offset;   /* high watermark and last stable offset, whichever is less */
    int64_t min_lag_ms;
    int64_t max_lag_ms;
    uint32_t min_dirty_ppm;
};

struct compaction_need {
    int64_t dirty_offset;
    int64_t end_offset;
    uint32_t dirty_ppm; /* of all bytes below end_offset */
    bool is_due;
};

/* `now_ms`: the wall clock, not negative. Nothing is to be done where `end_offset` is
 * `dirty_offset`; otherwise it is where a segment begins, and at most `limit_offset`. */
void compaction_judge(const struct compaction_log *log, int64_t now_ms,
                      struct compaction_need *need);

/* Of how many segments, from the first given on, one new segment is made: as many as fit into
 * segment.bytes together, if nothing of them went, and into offsets of 31 bits. At least one.
 * `end_offset` is where the last of them ends. */
uint32_t compaction_group_count(const struct compaction_segment *segments, uint32_t count,
                                int64_t end_offset, uint64_t segment_bytes_max);

#endif
