/* The uring backend: one ring per core.
 *
 * Requests become entries of the submission ring as they are made; all that one turn of the loop
 * has prepared goes to the kernel in the one call in which the loop also waits (or only looks) for
 * completions. The ring is made for one thread and for completions that appear only when that
 * thread asks (SINGLE_ISSUER, DEFER_TASKRUN), so nothing interrupts a turn; older kernels get the
 * same ring without these flags.
 *
 *   user_data of an entry = address of the request | tag
 *
 *     TAG_REQUEST  the request's only entry, or the write of a durable write
 *     TAG_SYNC     the sync of a durable write, linked behind its write
 *     TAG_BELL     the bell of this core, watched for ever: a completion for each ring
 *     TAG_MESSAGE  from another core's ring: there is mail. On the sending ring, only when it did
 *                  not get there; the address is then the index of the core it was meant for
 *     TAG_SIGNAL   the signal descriptor
 *
 * A durable write is two linked entries of which exactly one is reported. The write is silent when
 * it wrote everything; then the sync runs, and its result is the answer. When the write fails or
 * is short, it is reported and the sync is dropped without a word (IOSQE_CQE_SKIP_SUCCESS); the
 * rest goes out as a new pair, so no sync ever counts for bytes that came after it.
 *
 * The sync goes to the kernel's threads when this thread enters the kernel after the write, for
 * which it has to be woken or to come to the end of its turn. A commit that is to go at once is
 * therefore written and synced by a thread of its own, a committer, which wakes this one when both
 * are done, and only if it sleeps.
 *
 * The kernel sends and receives while it takes entries in, and gives the disk its writes when it
 * has taken in all of them. So what a turn has prepared goes out in this order: writes, by
 * themselves; answers; receives, which take their time if much has come.
 *
 * Connections do not block (O_NONBLOCK): the ring does not care, and what is sent from files goes
 * by sendfile(2), which does.
 *
 * Calls that have no opcode on the oldest kernel served, and are rare, go to a worker thread. */
#include "io/uring.h"

#include "base/assert.h"
#include "io/address.h"
#include "io/file_call.h"
#include "io/sendfile.h"
#include "io/socket.h"
#include "io/uring_setup.h"
#include "io/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    URING_WORKER_COUNT_MAX = 2,
    URING_NS_PER_S = 1000000000,
    URING_RECEIVE_SIZE_MAX = 512 * 1024, /* what the receives of one turn may take in, about */
};

enum uring_tag {
    TAG_REQUEST,
    TAG_SYNC,
    TAG_BELL,
    TAG_MESSAGE,
    TAG_SIGNAL,
    TAG_MASK = 7,
};

enum { TAG_BITS = 3 };

/* What the kernel reads at the submission of an entry and not later. */
union uring_slot {
    struct bytes pieces[IO_WRITE_PIECE_COUNT_MAX];
    struct msghdr message;
    struct sockaddr_storage address;
};

struct uring {
    struct system_io system;
    struct io_uring ring;
    bool is_owned; /* by the thread that turns this door */
    bool bell_is_armed;
    bool signal_is_armed;
    uint32_t kept_count;  /* files that the ring holds open */
    struct list held;     /* requests for which the submission ring had no room */
    struct list sends;    /* of this turn; they go out behind all writes */
    struct list receives; /* behind all sends */
    bool has_write;       /* among the entries that have not gone out yet */
    union uring_slot slots[URING_ENTRY_COUNT]; /* one for each entry */
};

_Static_assert(_Alignof(struct io_request) > TAG_MASK, "a request's address leaves room for a tag");

static struct uring *uring_of(struct io *io)
{
    return container_of(system_of(io), struct uring, system);
}

/* --- The submission ring -----------------------------------------------------------------------
 */

/* The first turn makes its thread the ring's owner. */
static void uring_own(struct uring *uring)
{
    if (uring->is_owned)
        return;
    uring->is_owned = true;
    enum status status = uring_ring_enable(&uring->ring);
    assert(status == STATUS_OK);
}

