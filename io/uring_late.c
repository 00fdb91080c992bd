#include "io/uring_late.h"

#include "base/assert.h"
#include "io/sendfile.h"
#include "io/uring_request.h"

enum {
    RECEIVE_SIZE_MAX = 512 * 1024,    /* what the receives of one turn may take in, about */
    LARGE_SIZE = 256 * 1024,          /* of a send; and a step of one beside commits */
    STEP_SIZE_MAX = 2 * 1024 * 1024,  /* more than nearly all answers have */
    COURTESY_NS = 1000 * 1000 * 1000, /* so long after a commit sends are courteous */
};

void uring_late_init(struct uring_late *late, struct uring_queue *queue, struct system_io *system)
{
    *late = (struct uring_late){.queue = queue, .system = system};
    list_init(&late->sends);
    list_init(&late->large);
    list_init(&late->receives);
    queue->send_step_size = STEP_SIZE_MAX;
}

void uring_late_note_commit(struct uring_late *late)
{
    late->courteous_until_ns = late->system->io.now_ns + COURTESY_NS;
}

/* --- Adding ----------------------------------------------------------------------------------- */

bool uring_is_late(const struct io_request *request)
{
    return request->kind == IO_RECEIVE || request->kind == IO_SEND || request->kind == IO_SENDFILE;
}

/* A send of which much is left. */
static bool is_large(const struct io_request *request)
{
    if (request->kind == IO_SENDFILE)
        return true;
    size_t size = 0;
    for (uint32_t i = request->send.piece_index; i < request->send.piece_count; i++) {
        size += request->send.pieces[i].size;
        if (size > request->send.piece_done + LARGE_SIZE)
            return true;
    }
    return false;
}

void uring_late_add(struct uring_late *late, struct io_request *request)
{
    assert(uring_is_late(request));
    assert(!list_node_is_linked(&request->backend_node));
    if (request->kind == IO_RECEIVE)
        list_push_back(&late->receives, &request->backend_node);
    else
        list_push_back(is_large(request) ? &late->large : &late->sends, &request->backend_node);
}

bool uring_late_is_empty(const struct uring_late *late)
{
    return list_is_empty(&late->sends) && list_is_empty(&late->large) &&
           list_is_empty(&late->receives);
}

/* --- Releasing -------------------------------------------------------------------------------- */

/* Whether something has landed since this turn has looked. What the kernel has not made a
 * completion yet shows as a flag of the ring. */
static bool is_awaited(const struct uring_late *late)
{
    const struct io_uring *ring = &late->queue->ring;
    return system_has_done(late->system) || io_uring_cq_ready(ring) > 0 ||
           (__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN) != 0;
}

static bool is_courteous(const struct uring_late *late)
{
    return late->system->io.now_ns < late->courteous_until_ns;
}

/* There is no entry for it that would not take a thread of the kernel's for as long as the client
 * takes. So the ring is only asked to say when a full socket takes more. */
static void send_from_file(struct uring_late *late, struct io_request *request)
{
    int32_t result;
    uint32_t known_index = 0;
    size_t before_bytes = request->send.sent_bytes;
    size_t step_size = is_courteous(late) ? SENDFILE_STEP_SIZE : SENDFILE_TURN_SIZE;
    do
        result = sendfile_attempt(request, step_size, &known_index);
    while (result == SENDFILE_LATER && !is_awaited(late) &&
           request->send.sent_bytes - before_bytes < SENDFILE_TURN_SIZE);
    if (result == SENDFILE_LATER)
        list_push_back(&late->large, &request->backend_node);
    else if (result == SENDFILE_WAIT)
        uring_request_prepare(late->queue, request);
    else if (result == SENDFILE_LOAD)
        workers_give(&late->system->workers, request);
    else
        io_complete(&late->system->io, request, result);
}

static void release_sends(struct uring_late *late)
{
    struct list_node *node;
    while ((node = list_first(&late->sends)) != NULL && uring_queue_has_room(late->queue, 1)) {
        list_remove(node);
        uring_request_prepare(late->queue, container_of(node, struct io_request, backend_node));
    }
}

static void send_large(struct uring_late *late, struct io_request *request)
{
    if (request->kind == IO_SENDFILE)
        send_from_file(late, request);
    else
        uring_request_prepare(late->queue, request);
}

/* Each that there is, once; or only the one that has waited longest, behind all else that the turn
 * has prepared. */
static void release_large(struct uring_late *late)
{
    bool is_one = is_courteous(late); /* by a step */
    late->queue->send_step_size = is_one ? LARGE_SIZE : STEP_SIZE_MAX;
    struct list turn;
    list_init(&turn);
    list_append(&turn, &late->large);
    if (is_one && !list_is_empty(&turn) && io_uring_sq_ready(&late->queue->ring) > 0)
        uring_queue_push(late->queue);
    struct list_node *node;
    bool may_go_on = true;
    while (may_go_on && (node = list_first(&turn)) != NULL &&
           uring_queue_has_room(late->queue, 1)) {
        list_remove(node);
        send_large(late, container_of(node, struct io_request, backend_node));
        may_go_on = !is_one;
    }
    list_append(&turn, &late->large);
    list_append(&late->large, &turn);
}

/* When much is to be copied, what has landed meanwhile is looked at in between: the sync of a
 * write, above all, sets out only then. */
static void release_receives(struct uring_late *late)
{
    uint64_t size_bytes = 0;
    struct list_node *node;
    while (size_bytes < RECEIVE_SIZE_MAX && (node = list_first(&late->receives)) != NULL &&
           uring_queue_has_room(late->queue, 1)) {
        struct io_request *request = container_of(node, struct io_request, backend_node);
        list_remove(node);
        size_bytes += request->transfer.size_bytes;
        uring_request_prepare(late->queue, request);
    }
}

void uring_late_release(struct uring_late *late)
{
    if (!uring_late_is_empty(late) && late->queue->has_file)
        uring_queue_push(late->queue);
    late->queue->has_file = false;
    release_sends(late);
    release_large(late);
    release_receives(late);
}
