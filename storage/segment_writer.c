/* The writing of a new segment. Until it is finished nobody knows of it, so any of its steps may be
 * the last one of a life. */
#include "storage/segment_writer.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/*   flush:    PICK ──▶ OPENED ──▶ ALLOCATED ──▶ WRITTEN ──▶ END
 *   finish:   the same, then ──▶ CUT ──▶ SYNCED ──▶ CLOSED ──▶ NAMED ──▶ END
 *   abandon:  PICK ──▶ CLOSED ──▶ REMOVED ──▶ END
 *
 * PICK looks at what is there and asks for the next thing. */
enum writer_stage {
    WRITE_PICK,
    WRITE_OPENED,
    WRITE_ALLOCATED,
    WRITE_WRITTEN,
    WRITE_CUT,
    WRITE_SYNCED,
    WRITE_CLOSED,
    WRITE_RENAMED,
    WRITE_REMOVED,
    WRITE_END
};

static const struct op_stage writer_stages[] = {
    [WRITE_PICK] = {"pick", AFTER(WRITE_OPENED) | AFTER(WRITE_ALLOCATED) | AFTER(WRITE_WRITTEN)},
    [WRITE_OPENED] = {"opened", AFTER(WRITE_PICK)},
    [WRITE_ALLOCATED] = {"allocated", AFTER(WRITE_PICK)},
    [WRITE_WRITTEN] = {"written", AFTER(WRITE_PICK)},
    [WRITE_CUT] = {"cut", AFTER(WRITE_PICK)},
    [WRITE_SYNCED] = {"synced", AFTER(WRITE_CUT)},
    [WRITE_CLOSED] = {"closed", AFTER(WRITE_SYNCED) | AFTER(WRITE_PICK)},
    [WRITE_RENAMED] = {"renamed", AFTER(WRITE_CLOSED)},
    [WRITE_REMOVED] = {"removed", AFTER(WRITE_CLOSED)},
    [WRITE_END] = {"end", AFTER(WRITE_PICK) | AFTER(WRITE_CUT) | AFTER(WRITE_SYNCED) |
                              AFTER(WRITE_CLOSED) | AFTER(WRITE_RENAMED) | AFTER(WRITE_REMOVED)},
};

enum { ALLOCATE_SIZE = 4 * 1024 * 1024 };

static struct io *io_of(const struct segment_writer *writer)
{
    return writer->log->store->io;
}

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct segment_writer, request.completion)->op, result);
}

static struct io_request *expect(struct segment_writer *writer)
{
    completion_init(&writer->request.completion, request_landed);
    op_expect(&writer->op);
    return &writer->request;
}

