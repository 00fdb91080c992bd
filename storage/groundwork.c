/* The laying of one piece: reserved, written with zeros, synced, and only then the segment's. */
#include "storage/groundwork.h"

#include "base/assert.h"
#include "storage/linger.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "storage/zeros.h"

#include <stdlib.h>

/* A piece is as long as the segment is, within these bounds; so at least half of what is written
 * with zeros is used, but for the last piece of a segment. */
enum {
    PIECE_MIN = 512 * 1024,
    PIECE_MAX = 16 * 1024 * 1024,
    GROUNDWORKS_MAX = 4, /* of a store */
};

/* What all logs together write from one round of a log to its next, on average: it goes an eighth
 * of the way to each new figure. With more than LITTLE nothing is laid. */
enum { BETWEEN_LITTLE = 256 * 1024, BETWEEN_MAX = 4 * 1024 * 1024 };

/*   OPEN ──▶ RESERVE ──▶ ZERO (again and again) ──▶ SYNC ──▶ CLOSE ──▶ END
 *               └─────────┴── an error, or a segment that takes no more ──▲ */
enum ground_stage {
    GROUND_OPEN,
    GROUND_RESERVE,
    GROUND_ZERO,
    GROUND_SYNC,
    GROUND_CLOSE,
    GROUND_END
};

static const struct op_stage ground_stages[] = {
    [GROUND_OPEN] = {"open", 0},
    [GROUND_RESERVE] = {"reserve", AFTER(GROUND_OPEN)},
    [GROUND_ZERO] = {"zero", AFTER(GROUND_RESERVE) | AFTER(GROUND_ZERO)},
    [GROUND_SYNC] = {"sync", AFTER(GROUND_ZERO)},
    [GROUND_CLOSE] = {"close", AFTER(GROUND_RESERVE) | AFTER(GROUND_ZERO) | AFTER(GROUND_SYNC)},
    [GROUND_END] = {"end", AFTER(GROUND_CLOSE)},
};

static struct io *io_of(const struct groundwork *work)
{
    return work->log->store->io;
}

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct groundwork, request.completion)->op, result);
}

static struct io_request *expect(struct groundwork *work)
{
    completion_init(&work->request.completion, request_landed);
    op_expect(&work->op);
    return &work->request;
}