/* A commit must not go out in halves: without its write in front of it the sync would run at once.
 * It can happen only where the kernel has no memory for one more request. */
static void uring_check_submitted(const struct uring *uring)
{
    if (io_uring_sq_ready(&uring->ring) == 0)
        return;
    const struct io_uring_sq *sq = &uring->ring.sq;
    const struct io_uring_sqe *first = &sq->sqes[*sq->khead & URING_ENTRY_MASK];
    assert((first->user_data & TAG_MASK) != TAG_SYNC);
}

static void uring_push(struct uring *uring)
{
    uring_own(uring);
    int submitted = io_uring_submit(&uring->ring);
    assert(submitted >= 0 || submitted == -EBUSY || submitted == -EAGAIN || submitted == -EINTR);
    uring_check_submitted(uring);
}

static bool uring_has_room(struct uring *uring, uint32_t entry_count)
{
    assert(entry_count > 0);
    assert(entry_count <= URING_ENTRY_COUNT);
    if (io_uring_sq_space_left(&uring->ring) >= entry_count)
        return true;
    uring_push(uring);
    return io_uring_sq_space_left(&uring->ring) >= entry_count;
}

/* The caller has seen to it that there is room. */
static struct io_uring_sqe *uring_entry(struct uring *uring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    assert(entry != NULL);
    return entry;
}

static void uring_tag(struct io_uring_sqe *entry, const void *address, enum uring_tag tag)
{
    assert(((uintptr_t)address & TAG_MASK) == 0);
    assert(tag < TAG_MASK);
    io_uring_sqe_set_data64(entry, (uintptr_t)address | tag);
}

static union uring_slot *uring_slot_of(struct uring *uring, const struct io_uring_sqe *entry)
{
    size_t index = (size_t)(entry - uring->ring.sq.sqes);
    assert(index < URING_ENTRY_COUNT);
    return &uring->slots[index];
}

/* --- Preparing entries -------------------------------------------------------------------------
 */

static void prepare_write_buffer(struct io_uring_sqe *entry, const struct io_request *request)
{
    uint32_t done_bytes = request->transfer.done_bytes;
    assert(request->transfer.buffer != NULL);
    io_uring_prep_write(entry, request->handle, request->transfer.buffer + done_bytes,
                        request->transfer.size_bytes - done_bytes,
                        request->transfer.offset + done_bytes);
}

static void prepare_write_pieces(struct uring *uring, struct io_uring_sqe *entry,
                                 const struct io_request *request)
{
    struct bytes *rest = uring_slot_of(uring, entry)->pieces;
    uint32_t count = io_pieces_rest(request, rest);
    io_uring_prep_writev(entry, request->handle, vector_of(rest), count,
                         request->transfer.offset + request->transfer.done_bytes);
}

static void prepare_write(struct uring *uring, struct io_uring_sqe *entry,
                          struct io_request *request)
{
    assert(request->kind == IO_WRITE);
    assert(request->handle >= 0);
    assert(request->transfer.done_bytes < request->transfer.size_bytes);
    if (request->transfer.pieces == NULL)
        prepare_write_buffer(entry, request);
    else
        prepare_write_pieces(uring, entry, request);
    uring->has_write = true;
    if ((request->flags & IO_FLAG_SYNC) == 0)
        return;
    entry->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    struct io_uring_sqe *sync = uring_entry(uring);
    io_uring_prep_fsync(sync, request->handle, IORING_FSYNC_DATASYNC);
    uring_tag(sync, request, TAG_SYNC);
}