static enum op_progress wait_in(struct segment_writer *writer, enum writer_stage stage)
{
    op_move(&writer->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct segment_writer *writer, enum writer_stage stage)
{
    op_move(&writer->op, stage);
    return OP_AGAIN;
}

/* --- Gathering -------------------------------------------------------------------------------- */

enum status segment_writer_begin(struct segment_writer *writer, struct log *log,
                                 int64_t base_offset, uint32_t generation)
{
    assert(generation > 0); /* generation 0 is as it was appended */
    *writer = (struct segment_writer){.log = log, .handle = -1};
    writer->segment = segment_create(base_offset, generation);
    if (writer->segment == NULL)
        return STATUS_NO_MEMORY;
    path_segment(log->directory, base_offset, generation, writer->path);
    path_with_suffix(writer->path, ".cleaned", writer->temporary);
    return STATUS_OK;
}

static void seal_frame(struct segment_writer *writer)
{
    struct segment *segment = writer->segment;
    struct frame_place place = log_frame_place(writer->log, segment);
    const struct frame_facts *frame = &writer->frame;
    if (frame->batch_count == 0)
        return;
    assert(segment->size_bytes == writer->written_bytes + writer->size_bytes);
    frame_seal(writer->chunk->data + writer->size_bytes, &place, segment->size_bytes, frame);
    uint64_t stored_size = frame_stored_size(frame->payload_size);
    segment_note_frame(segment, frame->base_offset, segment->size_bytes, stored_size,
                       frame->max_timestamp_ms);
    writer->size_bytes += (uint32_t)stored_size;
    writer->frame = (struct frame_facts){0};
}

/* Where the batch fits: behind what gathers, in a new frame, or in a larger chunk of its own.
 * STATUS_BUSY: nowhere before a flush. */
static enum status make_room(struct segment_writer *writer, size_t batch_size)
{
    uint64_t joined_size = frame_stored_size(writer->frame.payload_size + batch_size);
    if (joined_size > FRAME_SMALL_SIZE_MAX && writer->frame.batch_count > 0) {
        seal_frame(writer);
        joined_size = frame_stored_size(batch_size);
    }
    if (joined_size > CHUNK_SIZE_MAX)
        return STATUS_TOO_LARGE;
    if (writer->chunk != NULL && writer->size_bytes + joined_size <= writer->chunk->capacity_bytes)
        return STATUS_OK;
    if (writer->size_bytes > 0 || writer->frame.batch_count > 0)
        return STATUS_BUSY;
    if (writer->chunk != NULL)
        chunk_release(writer->chunk, io_of(writer));
    writer->chunk = store_acquire_chunk(
        writer->log->store, joined_size > SEGMENT_WRITE_SIZE ? joined_size : SEGMENT_WRITE_SIZE);
    return writer->chunk == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status segment_writer_put(struct segment_writer *writer, struct bytes batch,
                               const struct batch_header *header)
{
    struct frame_facts *frame = &writer->frame;
    assert(writer->done == NULL);
    assert(batch.size == batch_size_bytes(header));
    enum status status = make_room(writer, batch.size);
    if (status != STATUS_OK)
        return status;
    memcpy(writer->chunk->data + writer->size_bytes + FRAME_HEADER_SIZE + frame->payload_size,
           batch.data, batch.size);
    if (frame->batch_count == 0)
        *frame = (struct frame_facts){
            .base_offset = header->base_offset,
            .max_timestamp_ms = header->max_timestamp,
            .durable_offset = writer->log->durable_offset,
        };
    assert(frame->batch_count == 0 || header->base_offset > frame->last_offset);
    frame->payload_size += (uint32_t)batch.size;
    frame->batch_count++;
    frame->last_offset = batch_last_offset(header);
    frame->leader_epoch = header->leader_epoch;
    if (frame->max_timestamp_ms < header->max_timestamp)
        frame->max_timestamp_ms = header->max_timestamp;
    return STATUS_OK;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static enum op_progress ask_write(struct segment_writer *writer)
{
    struct io *io = io_of(writer);
    if (writer->handle < 0) {
        writer->is_made = true;
        io_open(io, expect(writer), writer->temporary,
                IO_OPEN_CREATE | IO_OPEN_TRUNCATE | IO_OPEN_DIRECT);
        return wait_in(writer, WRITE_OPENED);
    }
    if (writer->written_bytes + writer->size_bytes > writer->allocated_bytes) {
        uint64_t step = writer->size_bytes > ALLOCATE_SIZE ? writer->size_bytes : ALLOCATE_SIZE;
        io_allocate(io, expect(writer), writer->handle, writer->allocated_bytes, step);
        writer->allocated_bytes += step;
        return wait_in(writer, WRITE_ALLOCATED);
    }
    io_write(io, expect(writer), writer->handle, writer->chunk->data, writer->size_bytes,
             writer->written_bytes);
    return wait_in(writer, WRITE_WRITTEN);
}

static enum op_progress ask_close(struct segment_writer *writer)
{
    int32_t handle = writer->handle;
    writer->handle = -1;
    if (handle < 0)
        return move_to(writer, WRITE_CLOSED);
    io_close(io_of(writer), expect(writer), handle);
    return wait_in(writer, WRITE_CLOSED);
}

static enum op_progress writer_pick(struct segment_writer *writer)
{
    if (writer->op.error != 0)
        return move_to(writer, WRITE_END);
    if (writer->goal == WRITER_ABANDON)
        return ask_close(writer);
    if (writer->size_bytes > 0)
        return ask_write(writer);
    if (writer->goal == WRITER_FLUSH || writer->handle < 0)
        return move_to(writer, WRITE_END);
    io_truncate(io_of(writer), expect(writer), writer->handle, writer->written_bytes);
    return wait_in(writer, WRITE_CUT);
}

static enum op_progress writer_opened(struct segment_writer *writer)
{
    if (writer->op.error == 0)
        writer->handle = writer->request.completion.result;
    return move_to(writer, WRITE_PICK);
}

static enum op_progress writer_written(struct segment_writer *writer)
{
    if (writer->op.error == 0) {
        writer->written_bytes += writer->size_bytes;
        metrics_add(writer->log->store->options.metrics, METRIC_COMPACTION_WRITTEN_BYTES,
                    writer->size_bytes);
        writer->size_bytes = 0;
    }
    return move_to(writer, WRITE_PICK);
}

static enum op_progress writer_cut(struct segment_writer *writer)
{
    if (writer->op.error != 0)
        return move_to(writer, WRITE_END);
    assert(writer->segment->size_bytes == writer->written_bytes);
    if (writer->log->store->options.unsafe_skip_sync)
        io_land(io_of(writer), &expect(writer)->completion, STATUS_OK);
    else
        io_sync(io_of(writer), expect(writer), writer->handle);
    return wait_in(writer, WRITE_SYNCED);
}

static enum op_progress writer_synced(struct segment_writer *writer)
{
    return writer->op.error != 0 ? move_to(writer, WRITE_END) : ask_close(writer);
}

static enum op_progress writer_closed(struct segment_writer *writer)
{
    if (writer->goal == WRITER_FINISH) {
        if (writer->op.error != 0)
            return move_to(writer, WRITE_END);
        io_rename(io_of(writer), expect(writer), writer->temporary, writer->path);
        return wait_in(writer, WRITE_RENAMED);
    }
    if (!writer->is_made)
        return move_to(writer, WRITE_END);
    io_unlink(io_of(writer), expect(writer), writer->temporary);
    return wait_in(writer, WRITE_REMOVED);
}

static enum op_progress writer_renamed(struct segment_writer *writer)
{
    if (writer->op.error != 0)
        return move_to(writer, WRITE_END);
    io_sync_directory(io_of(writer), expect(writer), writer->log->directory);
    return wait_in(writer, WRITE_END);
}

static enum op_progress writer_end(struct segment_writer *writer)
{
    struct completion *done = writer->done;
    writer->done = NULL;
    bool is_whole = writer->goal == WRITER_FINISH && writer->op.error == 0;
    if (is_whole && writer->written_bytes > 0) {
        writer->segment->exists = true;
        writer->segment->allocated_bytes = writer->written_bytes;
    }
    int32_t result = writer->op.error;
    if (writer->goal == WRITER_ABANDON) {
        segment_writer_drop(writer);
        result = STATUS_OK; /* what could not be removed is a leftover */
    }
    io_land(io_of(writer), done, result);
    return OP_DONE;
}

static enum op_progress writer_step(struct op *op)
{
    struct segment_writer *writer = container_of(op, struct segment_writer, op);
    switch ((enum writer_stage)op->stage) {
    case WRITE_PICK: return writer_pick(writer);
    case WRITE_OPENED: return writer_opened(writer);
    case WRITE_ALLOCATED: return move_to(writer, WRITE_PICK);
    case WRITE_WRITTEN: return writer_written(writer);
    case WRITE_CUT: return writer_cut(writer);
    case WRITE_SYNCED: return writer_synced(writer);
    case WRITE_CLOSED: return writer_closed(writer);
    case WRITE_RENAMED: return writer_renamed(writer);
    case WRITE_REMOVED: return move_to(writer, WRITE_END);
    case WRITE_END: return writer_end(writer);
    }
    unreachable();
}

static const struct op_kind writer_kind = {"segment-writer", writer_step, writer_stages};

/* --- Asking ----------------------------------------------------------------------------------- */

static void start(struct segment_writer *writer, enum segment_writer_goal goal,
                  struct completion *done)
{
    assert(writer->done == NULL);
    writer->goal = goal;
    writer->done = done;
    op_start(&writer->op, &writer_kind, io_ops(io_of(writer)));
}

void segment_writer_flush(struct segment_writer *writer, struct completion *done)
{
    seal_frame(writer);
    assert(writer->size_bytes > 0);
    start(writer, WRITER_FLUSH, done);
}

void segment_writer_finish(struct segment_writer *writer, struct completion *done)
{
    seal_frame(writer);
    start(writer, WRITER_FINISH, done);
}

struct segment *segment_writer_take(struct segment_writer *writer)
{
    assert(writer->done == NULL);
    assert(writer->handle < 0);
    struct segment *segment = writer->segment->exists ? writer->segment : NULL;
    if (segment != NULL)
        writer->segment = NULL;
    segment_writer_drop(writer);
    return segment;
}

void segment_writer_abandon(struct segment_writer *writer, struct completion *done)
{
    start(writer, WRITER_ABANDON, done);
}

void segment_writer_drop(struct segment_writer *writer)
{
    if (writer->chunk != NULL)
        chunk_release(writer->chunk, io_of(writer));
    writer->chunk = NULL;
    segment_release(writer->segment);
    writer->segment = NULL;
}