static enum op_progress wait_in(struct groundwork *work, enum ground_stage stage)
{
    op_move(&work->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct groundwork *work, enum ground_stage stage)
{
    op_move(&work->op, stage);
    return OP_AGAIN;
}

static bool is_of_use(const struct groundwork *work)
{
    const struct log *log = work->log;
    const struct store *store = log->store;
    return work->op.error == 0 && store->failure == STATUS_OK && !store->is_stopping &&
           !store->is_full && log->deletion == NULL && log_active_segment(log) == work->segment;
}

static enum op_progress ground_open(struct groundwork *work)
{
    io_open(io_of(work), expect(work), work->path, IO_OPEN_DIRECT);
    return wait_in(work, GROUND_RESERVE);
}

static enum op_progress ground_reserve(struct groundwork *work)
{
    if (work->op.error == 0)
        work->handle = work->request.completion.result;
    if (!is_of_use(work))
        return move_to(work, GROUND_CLOSE);
    io_allocate(io_of(work), expect(work), work->handle, work->from, work->to - work->from);
    return wait_in(work, GROUND_ZERO);
}

/* 1 MiB at a time: each write converts a run of reserved space in the file's metadata, which costs
 * about the same for little and much; and a batch beside it waits for all of it. */
static void ask_zeros(struct groundwork *work)
{
    uint64_t from = work->position;
    uint32_t count = zeros_gather(work->log->store->zeros, &work->position, work->to, work->pieces);
    io_write_pieces(io_of(work), expect(work), work->handle, work->pieces, count, from);
}

static enum op_progress ground_zero(struct groundwork *work)
{
    assert(work->position <= work->to);
    if (!is_of_use(work))
        return move_to(work, GROUND_CLOSE);
    if (work->position == work->to)
        return move_to(work, GROUND_SYNC);
    ask_zeros(work);
    return wait_in(work, GROUND_ZERO);
}

static enum op_progress ground_sync(struct groundwork *work)
{
    assert(work->position == work->to);
    work->is_laid = true;
    if (work->log->store->options.unsafe_skip_sync)
        io_land(io_of(work), &expect(work)->completion, STATUS_OK);
    else
        io_sync(io_of(work), expect(work), work->handle);
    return wait_in(work, GROUND_CLOSE);
}

static enum op_progress ground_close(struct groundwork *work)
{
    if (work->handle < 0)
        return move_to(work, GROUND_END);
    io_close(io_of(work), expect(work), work->handle);
    return wait_in(work, GROUND_END);
}

static void take_piece(struct groundwork *work)
{
    struct segment *segment = work->segment;
    assert(segment->allocated_bytes == work->from);
    assert(work->position == work->to);
    segment->allocated_bytes = work->to;
    room_note_allocated(&work->log->store->room, work->to - work->from);
}

/* Without space or handles, and when the file has gone away, the log does as well without. */
static bool is_final(enum status status)
{
    return status != STATUS_OK && status != STATUS_NO_SPACE && status != STATUS_NO_FILES &&
           status != STATUS_NOT_FOUND;
}

static enum op_progress ground_end(struct groundwork *work)
{
    struct log *log = work->log;
    struct store *store = log->store;
    enum status status = (enum status)work->op.error;
    assert(log->groundwork == work);
    assert(log->busy_count > 0);
    if (work->is_laid && is_of_use(work))
        take_piece(work);
    groundwork_drop(log);
    log->busy_count--;
    if (is_final(status))
        store_fail(store, status);
    if (linger_has_due(log))
        store_want_flush(store, log, true);
    log_delete_progressed(log);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress ground_step(struct op *op)
{
    struct groundwork *work = container_of(op, struct groundwork, op);
    switch ((enum ground_stage)op->stage) {
    case GROUND_OPEN: return ground_open(work);
    case GROUND_RESERVE: return ground_reserve(work);
    case GROUND_ZERO: return ground_zero(work);
    case GROUND_SYNC: return ground_sync(work);
    case GROUND_CLOSE: return ground_close(work);
    case GROUND_END: return ground_end(work);
    }
    unreachable();
}

static const struct op_kind ground_kind = {"groundwork", ground_step, ground_stages};

/* --- Asking ----------------------------------------------------------------------------------- */

/* Each opens a file beyond those that stay open: where handles are few, there is none. */
static uint32_t count_max(const struct store *store)
{
    uint32_t share = store->options.open_files_max / 16;
    return share < GROUNDWORKS_MAX ? share : GROUNDWORKS_MAX;
}

static bool may_begin(const struct store *store)
{
    return store->failure == STATUS_OK && !store->is_stopping && !store->is_full &&
           store->groundwork_count < count_max(store);
}

static void note_round(struct log *log, uint64_t round_bytes)
{
    struct store *store = log->store;
    store->direct_bytes += round_bytes;
    uint64_t between = store->direct_bytes - log->direct_mark;
    bool is_first = log->direct_mark == 0;
    log->direct_mark = store->direct_bytes;
    if (between > BETWEEN_MAX)
        between = BETWEEN_MAX;
    log->direct_between =
        is_first ? (uint32_t)between : (uint32_t)((7ull * log->direct_between + between) / 8);
}

/* Somebody waits for the log's syncs, and for little else. */
static bool is_worth_it(const struct log *log)
{
    return log->loose == NULL && log->direct_between <= BETWEEN_LITTLE;
}

/* Where the next piece would end; not behind `allocated_bytes` when none is wanted. */
static uint64_t piece_end(const struct log *log, const struct segment *segment)
{
    uint64_t piece = segment->size_bytes;
    uint64_t end_max = (uint64_t)log->config.segment_bytes_max / FRAME_ALIGNMENT * FRAME_ALIGNMENT;
    if (piece < PIECE_MIN)
        piece = PIECE_MIN;
    if (piece > PIECE_MAX)
        piece = PIECE_MAX;
    if (segment->allocated_bytes >= segment->size_bytes + piece / 2)
        return segment->allocated_bytes;
    uint64_t end = segment->allocated_bytes + piece / FRAME_ALIGNMENT * FRAME_ALIGNMENT;
    return end < end_max ? end : end_max;
}

/* The zeros are shared by all pieces, and kept: whoever wanted some will want more. */
static bool has_zeros(struct store *store)
{
    if (store->zeros == NULL) {
        store->zeros = store_acquire_chunk(store, ZEROS_SIZE);
        if (store->zeros != NULL)
            zeros_init(store->zeros);
    }
    return store->zeros != NULL;
}

void groundwork_consider(struct log *log, uint64_t round_bytes)
{
    struct store *store = log->store;
    struct segment *segment = log->write_segment;
    note_round(log, round_bytes);
    if (log->groundwork != NULL || log->deletion != NULL || segment != log_active_segment(log) ||
        !may_begin(store) || !is_worth_it(log))
        return;
    uint64_t end = piece_end(log, segment);
    if (end <= segment->allocated_bytes)
        return;
    struct groundwork *work = calloc(1, sizeof *work);
    if (work == NULL || !has_zeros(store)) {
        free(work);
        return;
    }
    store->groundwork_count++;
    work->log = log;
    work->segment = segment_retain(segment);
    work->handle = -1;
    work->from = segment->allocated_bytes;
    work->position = work->from;
    work->to = end;
    path_segment(log->directory, segment->base_offset, segment->generation, work->path);
    log->groundwork = work;
    log->busy_count++;
    op_start(&work->op, &ground_kind, io_ops(store->io));
}

bool groundwork_is_awaited(const struct log *log)
{
    const struct memory_frame *frame = log->unwritten;
    return log->groundwork != NULL && frame != NULL && frame->segment == log->groundwork->segment &&
           memory_frame_end(frame) > frame->segment->allocated_bytes;
}

void groundwork_drop(struct log *log)
{
    struct groundwork *work = log->groundwork;
    if (work == NULL)
        return;
    assert(log->store->groundwork_count > 0);
    log->store->groundwork_count--;
    segment_release(work->segment);
    free(work);
    log->groundwork = NULL;
}
