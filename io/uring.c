/* The uring backend: one ring per core.
 *
 * Requests become entries of the submission queue as they are made; all that one turn of the loop
 * has prepared goes to the kernel in the one call in which the loop also waits (or only looks) for
 * completions. The ring is made for one thread and for completions that appear only when that
 * thread asks (SINGLE_ISSUER, DEFER_TASKRUN), so nothing interrupts a turn; older kernels get the
 * same ring without these flags.
 *
 * The sync of a durable write goes to the kernel's threads when this thread enters the kernel after
 * the write, for which it has to be woken or to come to the end of its turn. A commit that is to go
 * at once is therefore written and synced by a thread of its own, a committer, which wakes this one
 * when both are done, and only if it sleeps.
 *
 * Connections do not block (O_NONBLOCK): the ring does not care, and what is sent from files goes
 * by sendfile(2), which does.
 *
 * In which order a turn's entries go out: uring_late.h. What an entry is, and how completions name
 * it: uring_queue.h. Which entries a request becomes:
 * uring_request.h. Whether this machine has rings at all: uring_setup.h. */
#include "io/uring.h"

#include "base/assert.h"
#include "io/socket.h"
#include "io/uring_late.h"
#include "io/uring_queue.h"
#include "io/uring_request.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    URING_WORKER_COUNT_MAX = 2,
    URING_NS_PER_S = 1000000000,
};

struct uring {
    struct system_io system;
    struct uring_queue queue;
    bool bell_is_armed;
    bool signal_is_armed;
    uint32_t kept_count; /* files that the ring holds open */
    struct list held;    /* requests for which the queue had no room */
    struct uring_late late;
};

static struct uring *uring_of(struct io *io)
{
    return container_of(system_of(io), struct uring, system);
}

static bool is_for_committer(const struct io_request *request)
{
    return request->kind == IO_WRITE && (request->flags & IO_FLAG_AT_ONCE) != 0;
}

/* A commit for which there can be no thread goes through the ring like any durable write. */
static void uring_submit(struct io *io, struct io_request *request)
{
    struct uring *uring = uring_of(io);
    assert(!list_node_is_linked(&request->backend_node));
    if (request->kind == IO_SIGNAL) {
        system_signal_start(&uring->system, request);
        return;
    }
    if (uring_request_is_for_worker(request)) {
        workers_give(&uring->system.workers, request);
        return;
    }
    if (is_for_committer(request))
        uring_late_note_commit(&uring->late);
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
    if (uring_is_late(request))
        uring_late_add(&uring->late, request);
    else if (uring_queue_has_room(&uring->queue, URING_REQUEST_ENTRY_COUNT_MAX))
        uring_request_prepare(&uring->queue, request);
    else
        list_push_back(&uring->held, &request->backend_node);
}

/* --- Completions ---------------------------------------------------------------------------- */

