/* The marks are a ring. One that is pushed out by newer ones is not missed: what it stood for is
 * then older than flush.ms, or on disk. */
#include "storage/loose_core.h"

#include "base/assert.h"

enum { MARKS_PER_PERIOD = 8, NS_PER_MS = 1000 * 1000 };

_Static_assert((int)LOOSE_MARKS_MAX > (int)MARKS_PER_PERIOD,
               "the ring reaches back beyond flush.ms");

bool loose_core_is_wanted(int64_t messages, int64_t ms)
{
    assert(messages >= 1);
    assert(ms >= 0);
    bool is_default = messages == INT64_MAX && ms == INT64_MAX;
    return !is_default && messages > 1 && ms > 0;
}

void loose_core_configure(struct loose_core *core, int64_t messages, int64_t ms)
{
    assert(core->count <= LOOSE_MARKS_MAX);
    bool is_wanted = loose_core_is_wanted(messages, ms);
    core->messages = is_wanted ? messages : 1;
    core->ms = ms;
    core->first = 0;
    core->count = 0;
}

static bool has_age_limit(const struct loose_core *core)
{
    assert(core->ms >= 0);
    return core->ms < INT64_MAX / NS_PER_MS;
}

static struct loose_mark *mark_at(struct loose_core *core, uint32_t index)
{
    assert(index < core->count);
    assert(core->first < LOOSE_MARKS_MAX);
    return &core->marks[(core->first + index) % LOOSE_MARKS_MAX];
}

static void drop_oldest(struct loose_core *core)
{
    assert(core->count > 0);
    core->first = (core->first + 1) % LOOSE_MARKS_MAX;
    core->count--;
}

void loose_core_note(struct loose_core *core, int64_t offset, uint64_t now_ns)
{
    assert(offset >= 0);
    if (!has_age_limit(core))
        return;
    if (core->count > 0) {
        const struct loose_mark *newest = mark_at(core, core->count - 1);
        assert(offset >= newest->offset);
        assert(now_ns >= newest->time_ns);
        if (now_ns - newest->time_ns < (uint64_t)core->ms * NS_PER_MS / MARKS_PER_PERIOD)
            return;
    }
    if (core->count == LOOSE_MARKS_MAX)
        drop_oldest(core);
    core->count++;
    assert(core->count <= LOOSE_MARKS_MAX);
    *mark_at(core, core->count - 1) = (struct loose_mark){offset, now_ns};
}

/* Is the oldest record that is not on disk as old as flush.ms? Without a mark for it: surely. */
static bool is_too_old(struct loose_core *core, int64_t durable_offset, uint64_t now_ns)
{
    while (core->count > 1 && mark_at(core, 1)->offset <= durable_offset)
        drop_oldest(core);
    if (core->count == 0 || mark_at(core, 0)->offset > durable_offset)
        return true;
    assert(now_ns >= mark_at(core, 0)->time_ns);
    return now_ns - mark_at(core, 0)->time_ns >= (uint64_t)core->ms * NS_PER_MS;
}

int64_t loose_core_limit(struct loose_core *core, int64_t durable_offset, int64_t end_offset,
                         uint64_t now_ns)
{
    assert(durable_offset >= 0);
    assert(durable_offset <= end_offset);
    assert(core->messages >= 1);
    if (durable_offset == end_offset)
        return end_offset;
    if (has_age_limit(core) && is_too_old(core, durable_offset, now_ns))
        return durable_offset;
    int64_t ahead = core->messages - 1;
    int64_t limit = end_offset - durable_offset <= ahead ? end_offset : durable_offset + ahead;
    assert(limit >= durable_offset);
    assert(limit <= end_offset);
    assert(limit - durable_offset < core->messages);
    return limit;
}

bool loose_core_may_linger(const struct loose_core *core, int64_t durable_offset,
                           int64_t end_offset)
{
    assert(core->messages >= 1);
    assert(durable_offset <= end_offset);
    return end_offset - durable_offset < core->messages / LOOSE_LINGER_SHARE;
}

uint64_t loose_core_linger_ns(const struct loose_core *core)
{
    if (!has_age_limit(core))
        return LOOSE_LINGER_MAX_NS;
    uint64_t share_ns = (uint64_t)core->ms * NS_PER_MS / LOOSE_LINGER_SHARE;
    return share_ns < LOOSE_LINGER_MAX_NS ? share_ns : LOOSE_LINGER_MAX_NS;
}
