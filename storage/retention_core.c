#include "storage/retention_core.h"

#include "base/assert.h"

#include <stddef.h>

static bool is_too_large_without(const struct retention_log *log, uint64_t segment_bytes)
{
    assert(segment_bytes <= log->size_bytes);
    return log->retention_bytes >= 0 &&
           log->size_bytes - segment_bytes >= (uint64_t)log->retention_bytes;
}

/* The newest that anything in the segment can be; -1: not known, and then it does not age. */
static int64_t newest_ms(const struct retention_segment *segment)
{
    if (segment->max_timestamp_ms < 0)
        return segment->appended_ms;
    if (segment->appended_ms < 0 || segment->max_timestamp_ms < segment->appended_ms)
        return segment->max_timestamp_ms;
    return segment->appended_ms;
}

static bool is_too_old(const struct retention_log *log, const struct retention_segment *segment)
{
    int64_t newest = newest_ms(segment);
    return log->retention_ms >= 0 && log->now_ms >= 0 && newest >= 0 && log->now_ms > newest &&
           log->now_ms - newest > log->retention_ms;
}

enum retention_reason retention_core_judge(const struct retention_log *log,
                                           const struct retention_segment *oldest)
{
    assert(log->start_offset >= 0);
    assert(log->start_offset <= log->limit_offset);
    assert(oldest->size_bytes <= log->size_bytes);
    assert(log->retention_ms >= -1);
    assert(log->retention_bytes >= -1);
    if (oldest->next_offset > log->limit_offset)
        return RETENTION_KEEP;
    if (oldest->next_offset <= log->start_offset)
        return RETENTION_START_OFFSET;
    if (!log->deletes)
        return RETENTION_KEEP;
    if (is_too_large_without(log, oldest->size_bytes))
        return RETENTION_SIZE;
    return is_too_old(log, oldest) ? RETENTION_TIME : RETENTION_KEEP;
}

const char *retention_reason_text(enum retention_reason reason)
{
    switch (reason) {
    case RETENTION_KEEP: return "none";
    case RETENTION_START_OFFSET: return "start offset";
    case RETENTION_SIZE: return "retention.bytes";
    case RETENTION_TIME: return "retention.ms";
    }
    unreachable();
}

int64_t retention_core_segment_ms(int64_t segment_ms, int64_t jitter_ms, uint64_t segment_hash)
{
    assert(segment_ms > 0);
    assert(jitter_ms >= 0);
    int64_t range_ms = jitter_ms < segment_ms ? jitter_ms : segment_ms;
    if (range_ms == 0)
        return segment_ms;
    int64_t jittered_ms = segment_ms - (int64_t)(segment_hash % (uint64_t)range_ms);
    assert(jittered_ms > 0);
    assert(jittered_ms <= segment_ms);
    return jittered_ms;
}

int64_t retention_clock_check(struct retention_clock *clock, int64_t wall_ms, int64_t steady_ms,
                              int64_t *jumped_ms)
{
    assert(wall_ms >= 0); /* -1 is the answer that says: in doubt */
    assert(!clock->has_begun || steady_ms >= clock->steady_ms);
    assert(jumped_ms != NULL);
    int64_t ahead_ms = 0;
    if (clock->has_begun)
        ahead_ms = (wall_ms - clock->wall_ms) - (steady_ms - clock->steady_ms);
    *jumped_ms = ahead_ms > RETENTION_DRIFT_MS ? ahead_ms : 0;
    if (*jumped_ms > 0)
        clock->doubt_until_ms = steady_ms + RETENTION_DOUBT_MS;
    clock->has_begun = true;
    clock->wall_ms = wall_ms;
    clock->steady_ms = steady_ms;
    return steady_ms < clock->doubt_until_ms ? -1 : wall_ms;
}