static void uring_completion(struct uring *uring, const struct io_uring_cqe *completion)
{
    uint64_t word = completion->user_data;
    struct io_request *request = (struct io_request *)(uintptr_t)(word & ~(uint64_t)TAG_MASK);
    switch ((enum uring_tag)(word & TAG_MASK)) {
    case TAG_REQUEST: uring_request_answered(&uring->system, request, completion->res); return;
    case TAG_SYNC: uring_request_synced(&uring->system, request, completion->res); return;
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
    io_uring_for_each_cqe(&uring->queue.ring, head, completion)
    {
        uring_completion(uring, completion);
        count++;
    }
    io_uring_cq_advance(&uring->queue.ring, count);
}

/* --- Polling ---------------------------------------------------------------------------------- */

/* Armed again whenever the kernel has let go of the watch, which it may do at any time. */
static void uring_arm(struct uring *uring)
{
    struct system_io *system = &uring->system;
    if (!uring->bell_is_armed && uring_queue_has_room(&uring->queue, 1)) {
        struct io_uring_sqe *entry = uring_queue_entry(&uring->queue);
        io_uring_prep_poll_multishot(entry, mailroom_bell(system->room, system->io.core_index),
                                     POLLIN);
        uring_tag(entry, NULL, TAG_BELL);
        uring->bell_is_armed = true;
    }
    if (system->signal_request != NULL && !uring->signal_is_armed &&
        uring_queue_has_room(&uring->queue, 1)) {
        struct io_uring_sqe *entry = uring_queue_entry(&uring->queue);
        io_uring_prep_poll_add(entry, system->signal_fd, POLLIN);
        uring_tag(entry, NULL, TAG_SIGNAL);
        uring->signal_is_armed = true;
    }
}

/* In the order in which they came; the first that has no room keeps the others waiting. */
static void uring_release_held(struct uring *uring)
{
    struct list_node *node;
    while ((node = list_first(&uring->held)) != NULL &&
           uring_queue_has_room(&uring->queue, URING_REQUEST_ENTRY_COUNT_MAX)) {
        list_remove(node);
        uring_request_prepare(&uring->queue, container_of(node, struct io_request, backend_node));
    }
}

/* A completion on the sleeper's ring wakes it and goes out with everything else; the bell takes a
 * call of its own. */
static void uring_wake(struct uring *uring, uint32_t core)
{
    struct mailroom *room = uring->system.room;
    int ring = mailroom_ring(room, core);
    if (ring < 0 || !uring_queue_has_room(&uring->queue, 1)) {
        mailroom_ring_bell(room, core);
        return;
    }
    struct io_uring_sqe *entry = uring_queue_entry(&uring->queue);
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
        return io_uring_submit_and_wait_timeout(&uring->queue.ring, &first, 1, NULL, NULL);
    uint64_t now_ns = system_now_ns(&uring->system.io);
    uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct __kernel_timespec limit = {.tv_sec = (long long)(wait_ns / URING_NS_PER_S),
                                      .tv_nsec = (long long)(wait_ns % URING_NS_PER_S)};
    return io_uring_submit_and_wait_timeout(&uring->queue.ring, &first, 1, &limit, NULL);
}

static void uring_poll(struct io *io, uint64_t deadline_ns)
{
    struct uring *uring = uring_of(io);
    uring_queue_own(&uring->queue);
    uring_arm(uring);
    uring_release_held(uring);
    uring_late_release(&uring->late);
    bool may_wait = deadline_ns > 0 && list_is_empty(&uring->held) &&
                    uring_late_is_empty(&uring->late) && ready_queue_is_empty(&io->ready) &&
                    system_sleep(&uring->system);
    uring_wake_sleepers(uring);
    int answer = may_wait ? uring_enter_and_wait(uring, deadline_ns)
                          : io_uring_submit_and_get_events(&uring->queue.ring);
    assert(answer >= 0 || answer == -ETIME || answer == -EINTR || answer == -EAGAIN ||
           answer == -EBUSY);
    uring_queue_check_submitted(&uring->queue);
    system_awake(&uring->system);
    uring_reap(uring);
}

/* --- The rest of the table -------------------------------------------------------------------- */

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
    uring_queue_push(&uring->queue);
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
    enum status status = uring_ring_open(&uring->queue.ring);
    if (status != STATUS_OK) {
        free(uring);
        return status;
    }
    list_init(&uring->held);
    system_init(&uring->system, &uring_backend, options, URING_WORKER_COUNT_MAX);
    uring_late_init(&uring->late, &uring->queue, &uring->system);
    if (uring_ring_takes_messages(&uring->queue.ring))
        mailroom_set_ring(options->room, options->core_index, uring->queue.ring.ring_fd);
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
    unsigned ring = (unsigned)uring->queue.ring.ring_fd;
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
    assert(uring_late_is_empty(&uring->late));
    mailroom_set_ring(uring->system.room, io->core_index, -1);
    io_uring_queue_exit(&uring->queue.ring);
    system_deinit(&uring->system);
    free(uring);
}
