/* The reading of a segment from one position to another. */
#include "storage/index_scan.h"

#include "base/assert.h"
#include "storage/store_struct.h"

/*   START ──▶ READ ◀──▶ TAKE ──▶ END */
enum scan_stage { SCAN_START, SCAN_READ, SCAN_TAKE, SCAN_END };

static const struct op_stage scan_stages[] = {
    [SCAN_START] = {"start", 0},
    [SCAN_READ] = {"read", AFTER(SCAN_START) | AFTER(SCAN_TAKE)},
    [SCAN_TAKE] = {"take", AFTER(SCAN_READ)},
    [SCAN_END] = {"end", AFTER(SCAN_START) | AFTER(SCAN_READ) | AFTER(SCAN_TAKE)},
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct index_scan, request.completion)->op, result);
}

static enum op_progress move_to(struct index_scan *scan, enum scan_stage stage)
{
    op_move(&scan->op, stage);
    return OP_AGAIN;
}

/* A store with little memory, on a machine with many cores, may never have the whole size. */
static enum op_progress scan_start(struct index_scan *scan)
{
    size_t size = INDEX_SCAN_SIZE;
    while ((scan->chunk = store_acquire_chunk(scan->store, size)) == NULL &&
           size > INDEX_SCAN_SIZE_MIN)
        size /= 2;
    if (scan->chunk == NULL)
        scan->op.error = STATUS_NO_MEMORY;
    return move_to(scan, scan->chunk == NULL ? SCAN_END : SCAN_READ);
}

static enum op_progress scan_read(struct index_scan *scan)
{
    if (scan->position >= scan->end_position)
        return move_to(scan, SCAN_END);
    uint64_t size = scan->end_position - scan->position;
    if (size > scan->chunk->capacity_bytes)
        size = scan->chunk->capacity_bytes;
    completion_init(&scan->request.completion, request_landed);
    op_expect(&scan->op);
    io_read(scan->store->io, &scan->request, scan->handle, scan->chunk->data, (uint32_t)size,
            scan->position);
    op_move(&scan->op, SCAN_TAKE);
    return OP_WAIT;
}

static void note(struct index_scan *scan, const struct frame_header *header)
{
    frame_index_note(&scan->index, header->base_offset, scan->position, header->max_timestamp_ms);
    scan->next_offset = header->last_offset + 1;
}

/* Takes what lies at the front of `rest`; answers how far to go on, 0 to read from there again. */
static uint64_t take_next(struct index_scan *scan, struct bytes rest, bool is_first)
{
    struct frame_header header;
    uint64_t size;
    enum frame_verdict verdict = frame_verify(rest, &scan->place, scan->position, &header, &size);
    bool fits = (verdict == FRAME_GOOD || verdict == FRAME_SHORT) &&
                header.base_offset >= scan->next_offset &&
                scan->position + size <= scan->end_position;
    if (fits && verdict == FRAME_SHORT && !is_first)
        return 0;
    if (!fits || (verdict == FRAME_SHORT && !frame_verify_head(rest, &scan->place, scan->position)))
        return FRAME_ALIGNMENT;
    note(scan, &header);
    return size;
}

static enum op_progress scan_take(struct index_scan *scan)
{
    if (scan->op.error != 0)
        return move_to(scan, SCAN_END);
    struct bytes reading = bytes_of(scan->chunk->data, (size_t)scan->request.completion.result);
    uint64_t done = 0;
    uint64_t step = 1;
    while (step > 0 && done < reading.size) {
        step = take_next(scan, bytes_of(reading.data + done, reading.size - done), done == 0);
        scan->position += step;
        done += step;
    }
    return move_to(scan, reading.size == 0 ? SCAN_END : SCAN_READ);
}

static enum op_progress scan_end(struct index_scan *scan)
{
    if (scan->chunk != NULL)
        chunk_release(scan->chunk, scan->store->io);
    scan->chunk = NULL;
    io_land(scan->store->io, scan->done, scan->op.error);
    return OP_DONE;
}

static enum op_progress scan_step(struct op *op)
{
    struct index_scan *scan = container_of(op, struct index_scan, op);
    switch ((enum scan_stage)op->stage) {
    case SCAN_START: return scan_start(scan);
    case SCAN_READ: return scan_read(scan);
    case SCAN_TAKE: return scan_take(scan);
    case SCAN_END: return scan_end(scan);
    }
    unreachable();
}

static const struct op_kind scan_kind = {"index-scan", scan_step, scan_stages};

void index_scan_start(struct index_scan *scan, struct completion *done)
{
    assert(scan->chunk == NULL);
    assert(scan->position % FRAME_ALIGNMENT == 0);
    assert(scan->end_position % FRAME_ALIGNMENT == 0);
    scan->done = done;
    op_start(&scan->op, &scan_kind, io_ops(scan->store->io));
}

void index_scan_drop(struct index_scan *scan)
{
    if (scan->chunk != NULL)
        chunk_release(scan->chunk, scan->store->io);
    scan->chunk = NULL;
    frame_index_deinit(&scan->index);
}
