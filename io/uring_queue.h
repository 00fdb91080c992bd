/* The submission queue of a ring: entries are prepared in it, and all that lie there go to the
 * kernel in one call.
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
 * Only io/ includes this. */
#ifndef TAILRACE_IO_URING_QUEUE_H
#define TAILRACE_IO_URING_QUEUE_H

#include "base/assert.h"
#include "io/io.h"
#include "io/uring_setup.h"

#include <sys/socket.h>

enum uring_tag {
    TAG_REQUEST,
    TAG_SYNC,
    TAG_BELL,
    TAG_MESSAGE,
    TAG_SIGNAL,
    TAG_MASK = 7,
};

enum { TAG_BITS = 3 };

_Static_assert(_Alignof(struct io_request) > TAG_MASK, "a request's address leaves room for a tag");

/* What the kernel reads at the submission of an entry and not later. */
union uring_slot {
    struct bytes pieces[IO_WRITE_PIECE_COUNT_MAX];
    struct msghdr message;
    struct sockaddr_storage address;
};

struct uring_queue {
    struct io_uring ring;
    bool is_owned;         /* by the thread that turns this door */
    bool has_file;         /* a read or write of one among the entries that have not gone out yet */
    size_t send_step_size; /* what one entry sends of an IO_SEND, and a piece more at most */
    union uring_slot slots[URING_ENTRY_COUNT]; /* one for each entry */
};

/* The first turn makes its thread the ring's owner. */
void uring_queue_own(struct uring_queue *queue);

/* All that is prepared goes out, as far as the kernel takes it. */
void uring_queue_push(struct uring_queue *queue);

/* After every call that has submitted. A commit must not go out in halves: without its write in
 * front of it the sync would run at once. It can happen only where the kernel has no memory for one
 * more request. */
void uring_queue_check_submitted(const struct uring_queue *queue);

/* Pushes when there is none; false if that did not help. */
static inline bool uring_queue_has_room(struct uring_queue *queue, uint32_t entry_count)
{
    assert(entry_count > 0);
    assert(entry_count <= URING_ENTRY_COUNT);
    if (io_uring_sq_space_left(&queue->ring) >= entry_count)
        return true;
    uring_queue_push(queue);
    return io_uring_sq_space_left(&queue->ring) >= entry_count;
}

/* The caller has seen to it that there is room. */
static inline struct io_uring_sqe *uring_queue_entry(struct uring_queue *queue)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&queue->ring);
    assert(entry != NULL);
    return entry;
}

static inline union uring_slot *uring_queue_slot(struct uring_queue *queue,
                                                 const struct io_uring_sqe *entry)
{
    size_t index = (size_t)(entry - queue->ring.sq.sqes);
    assert(index < URING_ENTRY_COUNT);
    return &queue->slots[index];
}

static inline void uring_tag(struct io_uring_sqe *entry, const struct io_request *request,
                             enum uring_tag tag)
{
    assert(((uintptr_t)request & TAG_MASK) == 0);
    assert(tag < TAG_MASK);
    io_uring_sqe_set_data64(entry, (uintptr_t)request | tag);
}

#endif
