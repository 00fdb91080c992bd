#include "cli/seek_core.h"

#include "base/assert.h"

#include <stddef.h>

static int64_t clamp(int64_t offset, const struct seek_facts *facts)
{
    if (offset < facts->log_start)
        return facts->log_start;
    return offset > facts->log_end ? facts->log_end : offset;
}

static int64_t shift(int64_t offset, int64_t distance)
{
    int64_t sum;
    if (__builtin_add_overflow(offset, distance, &sum))
        return distance > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

bool seek_resolve(enum seek_mode mode, int64_t number, const struct seek_facts *facts,
                  int64_t *offset)
{
    assert(offset != NULL);
    assert(facts != NULL);
    bool is_committed = facts->committed >= 0;
    switch (mode) {
    case SEEK_EARLIEST: *offset = facts->log_start; return true;
    case SEEK_LATEST: *offset = facts->log_end; return true;
    case SEEK_OFFSET: *offset = clamp(number, facts); return true;
    case SEEK_TIME: *offset = facts->by_time >= 0 ? facts->by_time : facts->log_end; return true;
    case SEEK_SHIFT:
        if (is_committed)
            *offset = clamp(shift(facts->committed, number), facts);
        return is_committed;
    case SEEK_CURRENT: *offset = is_committed ? facts->committed : facts->log_end; return true;
    }
    unreachable();
}
