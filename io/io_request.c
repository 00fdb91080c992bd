/* Requests: how each call of the door fills one in, and what its answer means, the same for all
 * backends. */
#include "base/assert.h"
#include "io/io_backend.h"
#include "io/io_next.h"

/* A result is an int32_t, so no transfer may be larger. */
enum { IO_TRANSFER_SIZE_MAX = INT32_MAX };

/* --- Asking ----------------------------------------------------------------------------------- */

/* Every field that is the door's own is set here; `landed` is the caller's. */
static void io_prepare(struct io_request *request, enum io_kind kind, int32_t handle)
{
    assert(request != NULL);
    assert(handle >= -1);
    list_node_init(&request->completion.node);
    list_node_init(&request->backend_node);
    request->completion.result = 0;
    request->kind = kind;
    request->flags = 0;
    request->handle = handle;
    request->backend_word = 0;
    atomic_init(&request->next, NULL);
}

static void io_submit(struct io *io, struct io_request *request)
{
    assert(io->in_flight_count < UINT32_MAX);
    assert(io->awaited == NULL);
    io->in_flight_count++;
    io->backend->submit(io, request);
}

static void io_submit_name(struct io *io, struct io_request *request, enum io_kind kind,
                           const char *path, const char *to_path)
{
    assert(path != NULL);
    io_prepare(request, kind, -1);
    request->name.path = path;
    request->name.to_path = to_path;
    io_submit(io, request);
}

static void io_submit_range(struct io *io, struct io_request *request, enum io_kind kind,
                            int32_t handle, uint64_t offset, uint64_t size_bytes)
{
    assert(handle >= 0);
    assert(size_bytes <= (uint64_t)INT64_MAX - offset);
    io_prepare(request, kind, handle);
    request->range.offset = offset;
    request->range.size_bytes = size_bytes;
    io_submit(io, request);
}

static void io_prepare_transfer(struct io_request *request, uint8_t *buffer, uint32_t size_bytes,
                                uint64_t offset)
{
    assert(request->handle >= 0);
    assert(buffer != NULL || size_bytes == 0);
    assert(size_bytes <= IO_TRANSFER_SIZE_MAX);
    assert(offset <= (uint64_t)INT64_MAX - size_bytes);
    request->transfer.buffer = buffer;
    request->transfer.size_bytes = size_bytes;
    request->transfer.done_bytes = 0;
    request->transfer.offset = offset;
    request->transfer.pieces = NULL;
    request->transfer.piece_count = 0;
}

/* Nothing to move is done at once; it still lands later, like everything. */
static void io_submit_transfer(struct io *io, struct io_request *request, uint8_t *buffer,
                               uint32_t size_bytes, uint64_t offset)
{
    io_prepare_transfer(request, buffer, size_bytes, offset);
    io->in_flight_count++;
    if (size_bytes == 0 && (request->flags & IO_FLAG_SYNC) == 0)
        io_complete(io, request, 0);
    else
        io->backend->submit(io, request);
}

void io_open(struct io *io, struct io_request *request, const char *path, uint32_t open_flags)
{
    assert(path != NULL);
    assert((open_flags & IO_OPEN_EXCLUSIVE) == 0 || (open_flags & IO_OPEN_CREATE) != 0);
    io_prepare(request, IO_OPEN, -1);
    request->flags = open_flags;
    request->name.path = path;
    request->name.to_path = NULL;
    io_submit(io, request);
}

void io_close(struct io *io, struct io_request *request, int32_t handle)
{
    assert(handle >= 0);
    io_prepare(request, IO_CLOSE, handle);
    io_submit(io, request);
}

void io_read(struct io *io, struct io_request *request, int32_t handle, void *buffer,
             uint32_t size_bytes, uint64_t offset)
{
    io_prepare(request, IO_READ, handle);
    io_submit_transfer(io, request, buffer, size_bytes, offset);
}

/* The union has one buffer for both directions; a write only reads from it. */
void io_write(struct io *io, struct io_request *request, int32_t handle, const void *buffer,
              uint32_t size_bytes, uint64_t offset)
{
    io_prepare(request, IO_WRITE, handle);
    io_submit_transfer(io, request, (uint8_t *)buffer, size_bytes, offset);
}

