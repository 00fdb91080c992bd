/* What a turn of a ring sends and receives, and when. The kernel does both while it takes entries
 * in, and gives the disk its writes when it has taken in all of them. So what a turn has prepared
 * goes out in this order: writes and reads of files, by themselves; small answers; large ones;
 * receives, which take their time if much has come.
 *
 * A large answer may take longer than a commit does. While there are commits, one goes in a turn,
 * by a step, and what has landed meanwhile, a commit perhaps, comes before the next step. Otherwise
 * nobody would gain by it, and looking for what has landed is not for nothing.
 *
 * Only io/ includes this. */
#ifndef TAILRACE_IO_URING_LATE_H
#define TAILRACE_IO_URING_LATE_H

#include "io/system.h"
#include "io/uring_queue.h"

struct uring_late {
    struct uring_queue *queue;
    struct system_io *system;
    uint64_t courteous_until_ns;
    struct list sends;    /* of this turn; they go out behind all writes */
    struct list large;    /* sends, behind those that are small */
    struct list receives; /* behind all sends */
};

void uring_late_init(struct uring_late *late, struct uring_queue *queue, struct system_io *system);

/* Somebody waits for the disk, and for what comes after it. */
void uring_late_note_commit(struct uring_late *late);

/* Whether it is for here. */
bool uring_is_late(const struct io_request *request);

/* It waits for the next release. */
void uring_late_add(struct uring_late *late, struct io_request *request);

bool uring_late_is_empty(const struct uring_late *late);

/* Prepares what waits, and has what is prepared go out where order wants it. Nothing is left behind
 * but large sends and receives beyond what one turn may move. */
void uring_late_release(struct uring_late *late);

#endif
