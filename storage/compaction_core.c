/* The rules are those of Kafka's LogCleanerManager, in our words. */
#include "storage/compaction_core.h"

#include "base/assert.h"

enum { PPM = 1000000, SIZE_UNIT = 4096 };

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The offset behind segment `index`. */
static int64_t segment_end(const struct compaction_log *log, uint32_t index)
{
    assert(index + 1 < log->segment_count); /* the active one has no end */
    assert(log->segments[index].base_offset < log->segments[index + 1].base_offset);
    return log->segments[index + 1].base_offset;
}

static bool is_too_young(const struct compaction_log *log, uint32_t index, int64_t now_ms)
{
    assert(index + 1 < log->segment_count);
    return log->min_lag_ms > 0 && log->segments[index].max_timestamp_ms > now_ms - log->min_lag_ms;
}

/* The base offset of the first segment that must stay as it is. Clean ones may be young: records
 * with timestamps from the future must not stop a log for ever. */
static int64_t find_end(const struct compaction_log *log, int64_t dirty_offset, int64_t now_ms)
{
    assert(log->segment_count > 0);
    assert(dirty_offset >= log->start_offset);
    for (uint32_t i = 0; i + 1 < log->segment_count; i++) {
        bool is_dirty = segment_end(log, i) > dirty_offset;
        if (segment_end(log, i) > log->limit_offset || (is_dirty && is_too_young(log, i, now_ms)))
            return log->segments[i].base_offset;
    }
    return log->segments[log->segment_count - 1].base_offset;
}

struct tally {
    uint64_t dirty_units;
    uint64_t total_units;
    int64_t oldest_ms; /* of what is dirty; INT64_MAX if nothing is */
};

static void count_segment(struct tally *tally, const struct compaction_segment *segment,
                          bool is_dirty)
{
    uint64_t units = segment->size_bytes / SIZE_UNIT + (segment->size_bytes % SIZE_UNIT != 0);
    tally->total_units += units;
    if (!is_dirty)
        return;
    tally->dirty_units += units;
    assert(tally->dirty_units <= tally->total_units);
    int64_t begun_ms = segment->created_ms >= 0 ? segment->created_ms : segment->max_timestamp_ms;
    if (begun_ms >= 0)
        tally->oldest_ms = lesser(tally->oldest_ms, begun_ms);
}

static bool has_waited_too_long(const struct compaction_log *log, const struct tally *tally,
                                int64_t now_ms)
{
    return tally->oldest_ms != INT64_MAX && log->max_lag_ms < now_ms &&
           tally->oldest_ms < now_ms - log->max_lag_ms;
}

void compaction_judge(const struct compaction_log *log, int64_t now_ms,
                      struct compaction_need *need)
{
    assert(log->min_lag_ms >= 0);
    assert(log->max_lag_ms >= 0);
    assert(log->min_dirty_ppm <= PPM);
    assert(now_ms >= 0); /* else what lies a lag before it might be no number */
    *need =
        (struct compaction_need){.dirty_offset = greater(log->start_offset, log->cleaned_offset)};
    need->end_offset = need->dirty_offset;
    if (log->segment_count < 2)
        return;
    need->end_offset = greater(need->dirty_offset, find_end(log, need->dirty_offset, now_ms));
    struct tally tally = {.oldest_ms = INT64_MAX};
    for (uint32_t i = 0; i + 1 < log->segment_count; i++) {
        if (segment_end(log, i) <= need->end_offset)
            count_segment(&tally, &log->segments[i], segment_end(log, i) > need->dirty_offset);
    }
    if (tally.dirty_units == 0)
        return;
    assert(tally.dirty_units <= tally.total_units);
    need->dirty_ppm = (uint32_t)(tally.dirty_units * PPM / tally.total_units);
    assert(need->dirty_ppm <= PPM);
    assert(need->end_offset > need->dirty_offset); /* Something is dirty, and lies in between. */
    assert(need->end_offset <= log->limit_offset);
    assert(need->end_offset <= log->segments[log->segment_count - 1].base_offset);
    need->is_due = need->dirty_ppm > log->min_dirty_ppm || has_waited_too_long(log, &tally, now_ms);
}

uint32_t compaction_group_count(const struct compaction_segment *segments, uint32_t count,
                                int64_t end_offset, uint64_t segment_bytes_max)
{
    assert(count > 0);
    assert(end_offset > segments[count - 1].base_offset);
    uint64_t size_bytes = segments[0].size_bytes;
    uint32_t taken = 1;
    for (; taken < count; taken++) {
        int64_t end = taken + 1 < count ? segments[taken + 1].base_offset : end_offset;
        assert(end > segments[taken].base_offset);
        size_bytes += segments[taken].size_bytes;
        if (size_bytes > segment_bytes_max || end - 1 - segments[0].base_offset > INT32_MAX)
            break;
    }
    assert(taken >= 1);
    assert(taken <= count);
    return taken;
}