static void io_submit_durable(struct io *io, struct io_request *request, int32_t handle,
                              const void *buffer, uint32_t size_bytes, uint64_t offset,
                              uint32_t flags)
{
    assert(size_bytes > 0);
    assert((flags & IO_FLAG_SYNC) != 0);
    io_prepare(request, IO_WRITE, handle);
    request->flags = flags;
    io_submit_transfer(io, request, (uint8_t *)buffer, size_bytes, offset);
}

void io_write_durable(struct io *io, struct io_request *request, int32_t handle, const void *buffer,
                      uint32_t size_bytes, uint64_t offset)
{
    io_submit_durable(io, request, handle, buffer, size_bytes, offset, IO_FLAG_SYNC);
}

void io_write_durable_at_once(struct io *io, struct io_request *request, int32_t handle,
                              const void *buffer, uint32_t size_bytes, uint64_t offset)
{
    io_submit_durable(io, request, handle, buffer, size_bytes, offset,
                      IO_FLAG_SYNC | IO_FLAG_AT_ONCE);
}

void io_write_durable_next(struct io *io, struct io_request *request, struct io_request *first,
                           int32_t handle, const void *buffer, uint32_t size_bytes, uint64_t offset)
{
    assert(size_bytes > 0);
    assert(first != request);
    io_prepare(request, IO_WRITE, handle);
    request->flags = IO_FLAG_SYNC | IO_FLAG_AT_ONCE;
    io_prepare_transfer(request, (uint8_t *)buffer, size_bytes, offset);
    io->in_flight_count++;
    io_offer_next(io, first, request);
}

/* One piece is a buffer like any other. */
void io_write_pieces(struct io *io, struct io_request *request, int32_t handle,
                     const struct bytes *pieces, uint32_t piece_count, uint64_t offset)
{
    assert(handle >= 0);
    assert(piece_count > 0);
    assert(piece_count <= IO_WRITE_PIECE_COUNT_MAX);
    size_t size_bytes = 0;
    for (uint32_t i = 0; i < piece_count; i++) {
        assert(pieces[i].size > 0);
        size_bytes += pieces[i].size;
    }
    assert(size_bytes <= IO_TRANSFER_SIZE_MAX);
    io_prepare(request, IO_WRITE, handle);
    if (piece_count == 1) {
        io_submit_transfer(io, request, (uint8_t *)pieces[0].data, (uint32_t)size_bytes, offset);
        return;
    }
    assert(offset <= (uint64_t)INT64_MAX - size_bytes);
    request->transfer.buffer = NULL;
    request->transfer.size_bytes = (uint32_t)size_bytes;
    request->transfer.done_bytes = 0;
    request->transfer.offset = offset;
    request->transfer.pieces = pieces;
    request->transfer.piece_count = piece_count;
    io_submit(io, request);
}

void io_sync(struct io *io, struct io_request *request, int32_t handle)
{
    assert(handle >= 0);
    io_prepare(request, IO_SYNC, handle);
    io_submit(io, request);
}

void io_allocate(struct io *io, struct io_request *request, int32_t handle, uint64_t offset,
                 uint64_t size_bytes)
{
    assert(size_bytes > 0);
    io_submit_range(io, request, IO_ALLOCATE, handle, offset, size_bytes);
}

void io_truncate(struct io *io, struct io_request *request, int32_t handle, uint64_t size_bytes)
{
    io_submit_range(io, request, IO_TRUNCATE, handle, 0, size_bytes);
}

void io_file_size(struct io *io, struct io_request *request, int32_t handle)
{
    io_submit_range(io, request, IO_FILE_SIZE, handle, 0, 0);
}

void io_rename(struct io *io, struct io_request *request, const char *from, const char *to)
{
    assert(from != NULL);
    assert(to != NULL);
    io_submit_name(io, request, IO_RENAME, from, to);
}

void io_unlink(struct io *io, struct io_request *request, const char *path)
{
    io_submit_name(io, request, IO_UNLINK, path, NULL);
}

