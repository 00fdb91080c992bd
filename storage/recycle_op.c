/* Choosing a file, and bringing it under its new name. */
#include "storage/recycle.h"

#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/*   RENAME ──▶ SYNC (of both directories) ──▶ END
 *                └── could not be renamed ─────▲ */
enum recycle_stage { RECYCLE_RENAME, RECYCLE_SYNC, RECYCLE_END };

static const struct op_stage recycle_stages[] = {
    [RECYCLE_RENAME] = {"rename", 0},
    [RECYCLE_SYNC] = {"sync", AFTER(RECYCLE_RENAME)},
    [RECYCLE_END] = {"end", AFTER(RECYCLE_SYNC)},
};

static struct io *io_of(const struct recycle *recycle)
{
    return recycle->donor_log->store->io;
}

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct recycle, request.completion)->op, result);
}

static void donor_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct recycle, donor_request.completion)->op, result);
}

static struct io_request *expect(struct recycle *recycle)
{
    completion_init(&recycle->request.completion, request_landed);
    op_expect(&recycle->op);
    return &recycle->request;
}

static struct io_request *expect_donor(struct recycle *recycle)
{
    completion_init(&recycle->donor_request.completion, donor_landed);
    op_expect(&recycle->op);
    return &recycle->donor_request;
}

static enum op_progress recycle_rename(struct recycle *recycle)
{
    io_rename(io_of(recycle), expect(recycle), recycle->from, recycle->to);
    op_move(&recycle->op, RECYCLE_SYNC);
    return OP_WAIT;
}

/* A file that cannot be renamed stays where it is, until it is removed: the segment gets a new one.
 */
static enum op_progress recycle_sync(struct recycle *recycle)
{
    recycle->is_taken = recycle->op.error == 0;
    recycle->op.error = 0;
    op_move(&recycle->op, RECYCLE_END);
    if (!recycle->is_taken)
        return OP_AGAIN;
    io_sync_directory(io_of(recycle), expect(recycle), recycle->log->directory);
    if (recycle->log != recycle->donor_log)
        io_sync_directory(io_of(recycle), expect_donor(recycle), recycle->donor_log->directory);
    return OP_WAIT;
}

static void give_file(struct recycle *recycle)
{
    struct segment *segment = recycle->segment;
    struct metrics *metrics = recycle->donor_log->store->options.metrics;
    uint64_t size_bytes = recycle->donor->size_bytes;
    assert(size_bytes % FRAME_ALIGNMENT == 0);
    assert(segment->allocated_bytes == 0);
    segment->exists = true;
    segment->allocated_bytes = size_bytes;
    segment->recycled_bytes = recycle->donor->recycled_bytes;
    if (segment->recycled_bytes < size_bytes)
        segment->recycled_bytes = size_bytes;
    metrics_add(metrics, METRIC_RECYCLED_SEGMENTS, 1);
    metrics_add(metrics, METRIC_RECYCLED_BYTES, (int64_t)size_bytes);
}

static enum op_progress recycle_end(struct recycle *recycle)
{
    struct log *donor_log = recycle->donor_log;
    struct completion *done = recycle->done;
    recycle->is_taken = recycle->is_taken && recycle->op.error == 0;
    if (recycle->is_taken)
        give_file(recycle);
    io_land(io_of(recycle), done, recycle->op.error);
    recycle_drop(recycle);
    assert(donor_log->busy_count > 0);
    donor_log->busy_count--;
    log_delete_progressed(donor_log);
    store_progressed(donor_log->store);
    return OP_DONE;
}

static enum op_progress recycle_step(struct op *op)
{
    struct recycle *recycle = container_of(op, struct recycle, op);
    switch ((enum recycle_stage)op->stage) {
    case RECYCLE_RENAME: return recycle_rename(recycle);
    case RECYCLE_SYNC: return recycle_sync(recycle);
    case RECYCLE_END: return recycle_end(recycle);
    }
    unreachable();
}

static const struct op_kind recycle_kind = {"recycle", recycle_step, recycle_stages};

void recycle_drop(struct recycle *recycle)
{
    segment_release(recycle->donor);
    recycle->donor = NULL;
    recycle->segment = NULL;
}

/* --- Choosing --------------------------------------------------------------------------------- */

static uint64_t size_before(const struct log *log, const struct segment *segment)
{
    for (uint32_t i = 1; i < log->segment_count; i++)
        if (log->segments[i] == segment)
            return log->segments[i - 1]->size_bytes;
    return 0;
}

/* A segment is expected to become as large as the one before it, give or take a half: much of a
 * larger file would be space that nobody can have, and a smaller one is better kept for others. */
static bool choose(struct log *log, const struct segment *segment, struct grave_file *file)
{
    const struct store *store = log->store;
    uint64_t likely_size = size_before(log, segment);
    uint64_t size_min = likely_size / 2;
    uint64_t size_max = likely_size * 2;
    if (size_min < store->options.recycle_bytes_min)
        size_min = store->options.recycle_bytes_min;
    if (size_max > log->config.segment_bytes_max)
        size_max = log->config.segment_bytes_max;
    return size_min <= size_max &&
           graveyard_take_file(&log->store->graveyard, size_min, size_max, file);
}

static bool may_take(const struct log *log, const struct segment *segment)
{
    const struct memory_frame *frame = log->unwritten;
    const struct store *store = log->store;
    return frame != NULL && frame->segment == segment && store->failure == STATUS_OK &&
           !store->is_stopping;
}

bool recycle_start(struct recycle *recycle, struct log *log, struct segment *segment,
                   struct completion *done)
{
    struct grave_file file;
    assert(recycle->segment == NULL);
    assert(!segment->exists);
    assert(log->has_directory);
    if (!may_take(log, segment) || !choose(log, segment, &file))
        return false;
    recycle->log = log;
    recycle->segment = segment;
    recycle->donor = segment_retain(file.segment);
    recycle->donor_log = file.log;
    recycle->is_taken = false;
    recycle->done = done;
    file.log->busy_count++;
    path_segment(file.log->directory, file.segment->base_offset, file.segment->generation,
                 recycle->from);
    path_segment(log->directory, segment->base_offset, segment->generation, recycle->to);
    op_start(&recycle->op, &recycle_kind, io_ops(log->store->io));
    return true;
}
