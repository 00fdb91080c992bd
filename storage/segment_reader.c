/* Files are opened when their turn comes and closed as soon as they have been read, so one handle
 * is held at a time. */
#include "storage/segment_reader.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/*   PICK ──▶ OPENED ──▶ PICK        the next segment
 *     ├────▶ READ ──▶ END           the next piece of it
 *     └────▶ CLOSED ──▶ PICK        its last has been shown, or all is over
 */
enum reader_stage { READ_PICK, READ_OPENED, READ_READ, READ_CLOSED, READ_END };

static const struct op_stage reader_stages[] = {
    [READ_PICK] = {"pick", AFTER(READ_OPENED) | AFTER(READ_CLOSED)},
    [READ_OPENED] = {"opened", AFTER(READ_PICK)},
    [READ_READ] = {"read", AFTER(READ_PICK)},
    [READ_CLOSED] = {"closed", AFTER(READ_PICK)},
    [READ_END] = {"end", AFTER(READ_PICK) | AFTER(READ_OPENED) | AFTER(READ_READ)},
};

static struct io *io_of(const struct segment_reader *reader)
{
    return reader->log->store->io;
}

static struct segment *present(const struct segment_reader *reader)
{
    assert(reader->segment_index < reader->segment_count);
    return reader->segments[reader->segment_index];
}

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct segment_reader, request.completion)->op, result);
}

static struct io_request *expect(struct segment_reader *reader)
{
    completion_init(&reader->request.completion, request_landed);
    op_expect(&reader->op);
    return &reader->request;
}