void io_make_directory(struct io *io, struct io_request *request, const char *path)
{
    io_submit_name(io, request, IO_MAKE_DIRECTORY, path, NULL);
}

void io_remove_directory(struct io *io, struct io_request *request, const char *path)
{
    io_submit_name(io, request, IO_REMOVE_DIRECTORY, path, NULL);
}

void io_sync_directory(struct io *io, struct io_request *request, const char *path)
{
    io_submit_name(io, request, IO_SYNC_DIRECTORY, path, NULL);
}

void io_list_directory(struct io *io, struct io_request *request, const char *path,
                       struct arena *arena)
{
    assert(path != NULL);
    assert(arena != NULL);
    io_prepare(request, IO_LIST_DIRECTORY, -1);
    request->listing.path = path;
    request->listing.arena = arena;
    request->listing.entries = NULL;
    request->listing.entry_count = 0;
    io_submit(io, request);
}

void io_free_space(struct io *io, struct io_request *request, const char *path)
{
    io_submit_name(io, request, IO_FREE_SPACE, path, NULL);
}

void io_accept(struct io *io, struct io_request *request, int32_t listener)
{
    assert(listener >= 0);
    io_prepare(request, IO_ACCEPT, listener);
    io_submit(io, request);
}

void io_connect(struct io *io, struct io_request *request, const struct io_address *address)
{
    assert(address != NULL);
    io_prepare(request, IO_CONNECT, -1);
    request->address = *address;
    io_submit(io, request);
}

void io_receive(struct io *io, struct io_request *request, int32_t handle, void *buffer,
                uint32_t size_bytes)
{
    assert(buffer != NULL);
    assert(size_bytes > 0);
    io_prepare(request, IO_RECEIVE, handle);
    io_submit_transfer(io, request, buffer, size_bytes, 0);
}

static void io_submit_send(struct io *io, struct io_request *request, enum io_kind kind,
                           int32_t handle, const struct bytes *pieces, uint32_t piece_count,
                           const struct io_file_range *ranges)
{
    assert(handle >= 0);
    assert(pieces != NULL || piece_count == 0);
    size_t total = 0;
    for (uint32_t i = 0; i < piece_count; i++) {
        assert(ranges != NULL || !io_piece_is_in_file(&pieces[i]));
        total += pieces[i].size;
    }
    assert(total <= IO_TRANSFER_SIZE_MAX);
    io_prepare(request, kind, handle);
    request->send.pieces = pieces;
    request->send.piece_count = piece_count;
    request->send.piece_index = 0;
    request->send.piece_done = 0;
    request->send.sent_bytes = 0;
    request->send.ranges = ranges;
    request->send.range_index = 0;
    io->in_flight_count++;
    io_finish(io, request, 0); /* steps over empty pieces, then submits what is left */
}

void io_send(struct io *io, struct io_request *request, int32_t handle, const struct bytes *pieces,
             uint32_t piece_count)
{
    io_submit_send(io, request, IO_SEND, handle, pieces, piece_count, NULL);
}

void io_sendfile(struct io *io, struct io_request *request, int32_t handle,
                 const struct bytes *pieces, uint32_t piece_count,
                 const struct io_file_range *ranges)
{
    assert(ranges != NULL);
    io_submit_send(io, request, IO_SENDFILE, handle, pieces, piece_count, ranges);
}

size_t io_sent_bytes(const struct io_request *request)
{
    assert(request->kind == IO_SEND || request->kind == IO_SENDFILE);
    return request->send.sent_bytes;
}

/* Asked once and perhaps never answered: it does not count as in flight. */
void io_signal(struct io *io, struct io_request *request)
{
    assert(io->core_index == 0);
    io_prepare(request, IO_SIGNAL, -1);
    io->backend->submit(io, request);
}

/* --- Answers ---------------------------------------------------------------------------------- */

