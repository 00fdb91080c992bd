/* The posix backend: epoll for sockets, a few threads for files.
 *
 *   socket request ──▶ tried at once ──▶ done ─────────────────────┐
 *                          └─▶ would block: waits on its watch      │
 *                                  └─ epoll says ready: again ──────┼──▶ io_complete
 *   file request ──▶ workers ──▶ file_call ──▶ bell ────────────────┘
 *
 * A socket is watched from the first time that something on it has to wait until it is closed,
 * for both directions and edge-triggered: epoll reports every change once, and whoever waits has
 * seen EAGAIN after the last report, so no change is missed and no call is spent on re-arming. */
#include "io/posix.h"

#include "base/assert.h"
#include "io/address.h"
#include "io/sendfile.h"
#include "io/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { POSIX_EVENT_COUNT_MAX = 256, POSIX_WORKER_COUNT_MAX = 4, POSIX_NS_PER_MS = 1000000 };

/* Answer of an attempt that has to wait; not a status. */
enum { WOULD_BLOCK = SENDFILE_WAIT };

/* A socket on which something waits or once waited. */
struct posix_watch {
    struct list readers; /* ACCEPT and RECEIVE, by backend_node */
    struct list writers; /* CONNECT, SEND and SENDFILE */
};

struct posix {
    struct system_io system;
    int epoll_fd;
    struct posix_watch **watches; /* by handle; NULL for one that is not watched */
    uint32_t watch_capacity;
};

static struct posix *posix_of(struct io *io)
{
    return container_of(system_of(io), struct posix, system);
}

/* --- Watches ---------------------------------------------------------------------------------- */

static struct posix_watch *posix_watch_find(const struct posix *posix, int32_t handle)
{
    assert(handle >= 0);
    return (uint32_t)handle < posix->watch_capacity ? posix->watches[handle] : NULL;
}

static bool posix_watch_reserve(struct posix *posix, int32_t handle)
{
    assert(handle >= 0);
    uint32_t capacity = posix->watch_capacity == 0 ? 64 : posix->watch_capacity;
    while (capacity <= (uint32_t)handle)
        capacity *= 2;
    if (capacity == posix->watch_capacity)
        return true;
    struct posix_watch **watches = realloc(posix->watches, capacity * sizeof *watches);
    if (watches == NULL)
        return false;
    for (uint32_t i = posix->watch_capacity; i < capacity; i++)
        watches[i] = NULL;
    posix->watches = watches;
    posix->watch_capacity = capacity;
    return true;
}

static struct epoll_event watch_event(int32_t handle)
{
    return (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.fd = handle};
}

/* Adding reports what is ready at that moment, so nothing that came before it is missed. */
static enum status posix_watch_add(struct posix *posix, int32_t handle)
{
    assert(posix_watch_find(posix, handle) == NULL);
    struct posix_watch *watch = malloc(sizeof *watch);
    if (watch == NULL || !posix_watch_reserve(posix, handle)) {
        free(watch);
        return STATUS_NO_MEMORY;
    }
    struct epoll_event event = watch_event(handle);
    if (epoll_ctl(posix->epoll_fd, EPOLL_CTL_ADD, handle, &event) != 0) {
        free(watch);
        return status_from_errno(errno);
    }
    list_init(&watch->readers);
    list_init(&watch->writers);
    posix->watches[handle] = watch;
    return STATUS_OK;
}

/* Forgotten before it is closed: the number may belong to another file a moment later. */
static void posix_watch_drop(struct posix *posix, int32_t handle)
{
    struct posix_watch *watch = posix_watch_find(posix, handle);
    if (watch == NULL)
        return;
    assert(list_is_empty(&watch->readers));
    assert(list_is_empty(&watch->writers));
    posix->watches[handle] = NULL;
    free(watch);
    (void)epoll_ctl(posix->epoll_fd, EPOLL_CTL_DEL, handle, NULL);
}

/* What is ready is reported once more. */
static void posix_watch_again(struct posix *posix, int32_t handle)
{
    struct epoll_event event = watch_event(handle);
    if (posix_watch_find(posix, handle) == NULL)
        return;
    int error = epoll_ctl(posix->epoll_fd, EPOLL_CTL_MOD, handle, &event);
    assert(error == 0);
}

