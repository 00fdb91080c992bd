/* What another segment has left in a file, behind the last frame of the one that has it now. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/recycle.h"
#include "storage/store_struct.h"

/*   TRUNCATE ──▶ SYNC ──▶ END */
enum cut_stage { CUT_TRUNCATE, CUT_SYNC, CUT_END };

static const struct op_stage cut_stages[] = {
    [CUT_TRUNCATE] = {"truncate", 0},
    [CUT_SYNC] = {"sync", AFTER(CUT_TRUNCATE)},
    [CUT_END] = {"end", AFTER(CUT_SYNC)},
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct recycle_cut, request.completion)->op, result);
}

static struct io_request *expect(struct recycle_cut *cut)
{
    completion_init(&cut->request.completion, request_landed);
    op_expect(&cut->op);
    return &cut->request;
}

static enum op_progress cut_truncate(struct recycle_cut *cut)
{
    const struct log *log = cut->log;
    io_truncate(log->store->io, expect(cut), log->write_handle, log->write_segment->size_bytes);
    op_move(&cut->op, CUT_SYNC);
    return OP_WAIT;
}

/* Before the next segment has a file: of all but the last, recovery looks at what their states say
 * and no further. */
static enum op_progress cut_sync(struct recycle_cut *cut)
{
    const struct log *log = cut->log;
    op_move(&cut->op, CUT_END);
    if (cut->op.error != 0)
        return OP_AGAIN;
    if (log->store->options.unsafe_skip_sync)
        io_land(log->store->io, &expect(cut)->completion, STATUS_OK);
    else
        io_sync(log->store->io, expect(cut), log->write_handle);
    return OP_WAIT;
}

static enum op_progress cut_end(struct recycle_cut *cut)
{
    struct segment *segment = cut->log->write_segment;
    assert(segment->size_bytes < segment->recycled_bytes);
    if (cut->op.error == 0) {
        segment->recycled_bytes = segment->size_bytes;
        segment->allocated_bytes = segment->size_bytes;
    }
    io_land(cut->log->store->io, cut->done, cut->op.error);
    return OP_DONE;
}

static enum op_progress cut_step(struct op *op)
{
    struct recycle_cut *cut = container_of(op, struct recycle_cut, op);
    switch ((enum cut_stage)op->stage) {
    case CUT_TRUNCATE: return cut_truncate(cut);
    case CUT_SYNC: return cut_sync(cut);
    case CUT_END: return cut_end(cut);
    }
    unreachable();
}

static const struct op_kind cut_kind = {"recycle-cut", cut_step, cut_stages};

void recycle_cut_start(struct recycle_cut *cut, struct log *log, struct completion *done)
{
    assert(recycle_leaves_rest(log));
    assert(log->write_handle >= 0);
    cut->log = log;
    cut->done = done;
    op_start(&cut->op, &cut_kind, io_ops(log->store->io));
}

bool recycle_leaves_rest(const struct log *log)
{
    const struct segment *segment = log->write_segment;
    const struct memory_frame *frame = log->unwritten;
    if (segment == NULL || segment->is_retired || segment->size_bytes >= segment->recycled_bytes)
        return false;
    bool has_ended = segment != log_active_segment(log) || log->store->is_stopping;
    bool is_open = log->open != NULL && log->open->segment == segment;
    return has_ended && !is_open && (frame == NULL || frame->segment != segment);
}