uint32_t io_pieces_rest(const struct io_request *request,
                        struct bytes rest[static IO_WRITE_PIECE_COUNT_MAX])
{
    assert(request->kind == IO_WRITE);
    assert(request->transfer.pieces != NULL);
    assert(request->transfer.piece_count <= IO_WRITE_PIECE_COUNT_MAX);
    size_t done_bytes = request->transfer.done_bytes;
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->transfer.piece_count; i++) {
        struct bytes piece = request->transfer.pieces[i];
        size_t skipped_bytes = done_bytes < piece.size ? done_bytes : piece.size;
        done_bytes -= skipped_bytes;
        if (skipped_bytes < piece.size)
            rest[count++] = bytes_of(piece.data + skipped_bytes, piece.size - skipped_bytes);
    }
    assert(count > 0);
    assert(done_bytes == 0);
    return count;
}

void io_complete(struct io *io, struct io_request *request, int32_t result)
{
    assert(io->in_flight_count > 0);
    io->in_flight_count--;
    ready_queue_push(&io->ready, &request->completion, result);
    if (request->kind != IO_WRITE || (request->flags & IO_FLAG_AT_ONCE) == 0)
        return;
    assert((request->flags & IO_FLAG_COMPLETED) == 0);
    request->flags |= IO_FLAG_COMPLETED;
    io_begin_next(io, request);
}

static bool io_advance_read(struct io_request *request, int32_t *result)
{
    uint32_t done_bytes = request->transfer.done_bytes;
    assert(done_bytes < request->transfer.size_bytes);
    /* The end of a file that is not a whole number of blocks leaves a direct read off the grid,
     * and going on from there is refused as invalid instead of answering "nothing more". */
    bool is_off_grid = done_bytes % IO_BLOCK_SIZE != 0;
    if (*result == STATUS_INVALID && is_off_grid)
        *result = 0;
    if (*result < 0)
        return true;
    assert((uint32_t)*result <= request->transfer.size_bytes - done_bytes);
    request->transfer.done_bytes += (uint32_t)*result;
    bool is_over = *result == 0 || request->transfer.done_bytes == request->transfer.size_bytes;
    *result = (int32_t)request->transfer.done_bytes;
    return is_over;
}

static bool io_advance_write(struct io_request *request, int32_t *result)
{
    assert(request->transfer.done_bytes < request->transfer.size_bytes);
    /* A write that moves nothing and does not say why would be repeated for ever. */
    if (*result == 0)
        *result = STATUS_IO;
    if (*result < 0)
        return true;
    assert((uint32_t)*result <= request->transfer.size_bytes - request->transfer.done_bytes);
    request->transfer.done_bytes += (uint32_t)*result;
    *result = (int32_t)request->transfer.done_bytes;
    return request->transfer.done_bytes == request->transfer.size_bytes;
}

/* Pieces of no bytes are stepped over, so a rest that is left has something to send. */
static bool io_advance_send(struct io_request *request, int32_t *result)
{
    assert(request->send.piece_index <= request->send.piece_count);
    if (*result < 0)
        return true;
    size_t moved = (size_t)*result;
    request->send.sent_bytes += moved;
    while (request->send.piece_index < request->send.piece_count) {
        const struct bytes *piece = &request->send.pieces[request->send.piece_index];
        size_t rest = piece->size - request->send.piece_done;
        if (moved < rest)
            break;
        moved -= rest;
        request->send.piece_done = 0;
        request->send.piece_index++;
        request->send.range_index += io_piece_is_in_file(piece);
    }
    request->send.piece_done += moved;
    assert(request->send.sent_bytes <= IO_TRANSFER_SIZE_MAX);
    assert(moved == 0 || request->send.piece_index < request->send.piece_count);
    *result = (int32_t)request->send.sent_bytes;
    return request->send.piece_index == request->send.piece_count;
}

bool io_advance(struct io_request *request, int32_t *result)
{
    assert(result != NULL);
    if (request->kind == IO_READ)
        return io_advance_read(request, result);
    if (request->kind == IO_WRITE)
        return io_advance_write(request, result);
    if (request->kind == IO_SEND || request->kind == IO_SENDFILE)
        return io_advance_send(request, result);
    return true;
}

void io_finish(struct io *io, struct io_request *request, int32_t result)
{
    assert(io->in_flight_count > 0);
    if (io_advance(request, &result))
        io_complete(io, request, result);
    else
        io->backend->submit(io, request);
}
