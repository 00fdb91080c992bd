#include "io/uring_queue.h"

#include <errno.h>

void uring_queue_own(struct uring_queue *queue)
{
    if (queue->is_owned)
        return;
    queue->is_owned = true;
    enum status status = uring_ring_enable(&queue->ring);
    assert(status == STATUS_OK);
}

void uring_queue_check_submitted(const struct uring_queue *queue)
{
    if (io_uring_sq_ready(&queue->ring) == 0)
        return;
    const struct io_uring_sq *sq = &queue->ring.sq;
    const struct io_uring_sqe *first = &sq->sqes[*sq->khead & URING_ENTRY_MASK];
    assert((first->user_data & TAG_MASK) != TAG_SYNC);
}

void uring_queue_push(struct uring_queue *queue)
{
    uring_queue_own(queue);
    int submitted = io_uring_submit(&queue->ring);
    assert(submitted >= 0 || submitted == -EBUSY || submitted == -EAGAIN || submitted == -EINTR);
    uring_queue_check_submitted(queue);
}
