#include "io/uring_request.h"

#include "io/address.h"
#include "io/file_call.h"
#include "io/socket.h"
#include "io/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

bool uring_request_is_for_worker(const struct io_request *request)
{
    return request->kind == IO_TRUNCATE || request->kind == IO_SYNC_DIRECTORY ||
           request->kind == IO_LIST_DIRECTORY || request->kind == IO_FILE_SIZE ||
           request->kind == IO_FREE_SPACE;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static void prepare_write_buffer(struct io_uring_sqe *entry, const struct io_request *request)
{
    uint32_t done_bytes = request->transfer.done_bytes;
    assert(request->transfer.buffer != NULL);
    io_uring_prep_write(entry, request->handle, request->transfer.buffer + done_bytes,
                        request->transfer.size_bytes - done_bytes,
                        request->transfer.offset + done_bytes);
}

static void prepare_write_pieces(struct uring_queue *queue, struct io_uring_sqe *entry,
                                 const struct io_request *request)
{
    struct bytes *rest = uring_queue_slot(queue, entry)->pieces;
    uint32_t count = io_pieces_rest(request, rest);
    io_uring_prep_writev(entry, request->handle, vector_of(rest), count,
                         request->transfer.offset + request->transfer.done_bytes);
}

static void prepare_write(struct uring_queue *queue, struct io_uring_sqe *entry,
                          struct io_request *request)
{
    assert(request->kind == IO_WRITE);
    assert(request->handle >= 0);
    assert(request->transfer.done_bytes < request->transfer.size_bytes);
    if (request->transfer.pieces == NULL)
        prepare_write_buffer(entry, request);
    else
        prepare_write_pieces(queue, entry, request);
    queue->has_file = true;
    if ((request->flags & IO_FLAG_SYNC) == 0)
        return;
    entry->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    struct io_uring_sqe *sync = uring_queue_entry(queue);
    io_uring_prep_fsync(sync, request->handle, IORING_FSYNC_DATASYNC);
    uring_tag(sync, request, TAG_SYNC);
}

static void prepare_read(struct uring_queue *queue, struct io_uring_sqe *entry,
                         struct io_request *request)
{
    assert(request->kind == IO_READ);
    assert(request->handle >= 0);
    uint32_t done_bytes = request->transfer.done_bytes;
    assert(done_bytes < request->transfer.size_bytes);
    queue->has_file = true;
    io_uring_prep_read(entry, request->handle, request->transfer.buffer + done_bytes,
                       request->transfer.size_bytes - done_bytes,
                       request->transfer.offset + done_bytes);
}

/* Closing the last reference to a file that was unlinked frees its space, which takes as long as
 * it takes: that is not for this thread. A socket closes at once. */
static void prepare_close(struct io_uring_sqe *entry, struct io_request *request)
{
    assert(request->kind == IO_CLOSE);
    assert(request->handle >= 0);
    io_uring_prep_close(entry, request->handle);
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(request->handle, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        entry->flags |= IOSQE_ASYNC;
}

/* The kernel says nothing of an entry before all of it has left, and somebody may want to know
 * whether the client takes anything at all (io_sent_bytes). */
static void shorten(struct msghdr *message, size_t step_size)
{
    size_t size = 0;
    size_t count = 0;
    while (count < message->msg_iovlen && size < step_size)
        size += message->msg_iov[count++].iov_len;
    message->msg_iovlen = count;
}

static void prepare_send(struct uring_queue *queue, struct io_uring_sqe *entry,
                         struct io_request *request)
{
    assert(request->kind == IO_SEND);
    assert(request->send.piece_index < request->send.piece_count);
    const int flags = MSG_NOSIGNAL | MSG_WAITALL;
    bool is_last = request->send.piece_index + 1 == request->send.piece_count;
    struct bytes rest = socket_piece_rest(request);
    size_t step_size = queue->send_step_size;
    if (request->send.piece_done > 0 || is_last || rest.size > step_size) {
        size_t size = rest.size < step_size ? rest.size : step_size;
        io_uring_prep_send(entry, request->handle, rest.data, size, flags);
        return;
    }
    struct msghdr *message = &uring_queue_slot(queue, entry)->message;
    socket_message(request, message);
    shorten(message, step_size);
    io_uring_prep_sendmsg(entry, request->handle, message, flags);
}

static void prepare_connect(struct uring_queue *queue, struct io_uring_sqe *entry,
                            struct io_request *request)
{
    assert(request->kind == IO_CONNECT);
    assert(request->handle >= 0);
    struct sockaddr_storage *address = &uring_queue_slot(queue, entry)->address;
    socklen_t size = address_to_system(&request->address, address);
    io_uring_prep_connect(entry, request->handle, (struct sockaddr *)address, size);
}

void uring_request_prepare(struct uring_queue *queue, struct io_request *request)
{
    const char *path = request->name.path;
    struct io_uring_sqe *entry = uring_queue_entry(queue);
    switch (request->kind) {
    case IO_OPEN:
        io_uring_prep_openat(entry, AT_FDCWD, path, file_call_open_flags(request->flags),
                             FILE_CALL_FILE_MODE);
        break;
    case IO_CLOSE: prepare_close(entry, request); break;
    case IO_READ: prepare_read(queue, entry, request); break;
    case IO_WRITE: prepare_write(queue, entry, request); break;
    case IO_SYNC: io_uring_prep_fsync(entry, request->handle, IORING_FSYNC_DATASYNC); break;
    case IO_ALLOCATE:
        io_uring_prep_fallocate(entry, request->handle, 0, (off_t)request->range.offset,
                                (off_t)request->range.size_bytes);
        break;
    case IO_RENAME: io_uring_prep_rename(entry, path, request->name.to_path); break;
    case IO_UNLINK: io_uring_prep_unlink(entry, path, 0); break;
    case IO_MAKE_DIRECTORY: io_uring_prep_mkdir(entry, path, FILE_CALL_DIRECTORY_MODE); break;
    case IO_REMOVE_DIRECTORY: io_uring_prep_unlink(entry, path, AT_REMOVEDIR); break;
    case IO_ACCEPT:
        io_uring_prep_accept(entry, request->handle, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        break;
    case IO_CONNECT: prepare_connect(queue, entry, request); break;
    case IO_RECEIVE:
        io_uring_prep_recv(entry, request->handle, request->transfer.buffer,
                           request->transfer.size_bytes, 0);
        break;
    case IO_SEND: prepare_send(queue, entry, request); break;
    case IO_SENDFILE: io_uring_prep_poll_add(entry, request->handle, POLLOUT); break;
    case IO_TRUNCATE:
    case IO_SYNC_DIRECTORY:
    case IO_LIST_DIRECTORY:
    case IO_FILE_SIZE:
    case IO_FREE_SPACE:
    case IO_SIGNAL: unreachable();
    }
    uring_tag(entry, request, TAG_REQUEST);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static int32_t finish_accept(struct io_request *request, int32_t answer)
{
    assert(request->kind == IO_ACCEPT);
    if (answer == -EINVAL)
        return STATUS_CANCELLED; /* the listener was closed */
    if (answer < 0)
        return socket_error(-answer);
    socket_prepare(answer);
    socket_peer(answer, &request->address);
    return answer;
}

static int32_t finish_connect(const struct io_request *request, int32_t answer)
{
    assert(request->kind == IO_CONNECT);
    assert(request->handle >= 0);
    if (answer < 0) {
        close(request->handle);
        return socket_error(-answer);
    }
    socket_prepare(request->handle);
    socket_make_nonblocking(request->handle);
    return request->handle;
}

/* The write of a commit that is reported wrote less than all. If one that wrote everything were
 * reported, too, it would be acknowledged before its sync. */
static void check_silence(const struct io_request *request, int32_t answer)
{
    if (request->kind != IO_WRITE || (request->flags & IO_FLAG_SYNC) == 0 || answer < 0)
        return;
    assert((uint32_t)answer < request->transfer.size_bytes - request->transfer.done_bytes);
}

void uring_request_answered(struct system_io *system, struct io_request *request, int32_t answer)
{
    struct io *io = &system->io;
    assert(!list_node_is_linked(&request->backend_node));
    check_silence(request, answer);
    /* An interrupted close has given the descriptor back: a second one would close somebody else's.
     */
    if (answer == -EINTR && request->kind == IO_CLOSE)
        answer = 0;
    if (answer == -EINTR) {
        io->backend->submit(io, request);
        return;
    }
    if (request->kind == IO_SENDFILE && answer >= 0)
        io->backend->submit(io, request); /* the socket takes more */
    else if (request->kind == IO_ACCEPT)
        io_finish(io, request, finish_accept(request, answer));
    else if (request->kind == IO_CONNECT)
        io_finish(io, request, finish_connect(request, answer));
    else if (answer < 0)
        io_finish(io, request, status_from_errno(-answer));
    else
        io_finish(io, request, system_landed(system, request, answer));
}

/* The sync ran, so its write had written all that was left. */
void uring_request_synced(struct system_io *system, struct io_request *request, int32_t answer)
{
    struct io *io = &system->io;
    assert(request->kind == IO_WRITE);
    assert((request->flags & IO_FLAG_SYNC) != 0);
    assert(answer <= 0);
    assert(request->transfer.done_bytes < request->transfer.size_bytes);
    if (answer < 0)
        io_finish(io, request, status_from_errno(-answer));
    else
        io_finish(io, request,
                  (int32_t)(request->transfer.size_bytes - request->transfer.done_bytes));
}
