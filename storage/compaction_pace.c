/* A pause is longer than a slice, so compaction takes less than half of a core however much there
 * is to do; and it is short, so that whoever waits for compaction to give up need not wait long. */
#include "storage/compaction_pace.h"

#include "base/assert.h"

enum {
    SLICE_EFFORT_MAX = 128 * 1024, /* bytes, about */
    RECORD_EFFORT = 64, /* looking up a key costs as much as going through so many bytes */
    PAUSE_NS = 500 * 1000,
    PAUSE_NS_MAX = 20 * 1000 * 1000,
    NS_PER_SECOND = 1000 * 1000 * 1000,
    DISK_REST_FACTOR = 4, /* rests to one transfer */
};

static void pause_fired(struct timer *timer)
{
    struct compaction_pace *pace = container_of(timer, struct compaction_pace, timer);
    struct op *op = pace->waiting;
    assert(op != NULL);
    pace->waiting = NULL;
    op_landed(op, STATUS_OK);
}

void compaction_pace_init(struct compaction_pace *pace, struct io *io,
                          uint64_t bytes_per_second_max)
{
    *pace = (struct compaction_pace){.io = io, .bytes_per_second_max = bytes_per_second_max};
    timer_init(&pace->timer, pause_fired);
}

void compaction_pace_transfer(struct compaction_pace *pace, uint64_t bytes)
{
    uint64_t now_ns = io_now_ns(pace->io);
    pace->asked_ns = now_ns;
    if (pace->bytes_per_second_max == 0)
        return;
    if (pace->ready_ns < now_ns)
        pace->ready_ns = now_ns;
    double seconds = (double)bytes / (double)pace->bytes_per_second_max;
    pace->ready_ns += (uint64_t)(seconds * NS_PER_SECOND);
}

void compaction_pace_work(struct compaction_pace *pace, uint64_t bytes, uint32_t record_count)
{
    pace->slice_effort += bytes + (uint64_t)record_count * RECORD_EFFORT;
}

static void note_transfer(struct compaction_pace *pace, uint64_t now_ns)
{
    if (pace->asked_ns == 0)
        return;
    assert(pace->asked_ns <= now_ns);
    uint64_t rested_ns = now_ns + DISK_REST_FACTOR * (now_ns - pace->asked_ns);
    if (pace->ready_ns < rested_ns)
        pace->ready_ns = rested_ns;
    pace->asked_ns = 0;
}

bool compaction_pace_wait(struct compaction_pace *pace, struct op *op)
{
    assert(pace->waiting == NULL);
    uint64_t now_ns = io_now_ns(pace->io);
    note_transfer(pace, now_ns);
    if (pace->slice_effort < SLICE_EFFORT_MAX && pace->ready_ns <= now_ns)
        return false;
    uint64_t deadline_ns = now_ns + PAUSE_NS;
    if (deadline_ns < pace->ready_ns)
        deadline_ns = pace->ready_ns;
    if (deadline_ns > now_ns + PAUSE_NS_MAX)
        deadline_ns = now_ns + PAUSE_NS_MAX;
    pace->slice_effort = 0;
    pace->waiting = op;
    op_expect(op);
    io_timer_start(pace->io, &pace->timer, deadline_ns);
    return true;
}

void compaction_pace_drop(struct compaction_pace *pace)
{
    io_timer_cancel(pace->io, &pace->timer);
    pace->waiting = NULL;
}