static void prepare_read(struct io_uring_sqe *entry, struct io_request *request)
{
    assert(request->kind == IO_READ);
    assert(request->handle >= 0);
    uint32_t done_bytes = request->transfer.done_bytes;
    assert(done_bytes < request->transfer.size_bytes);
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

static void prepare_send(struct uring *uring, struct io_uring_sqe *entry,
                         struct io_request *request)
{
    assert(request->kind == IO_SEND);
    assert(request->send.piece_index < request->send.piece_count);
    const int flags = MSG_NOSIGNAL | MSG_WAITALL;
    bool is_last = request->send.piece_index + 1 == request->send.piece_count;
    if (request->send.piece_done > 0 || is_last) {
        struct bytes rest = socket_piece_rest(request);
        io_uring_prep_send(entry, request->handle, rest.data, rest.size, flags);
        return;
    }
    struct msghdr *message = &uring_slot_of(uring, entry)->message;
    socket_message(request, message);
    io_uring_prep_sendmsg(entry, request->handle, message, flags);
}

static void prepare_connect(struct uring *uring, struct io_uring_sqe *entry,
                            struct io_request *request)
{
    assert(request->kind == IO_CONNECT);
    assert(request->handle >= 0);
    struct sockaddr_storage *address = &uring_slot_of(uring, entry)->address;
    socklen_t size = address_to_system(&request->address, address);
    io_uring_prep_connect(entry, request->handle, (struct sockaddr *)address, size);
}

/* Kinds that have an opcode. */
static void uring_prepare(struct uring *uring, struct io_request *request)
{
    const char *path = request->name.path;
    struct io_uring_sqe *entry = uring_entry(uring);
    switch (request->kind) {
    case IO_OPEN:
        io_uring_prep_openat(entry, AT_FDCWD, path, file_call_open_flags(request->flags),
                             FILE_CALL_FILE_MODE);
        break;
    case IO_CLOSE: prepare_close(entry, request); break;
    case IO_READ: prepare_read(entry, request); break;
    case IO_WRITE: prepare_write(uring, entry, request); break;
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
    case IO_CONNECT: prepare_connect(uring, entry, request); break;
    case IO_RECEIVE:
        io_uring_prep_recv(entry, request->handle, request->transfer.buffer,
                           request->transfer.size_bytes, 0);
        break;
    case IO_SEND: prepare_send(uring, entry, request); break;
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

static bool is_for_worker(const struct io_request *request)
{
    return request->kind == IO_TRUNCATE || request->kind == IO_SYNC_DIRECTORY ||
           request->kind == IO_LIST_DIRECTORY || request->kind == IO_FILE_SIZE ||
           request->kind == IO_FREE_SPACE;
}

static bool is_for_committer(const struct io_request *request)
{
    return request->kind == IO_WRITE && (request->flags & IO_FLAG_AT_ONCE) != 0;
}

/* A commit for which there can be no thread goes through the ring like any durable write. Room for
 * two is asked for always: a durable write takes two entries, and a pair must not be torn
 * apart. */
static void uring_submit(struct io *io, struct io_request *request)
{
    struct uring *uring = uring_of(io);
    assert(!list_node_is_linked(&request->backend_node));
    if (request->kind == IO_SIGNAL) {
        system_signal_start(&uring->system, request);
        return;
    }
    if (is_for_worker(request)) {
        workers_give(&uring->system.workers, request);
        return;
    }
    if (is_for_committer(request) && workers_are_there(&uring->system.committers)) {
        workers_give(&uring->system.committers, request);
        return;
    }
    if (request->kind == IO_CONNECT && request->handle < 0) {
        request->handle = socket_create(&request->address, 0);
        if (request->handle < 0) {
            io_complete(io, request, request->handle);
            return;
        }
    }
    if (request->kind == IO_RECEIVE)
        list_push_back(&uring->receives, &request->backend_node);
    else if (request->kind == IO_SEND || request->kind == IO_SENDFILE)
        list_push_back(&uring->sends, &request->backend_node);
    else if (uring_has_room(uring, 2))
        uring_prepare(uring, request);
    else
        list_push_back(&uring->held, &request->backend_node);
}

/* --- Completions -------------------------------------------------------------------------------
 */

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

/* `answer` is the kernel's: a count or a negative errno. */
static void uring_finish(struct uring *uring, struct io_request *request, int32_t answer)
{
    struct io *io = &uring->system.io;
    assert(!list_node_is_linked(&request->backend_node));
    check_silence(request, answer);
    /* An interrupted close has given the descriptor back: a second one would close somebody else's.
     */
    if (answer == -EINTR && request->kind == IO_CLOSE)
        answer = 0;
    if (answer == -EINTR) {
        uring_submit(io, request);
        return;
    }
    if (request->kind == IO_SENDFILE && answer >= 0)
        uring_submit(io, request); /* the socket takes more */
    else if (request->kind == IO_ACCEPT)
        io_finish(io, request, finish_accept(request, answer));
    else if (request->kind == IO_CONNECT)
        io_finish(io, request, finish_connect(request, answer));
    else if (answer < 0)
        io_finish(io, request, status_from_errno(-answer));
    else
        io_finish(io, request, system_landed(&uring->system, request, answer));
}

/* The sync ran, so its write had written all that was left. */
static void uring_finish_sync(struct uring *uring, struct io_request *request, int32_t answer)
{
    struct io *io = &uring->system.io;
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

static void uring_completion(struct uring *uring, const struct io_uring_cqe *completion)
{
    uint64_t word = completion->user_data;
    struct io_request *request = (struct io_request *)(uintptr_t)(word & ~(uint64_t)TAG_MASK);
    switch ((enum uring_tag)(word & TAG_MASK)) {
    case TAG_REQUEST: uring_finish(uring, request, completion->res); return;
    case TAG_SYNC: uring_finish_sync(uring, request, completion->res); return;
    case TAG_BELL:
        if ((completion->flags & IORING_CQE_F_MORE) == 0)
            uring->bell_is_armed = false;
        return; /* this door is awake, which is all there is to it */
    case TAG_MESSAGE:
        if (completion->res < 0)
            mailroom_ring_bell(uring->system.room, (uint32_t)(word >> TAG_BITS));
        return;
    case TAG_SIGNAL:
        uring->signal_is_armed = false;
        system_signal_arrived(&uring->system);
        return;
    case TAG_MASK: break;
    }
    unreachable();
}

static void uring_reap(struct uring *uring)
{
    struct io_uring_cqe *completion;
    uint32_t head;
    uint32_t count = 0;
    io_uring_for_each_cqe(&uring->ring, head, completion)
    {
        uring_completion(uring, completion);
        count++;
    }
    io_uring_cq_advance(&uring->ring, count);
}

/* --- Polling -----------------------------------------------------------------------------------
 */

/* Armed again whenever the kernel has let go of the watch, which it may do at any time. */
static void uring_arm(struct uring *uring)
{
    struct system_io *system = &uring->system;
    if (!uring->bell_is_armed && uring_has_room(uring, 1)) {
        struct io_uring_sqe *entry = uring_entry(uring);
        io_uring_prep_poll_multishot(entry, mailroom_bell(system->room, system->io.core_index),
                                     POLLIN);
        uring_tag(entry, NULL, TAG_BELL);
        uring->bell_is_armed = true;
    }
    if (system->signal_request != NULL && !uring->signal_is_armed && uring_has_room(uring, 1)) {
        struct io_uring_sqe *entry = uring_entry(uring);
        io_uring_prep_poll_add(entry, system->signal_fd, POLLIN);
        uring_tag(entry, NULL, TAG_SIGNAL);
        uring->signal_is_armed = true;
    }
}

static bool uring_has_late(const struct uring *uring)
{
    return !list_is_empty(&uring->sends) || !list_is_empty(&uring->receives);
}

/* There is no entry for it that would not take a thread of the kernel's for as long as the client
 * takes. So the ring is only asked to say when a full socket takes more. */
static void uring_sendfile(struct uring *uring, struct io_request *request)
{
    int32_t result = sendfile_attempt(request);
    if (result == SENDFILE_WAIT || result == SENDFILE_LATER)
        uring_prepare(uring, request);
    else if (result == SENDFILE_LOAD)
        workers_give(&uring->system.workers, request);
    else
        io_complete(&uring->system.io, request, result);
}

static void uring_release_sends(struct uring *uring)
{
    struct list_node *node;
    while ((node = list_first(&uring->sends)) != NULL && uring_has_room(uring, 1)) {
        list_remove(node);
        struct io_request *request = container_of(node, struct io_request, backend_node);
        if (request->kind == IO_SENDFILE)
            uring_sendfile(uring, request);
        else
            uring_prepare(uring, request);
    }
}

/* When much is to be copied, what has landed meanwhile is looked at in between: the sync of a
 * write, above all, sets out only then. */
static void uring_release_receives(struct uring *uring)
{
    uint64_t size_bytes = 0;
    struct list_node *node;
    while (size_bytes < URING_RECEIVE_SIZE_MAX && (node = list_first(&uring->receives)) != NULL &&
           uring_has_room(uring, 1)) {
        struct io_request *request = container_of(node, struct io_request, backend_node);
        list_remove(node);
        size_bytes += request->transfer.size_bytes;
        uring_prepare(uring, request);
    }
}

/* Nothing is left behind but receives beyond what one turn may take in. */
static void uring_release_late(struct uring *uring)
{
    if (uring_has_late(uring) && uring->has_write)
        uring_push(uring);
    uring->has_write = false;
    uring_release_sends(uring);
    uring_release_receives(uring);
}

/* In the order in which they came; the first that has no room keeps the others waiting. */
static void uring_release_held(struct uring *uring)
{
    struct list_node *node;
    while ((node = list_first(&uring->held)) != NULL && uring_has_room(uring, 2)) {
        list_remove(node);
        uring_prepare(uring, container_of(node, struct io_request, backend_node));
    }
}

/* A completion on the sleeper's ring wakes it and goes out with everything else; the bell takes a
 * call of its own. */
static void uring_wake(struct uring *uring, uint32_t core)
{
    struct mailroom *room = uring->system.room;
    int ring = mailroom_ring(room, core);
    if (ring < 0 || !uring_has_room(uring, 1)) {
        mailroom_ring_bell(room, core);
        return;
    }
    struct io_uring_sqe *entry = uring_entry(uring);
    io_uring_prep_msg_ring(entry, ring, 0, TAG_MESSAGE, 0);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(entry, (uint64_t)core << TAG_BITS | TAG_MESSAGE);
}

static void uring_wake_sleepers(struct uring *uring)
{
    struct system_io *system = &uring->system;
    uint32_t sleeper;
    while (mailroom_next_sleeper(system->room, system->io.core_index, &sleeper))
        uring_wake(uring, sleeper);
}

/* Submits everything and waits for one completion until the deadline. */
static int uring_enter_and_wait(struct uring *uring, uint64_t deadline_ns)
{
    struct io_uring_cqe *first;
    if (deadline_ns == UINT64_MAX)
        return io_uring_submit_and_wait_timeout(&uring->ring, &first, 1, NULL, NULL);
    uint64_t now_ns = system_now_ns(&uring->system.io);
    uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct __kernel_timespec limit = {.tv_sec = (long long)(wait_ns / URING_NS_PER_S),
                                      .tv_nsec = (long long)(wait_ns % URING_NS_PER_S)};
    return io_uring_submit_and_wait_timeout(&uring->ring, &first, 1, &limit, NULL);
}

static void uring_poll(struct io *io, uint64_t deadline_ns)
{
    struct uring *uring = uring_of(io);
    uring_own(uring);
    uring_arm(uring);
    uring_release_held(uring);
    uring_release_late(uring);
    bool may_wait = deadline_ns > 0 && list_is_empty(&uring->held) && !uring_has_late(uring) &&
                    ready_queue_is_empty(&io->ready) && system_sleep(&uring->system);
    uring_wake_sleepers(uring);
    int answer = may_wait ? uring_enter_and_wait(uring, deadline_ns)
                          : io_uring_submit_and_get_events(&uring->ring);
    assert(answer >= 0 || answer == -ETIME || answer == -EINTR || answer == -EAGAIN ||
           answer == -EBUSY);
    uring_check_submitted(uring);
    system_awake(&uring->system);
    uring_reap(uring);
}

/* --- The rest of the table ---------------------------------------------------------------------
 */

static enum status uring_listen(struct io *io, struct io_address *address, int32_t *listener)
{
    return socket_listen(address, 0, listener);
}

/* What was prepared must reach the kernel while the number still means this listener. There it
 * holds the listener itself, which the shutdown makes answer EINVAL. */
static void uring_close_listener(struct io *io, int32_t listener)
{
    struct uring *uring = uring_of(io);
    assert(listener >= 0);
    uring_push(uring);
    struct io_request *request;
    struct io_request *following;
    list_for_each_entry_safe (request, following, &uring->held, backend_node) {
        if (request->kind == IO_ACCEPT && request->handle == listener) {
            list_remove(&request->backend_node);
            io_complete(io, request, STATUS_CANCELLED);
        }
    }
    (void)shutdown(listener, SHUT_RDWR);
    close(listener);
}

static const struct io_backend uring_backend = {
    .name = "uring",
    .submit = uring_submit,
    .poll = uring_poll,
    .post = system_post,
    .wake = system_wake,
    .listen = uring_listen,
    .close_listener = uring_close_listener,
    .shutdown = system_shutdown,
    .slab_map = system_slab_map,
    .slab_expect = system_slab_expect,
    .slab_unmap = system_slab_unmap,
    .now_ns = system_now_ns,
    .wall_ms = system_wall_ms,
    .secret = system_secret,
};

enum status uring_create(const struct system_options *options, struct io **io)
{
    assert(options != NULL);
    assert(io != NULL);
    struct uring *uring = calloc(1, sizeof *uring);
    if (uring == NULL)
        return STATUS_NO_MEMORY;
    enum status status = uring_ring_open(&uring->ring);
    if (status != STATUS_OK) {
        free(uring);
        return status;
    }
    list_init(&uring->held);
    list_init(&uring->sends);
    list_init(&uring->receives);
    system_init(&uring->system, &uring_backend, options, URING_WORKER_COUNT_MAX);
    if (uring_ring_takes_messages(&uring->ring))
        mailroom_set_ring(options->room, options->core_index, uring->ring.ring_fd);
    *io = &uring->system.io;
    return STATUS_OK;
}

/* The ring's table of files is made whole with the first one; those after it take places in it. */
enum status uring_keep_open(struct io *io, int descriptor)
{
    struct uring *uring = uring_of(io);
    assert(descriptor >= 0);
    assert(uring->kept_count < URING_KEPT_MAX);
    int files[URING_KEPT_MAX];
    for (uint32_t i = 0; i < URING_KEPT_MAX; i++)
        files[i] = i == 0 ? descriptor : -1;
    struct io_uring_files_update update = {.offset = uring->kept_count,
                                           .fds = (uintptr_t)&descriptor};
    unsigned ring = (unsigned)uring->ring.ring_fd;
    int result = uring->kept_count == 0
                     ? io_uring_register(ring, IORING_REGISTER_FILES, files, URING_KEPT_MAX)
                     : io_uring_register(ring, IORING_REGISTER_FILES_UPDATE, &update, 1);
    if (result < 0)
        return status_from_errno(-result);
    uring->kept_count++;
    return STATUS_OK;
}

void uring_destroy(struct io *io)
{
    struct uring *uring = uring_of(io);
    assert(io->in_flight_count == 0);
    assert(list_is_empty(&uring->held));
    assert(!uring_has_late(uring));
    mailroom_set_ring(uring->system.room, io->core_index, -1);
    io_uring_queue_exit(&uring->ring);
    system_deinit(&uring->system);
    free(uring);
}
