/* Which segments of a log may go, and whether the clock may be believed about it. Pure.
 *
 * Kafka's rules. Only the oldest segment is ever looked at, and it goes for the first of these
 * reasons that holds:
 *
 *   start offset   all of it lies below the start of the log (DeleteRecords moved that); whatever
 *                  cleanup.policy says
 *   size           without it the log is still at least retention.bytes large
 *   time           its newest record is older than retention.ms
 *
 * and never anything at or above the limit, the high watermark. The active segment is no exception:
 * it is closed first.
 *
 * Unlike in Kafka a segment is never younger than its last append, whatever its timestamps say:
 * with nanoseconds taken for milliseconds nothing would be deleted for centuries (KIP-937). */
#ifndef TAILRACE_STORAGE_RETENTION_CORE_H
#define TAILRACE_STORAGE_RETENTION_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum retention_reason { RETENTION_KEEP, RETENTION_START_OFFSET, RETENTION_SIZE, RETENTION_TIME };

struct retention_segment {
    int64_t next_offset; /* after its last record */
    uint64_t size_bytes;
    int64_t max_timestamp_ms; /* -1: none is known */
    int64_t appended_ms;      /* wall time of the last append; -1: not known */
};

struct retention_log {
    bool deletes;            /* cleanup.policy has delete */
    int64_t retention_ms;    /* -1: none */
    int64_t retention_bytes; /* -1: none */
    uint64_t size_bytes;     /* of the whole log, from the segment that is judged on */
    int64_t start_offset;
    int64_t limit_offset;
    int64_t now_ms; /* wall clock; -1 when it cannot be believed: nothing goes for its age */
};

/* Of the oldest segment of the log. */
enum retention_reason retention_core_judge(const struct retention_log *log,
                                           const struct retention_segment *oldest);

/* For the log; "start offset", ... */
const char *retention_reason_text(enum retention_reason reason);

/* How long a segment takes appends: segment.ms less a share of segment.jitter.ms, which is the same
 * for the same segment each time and differs from segment to segment, so that not all roll at
 * once. */
int64_t retention_core_segment_ms(int64_t segment_ms, int64_t jitter_ms, uint64_t segment_hash);

/* The wall clock against the steady one, from check to check. A clock that jumps forward by a year
 * would make all there is look a year old. So when between two checks more wall time has passed
 * than steady time, by more than RETENTION_DRIFT_MS, nothing goes for its age for
 * RETENTION_DOUBT_MS after that: time for somebody to read the warning and mend the clock. A jump
 * back deletes nothing, and needs no doubt. */
enum { RETENTION_DRIFT_MS = 60 * 1000, RETENTION_DOUBT_MS = 60 * 60 * 1000 };

struct retention_clock {
    bool has_begun;
    int64_t wall_ms; /* at the last check */
    int64_t steady_ms;
    int64_t doubt_until_ms; /* steady */
};

/* What a check may take for the time: `wall_ms`, or -1 while it is in doubt. `jumped_ms`: how far
 * it has just jumped, 0 if it has not. */
int64_t retention_clock_check(struct retention_clock *clock, int64_t wall_ms, int64_t steady_ms,
                              int64_t *jumped_ms);

#endif