static enum op_progress wait_in(struct segment_reader *reader, enum reader_stage stage)
{
    op_move(&reader->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct segment_reader *reader, enum reader_stage stage)
{
    op_move(&reader->op, stage);
    return OP_AGAIN;
}

static enum op_progress fail(struct segment_reader *reader, enum status status)
{
    assert(status != STATUS_OK);
    reader->op.error = (int32_t)status;
    return move_to(reader, READ_END);
}

static enum op_progress ask_open(struct segment_reader *reader)
{
    const struct segment *segment = present(reader);
    path_segment(reader->log->directory, segment->base_offset, segment->generation, reader->path);
    io_open(io_of(reader), expect(reader), reader->path, IO_OPEN_READ_ONLY | IO_OPEN_DIRECT);
    return wait_in(reader, READ_OPENED);
}

static enum op_progress ask_close(struct segment_reader *reader)
{
    int32_t handle = reader->handle;
    assert(handle >= 0);
    reader->handle = -1;
    io_close(io_of(reader), expect(reader), handle);
    return wait_in(reader, READ_CLOSED);
}

/* A chunk that holds the whole of the next frame. */
static bool make_room(struct segment_reader *reader, uint64_t size_bytes)
{
    if (reader->chunk != NULL && reader->chunk->capacity_bytes >= size_bytes)
        return true;
    if (reader->chunk != NULL)
        chunk_release(reader->chunk, io_of(reader));
    reader->chunk = store_acquire_chunk(reader->log->store, size_bytes);
    return reader->chunk != NULL;
}

static enum op_progress ask_read(struct segment_reader *reader)
{
    uint64_t size = reader->wanted_bytes;
    uint64_t left = present(reader)->size_bytes - reader->position;
    reader->size_bytes = 0;
    reader->taken_bytes = 0;
    if (size > left && size > SEGMENT_READ_SIZE)
        return fail(reader, STATUS_CORRUPT); /* a frame that says it is larger than what is left */
    if (!make_room(reader, size))
        return fail(reader, STATUS_NO_MEMORY);
    io_read(io_of(reader), expect(reader), reader->handle, reader->chunk->data,
            (uint32_t)(size < left ? size : left), reader->position);
    return wait_in(reader, READ_READ);
}

static enum op_progress reader_pick(struct segment_reader *reader)
{
    if (reader->op.error != 0)
        return move_to(reader, READ_END);
    bool is_over = reader->is_closing || reader->segment_index == reader->segment_count;
    if (reader->handle < 0)
        return is_over ? move_to(reader, READ_END) : ask_open(reader);
    if (!is_over && reader->position < present(reader)->size_bytes)
        return ask_read(reader);
    return ask_close(reader);
}

static enum op_progress reader_opened(struct segment_reader *reader)
{
    if (reader->op.error == STATUS_NOT_FOUND)
        reader->op.error = STATUS_CORRUPT; /* the log says that it is there */
    if (reader->op.error != 0)
        return move_to(reader, READ_END);
    reader->handle = reader->request.completion.result;
    reader->position = 0;
    return move_to(reader, READ_PICK);
}

static enum op_progress reader_read(struct segment_reader *reader)
{
    if (reader->op.error != 0)
        return move_to(reader, READ_END);
    reader->size_bytes = (uint32_t)reader->request.completion.result;
    metrics_add(reader->log->store->options.metrics, METRIC_COMPACTION_READ_BYTES,
                reader->size_bytes);
    if (reader->size_bytes == 0)
        return fail(reader, STATUS_CORRUPT);
    return move_to(reader, READ_END);
}

static enum op_progress reader_closed(struct segment_reader *reader)
{
    if (!reader->is_closing)
        reader->segment_index++;
    return move_to(reader, READ_PICK);
}

static enum op_progress reader_end(struct segment_reader *reader)
{
    struct completion *done = reader->done;
    reader->done = NULL;
    if (reader->is_closing)
        segment_reader_drop(reader);
    io_land(io_of(reader), done, reader->op.error);
    return OP_DONE;
}

static enum op_progress reader_step(struct op *op)
{
    struct segment_reader *reader = container_of(op, struct segment_reader, op);
    switch ((enum reader_stage)op->stage) {
    case READ_PICK: return reader_pick(reader);
    case READ_OPENED: return reader_opened(reader);
    case READ_READ: return reader_read(reader);
    case READ_CLOSED: return reader_closed(reader);
    case READ_END: return reader_end(reader);
    }
    unreachable();
}

static const struct op_kind reader_kind = {"segment-reader", reader_step, reader_stages};

void segment_reader_init(struct segment_reader *reader, struct log *log,
                         struct segment *const *segments, uint32_t segment_count)
{
    *reader = (struct segment_reader){
        .log = log,
        .segments = segments,
        .segment_count = segment_count,
        .handle = -1,
        .wanted_bytes = SEGMENT_READ_SIZE,
    };
}

static void start(struct segment_reader *reader, struct completion *done)
{
    assert(reader->done == NULL);
    reader->done = done;
    op_start(&reader->op, &reader_kind, io_ops(io_of(reader)));
}

void segment_reader_advance(struct segment_reader *reader, struct completion *done)
{
    assert(!reader->is_closing);
    start(reader, done);
}

enum segment_reader_verdict segment_reader_take(struct segment_reader *reader,
                                                struct frame_header *header, struct bytes *payload)
{
    assert(reader->done == NULL);
    if (reader->segment_index == reader->segment_count)
        return READER_END;
    if (reader->taken_bytes == reader->size_bytes)
        return READER_EMPTY;
    struct bytes rest = bytes_of(reader->chunk->data + reader->taken_bytes,
                                 reader->size_bytes - reader->taken_bytes);
    struct frame_place place = log_frame_place(reader->log, present(reader));
    uint64_t stored_size;
    enum frame_verdict verdict = frame_verify(rest, &place, reader->position, header, &stored_size);
    if (verdict == FRAME_SHORT && stored_size <= CHUNK_SIZE_MAX) {
        reader->wanted_bytes = stored_size > SEGMENT_READ_SIZE ? stored_size : SEGMENT_READ_SIZE;
        return READER_EMPTY;
    }
    if (verdict != FRAME_GOOD)
        return READER_DAMAGED;
    *payload = bytes_of(rest.data + FRAME_HEADER_SIZE, header->payload_size);
    reader->taken_bytes += (uint32_t)stored_size;
    reader->position += stored_size;
    reader->wanted_bytes = SEGMENT_READ_SIZE;
    return READER_FRAME;
}

void segment_reader_close(struct segment_reader *reader, struct completion *done)
{
    assert(!reader->is_closing);
    reader->is_closing = true;
    start(reader, done);
}

void segment_reader_drop(struct segment_reader *reader)
{
    if (reader->chunk != NULL)
        chunk_release(reader->chunk, io_of(reader));
    reader->chunk = NULL;
}