/* A connecting socket waits to become writable. */
static bool is_reader(const struct io_request *request)
{
    assert(request->kind == IO_ACCEPT || request->kind == IO_RECEIVE ||
           request->kind == IO_CONNECT || request->kind == IO_SEND || request->kind == IO_SENDFILE);
    return request->kind == IO_ACCEPT || request->kind == IO_RECEIVE;
}

static void posix_wait(struct posix *posix, struct io_request *request)
{
    assert(request->handle >= 0);
    enum status status = STATUS_OK;
    if (posix_watch_find(posix, request->handle) == NULL)
        status = posix_watch_add(posix, request->handle);
    if (status != STATUS_OK) {
        io_complete(&posix->system.io, request, status);
        return;
    }
    struct posix_watch *watch = posix_watch_find(posix, request->handle);
    assert(watch != NULL);
    assert(!list_node_is_linked(&request->backend_node));
    list_push_back(is_reader(request) ? &watch->readers : &watch->writers, &request->backend_node);
}

/* --- Attempts: the result, or WOULD_BLOCK ----------------------------------------------------- */

static int32_t attempt_error(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return WOULD_BLOCK;
    return socket_error(errno);
}

/* A connection that was reset while it waited in the queue is nobody's loss: take the next. */
static int32_t attempt_accept(struct io_request *request)
{
    assert(request->kind == IO_ACCEPT);
    int handle;
    do {
        handle = accept4(request->handle, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (handle < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
    if (handle < 0)
        return attempt_error();
    socket_prepare(handle);
    socket_peer(handle, &request->address);
    return handle;
}

static int32_t attempt_receive(struct io_request *request)
{
    assert(request->kind == IO_RECEIVE);
    ssize_t size;
    do {
        size = recv(request->handle, request->transfer.buffer, request->transfer.size_bytes, 0);
    } while (size < 0 && errno == EINTR);
    return size < 0 ? attempt_error() : (int32_t)size;
}

static ssize_t send_some(const struct io_request *request)
{
    assert(request->kind == IO_SEND);
    assert(request->send.piece_index < request->send.piece_count);
    if (request->send.piece_done > 0) {
        struct bytes rest = socket_piece_rest(request);
        return send(request->handle, rest.data, rest.size, MSG_NOSIGNAL);
    }
    struct msghdr message;
    socket_message(request, &message);
    return sendmsg(request->handle, &message, MSG_NOSIGNAL);
}

static int32_t attempt_send(struct io_request *request)
{
    assert(request->kind == IO_SEND);
    int32_t result;
    do {
        ssize_t size;
        do {
            size = send_some(request);
        } while (size < 0 && errno == EINTR);
        if (size < 0)
            return attempt_error();
        result = (int32_t)size;
    } while (!io_advance(request, &result));
    return result;
}

/* After connect(2) said that it goes on by itself. */
static int32_t attempt_connect(struct io_request *request)
{
    assert(request->handle >= 0);
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(request->handle, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return socket_error(errno);
    if (error != 0)
        return socket_error(error);
    struct sockaddr_storage peer;
    size = sizeof peer;
    if (getpeername(request->handle, (struct sockaddr *)&peer, &size) != 0)
        return errno == ENOTCONN ? WOULD_BLOCK : socket_error(errno);
    return request->handle;
}

static int32_t attempt_sendfile(struct io_request *request)
{
    uint32_t known_index = 0;
    return sendfile_attempt(request, SENDFILE_TURN_SIZE, &known_index);
}

static int32_t posix_attempt(struct io_request *request)
{
    if (request->kind == IO_ACCEPT)
        return attempt_accept(request);
    if (request->kind == IO_RECEIVE)
        return attempt_receive(request);
    if (request->kind == IO_SEND)
        return attempt_send(request);
    if (request->kind == IO_SENDFILE)
        return attempt_sendfile(request);
    assert(request->kind == IO_CONNECT);
    return attempt_connect(request);
}

/* A handle that was connected here may be used on another core: this one forgets it. */
static void posix_socket_done(struct posix *posix, struct io_request *request, int32_t result)
{
    assert(result != WOULD_BLOCK);
    if (result == SENDFILE_LOAD) {
        workers_give(&posix->system.workers, request);
        return;
    }
    if (request->kind == IO_CONNECT) {
        posix_watch_drop(posix, request->handle);
        if (result >= 0)
            socket_prepare(request->handle);
        else
            close(request->handle);
    }
    io_complete(&posix->system.io, request, result);
}

/* Tries the waiting requests in order until one has to wait on. */
static void posix_retry(struct posix *posix, int32_t handle, bool readers)
{
    for (;;) {
        struct posix_watch *watch = posix_watch_find(posix, handle);
        if (watch == NULL)
            return;
        struct list *list = readers ? &watch->readers : &watch->writers;
        struct list_node *node = list_first(list);
        if (node == NULL)
            return;
        struct io_request *request = container_of(node, struct io_request, backend_node);
        int32_t result = posix_attempt(request);
        if (result == SENDFILE_LATER)
            posix_watch_again(posix, handle);
        if (result == WOULD_BLOCK || result == SENDFILE_LATER)
            return;
        list_remove(node);
        posix_socket_done(posix, request, result);
    }
}

/* --- Submitting ------------------------------------------------------------------------------- */

/* What waits already goes first. */
static void posix_submit_socket(struct posix *posix, struct io_request *request)
{
    assert(request->handle >= 0);
    struct posix_watch *watch = posix_watch_find(posix, request->handle);
    bool may_try =
        watch == NULL || list_is_empty(is_reader(request) ? &watch->readers : &watch->writers);
    int32_t result = may_try ? posix_attempt(request) : WOULD_BLOCK;
    if (result == WOULD_BLOCK || result == SENDFILE_LATER)
        posix_wait(posix, request);
    else
        posix_socket_done(posix, request, result);
    if (result == SENDFILE_LATER)
        posix_watch_again(posix, request->handle);
}

static void posix_submit_connect(struct posix *posix, struct io_request *request)
{
    assert(request->handle < 0);
    int32_t handle = socket_create(&request->address, SOCK_NONBLOCK);
    if (handle < 0) {
        io_complete(&posix->system.io, request, handle);
        return;
    }
    request->handle = handle;
    struct sockaddr_storage system;
    socklen_t size = address_to_system(&request->address, &system);
    if (connect(handle, (struct sockaddr *)&system, size) == 0)
        posix_socket_done(posix, request, handle);
    else if (errno == EINPROGRESS || errno == EINTR)
        posix_wait(posix, request);
    else
        posix_socket_done(posix, request, socket_error(errno));
}

/* Closing a file may have to wait for the disk; closing a socket never does. */
static void posix_submit_close(struct posix *posix, struct io_request *request)
{
    assert(request->handle >= 0);
    if (posix_watch_find(posix, request->handle) == NULL) {
        workers_give(&posix->system.workers, request);
        return;
    }
    posix_watch_drop(posix, request->handle);
    close(request->handle);
    io_complete(&posix->system.io, request, 0);
}

static void posix_submit_signal(struct posix *posix, struct io_request *request)
{
    system_signal_start(&posix->system, request);
    if (posix->system.signal_request == NULL)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = posix->system.signal_fd};
    int error = epoll_ctl(posix->epoll_fd, EPOLL_CTL_ADD, posix->system.signal_fd, &event);
    assert(error == 0);
}

static void posix_submit(struct io *io, struct io_request *request)
{
    struct posix *posix = posix_of(io);
    assert(!list_node_is_linked(&request->backend_node));
    switch (request->kind) {
    case IO_ACCEPT:
    case IO_RECEIVE:
    case IO_SEND:
    case IO_SENDFILE: posix_submit_socket(posix, request); return;
    case IO_CONNECT: posix_submit_connect(posix, request); return;
    case IO_CLOSE: posix_submit_close(posix, request); return;
    case IO_SIGNAL: posix_submit_signal(posix, request); return;
    case IO_OPEN:
    case IO_READ:
    case IO_WRITE:
    case IO_SYNC:
    case IO_ALLOCATE:
    case IO_TRUNCATE:
    case IO_RENAME:
    case IO_UNLINK:
    case IO_MAKE_DIRECTORY:
    case IO_REMOVE_DIRECTORY:
    case IO_SYNC_DIRECTORY:
    case IO_LIST_DIRECTORY:
    case IO_FILE_SIZE:
    case IO_FREE_SPACE: workers_give(&posix->system.workers, request); return;
    }
    unreachable();
}

/* --- Polling ---------------------------------------------------------------------------------- */

static void posix_event(struct posix *posix, const struct epoll_event *event)
{
    struct system_io *system = &posix->system;
    int handle = event->data.fd;
    assert(handle >= 0);
    if (handle == mailroom_bell(system->room, system->io.core_index))
        return; /* this door is awake, which is all there is to it */
    if (handle == system->signal_fd) {
        system_signal_arrived(system);
        return;
    }
    if ((event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        posix_retry(posix, handle, true);
    if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        posix_retry(posix, handle, false);
}

/* Rounded up: a timer may be late, never early. */
static int posix_timeout_ms(struct posix *posix, uint64_t deadline_ns)
{
    assert(deadline_ns > 0);
    if (deadline_ns == UINT64_MAX)
        return -1;
    uint64_t now_ns = system_now_ns(&posix->system.io);
    if (deadline_ns <= now_ns)
        return 0;
    uint64_t timeout_ms = (deadline_ns - now_ns + POSIX_NS_PER_MS - 1) / POSIX_NS_PER_MS;
    return timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX;
}

static void posix_poll(struct io *io, uint64_t deadline_ns)
{
    struct posix *posix = posix_of(io);
    struct epoll_event events[POSIX_EVENT_COUNT_MAX];
    bool may_wait = deadline_ns > 0 && system_sleep(&posix->system);
    system_ring_bells(&posix->system);
    int timeout_ms = may_wait ? posix_timeout_ms(posix, deadline_ns) : 0;
    int count = epoll_wait(posix->epoll_fd, events, POSIX_EVENT_COUNT_MAX, timeout_ms);
    assert(count >= 0 || errno == EINTR);
    system_awake(&posix->system);
    for (int i = 0; i < count; i++)
        posix_event(posix, &events[i]);
}

/* --- The rest of the table -------------------------------------------------------------------- */

static enum status posix_listen(struct io *io, struct io_address *address, int32_t *listener)
{
    return socket_listen(address, SOCK_NONBLOCK, listener);
}

static void posix_close_listener(struct io *io, int32_t listener)
{
    struct posix *posix = posix_of(io);
    struct posix_watch *watch = posix_watch_find(posix, listener);
    assert(watch == NULL || list_is_empty(&watch->writers));
    struct list_node *node;
    while (watch != NULL && (node = list_pop_front(&watch->readers)) != NULL) {
        struct io_request *request = container_of(node, struct io_request, backend_node);
        io_complete(io, request, STATUS_CANCELLED);
    }
    posix_watch_drop(posix, listener);
    close(listener);
}

static const struct io_backend posix_backend = {
    .name = "posix",
    .submit = posix_submit,
    .poll = posix_poll,
    .post = system_post,
    .wake = system_wake,
    .listen = posix_listen,
    .close_listener = posix_close_listener,
    .shutdown = system_shutdown,
    .slab_map = system_slab_map,
    .slab_expect = system_slab_expect,
    .slab_unmap = system_slab_unmap,
    .now_ns = system_now_ns,
    .wall_ms = system_wall_ms,
    .secret = system_secret,
};

enum status posix_create(const struct system_options *options, struct io **io)
{
    assert(options != NULL);
    assert(io != NULL);
    struct posix *posix = calloc(1, sizeof *posix);
    if (posix == NULL)
        return STATUS_NO_MEMORY;
    enum status status;
    int bell = mailroom_bell(options->room, options->core_index);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = bell};
    posix->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (posix->epoll_fd < 0) {
        status = status_from_errno(errno);
        goto free_posix;
    }
    if (epoll_ctl(posix->epoll_fd, EPOLL_CTL_ADD, bell, &event) != 0) {
        status = status_from_errno(errno);
        goto close_epoll;
    }
    system_init(&posix->system, &posix_backend, options, POSIX_WORKER_COUNT_MAX);
    *io = &posix->system.io;
    return STATUS_OK;

close_epoll:
    close(posix->epoll_fd);
free_posix:
    free(posix);
    return status;
}

void posix_destroy(struct io *io)
{
    struct posix *posix = posix_of(io);
    assert(io->in_flight_count == 0);
    system_deinit(&posix->system);
    for (uint32_t i = 0; i < posix->watch_capacity; i++)
        free(posix->watches[i]);
    free(posix->watches);
    close(posix->epoll_fd);
    free(posix);
}
