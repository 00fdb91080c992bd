/* A request's way through the ring: the entries that it becomes, and what the kernel's answer to
 * them makes of it.
 *
 * A durable write is two linked entries of which exactly one is reported. The write is silent when
 * it wrote everything; then the sync runs, and its result is the answer. When the write fails or
 * is short, it is reported and the sync is dropped without a word (IOSQE_CQE_SKIP_SUCCESS); the
 * rest goes out as a new pair, so no sync ever counts for bytes that came after it.
 *
 * Only io/ includes this. */
#ifndef TAILRACE_IO_URING_REQUEST_H
#define TAILRACE_IO_URING_REQUEST_H

#include "io/system.h"
#include "io/uring_queue.h"

/* What uring_request_prepare may take of the queue. A pair must not be torn apart, so room for it
 * is asked for whatever the request is. */
enum { URING_REQUEST_ENTRY_COUNT_MAX = 2 };

/* Those without an opcode on the oldest kernel served. They are rare: a worker does them. */
bool uring_request_is_for_worker(const struct io_request *request);

/* Of all others but IO_SIGNAL. An IO_SENDFILE becomes the question when its socket takes more. */
void uring_request_prepare(struct uring_queue *queue, struct io_request *request);

/* `answer` is the kernel's: a count or a negative errno. Completes the request, or submits what is
 * left of it. */
void uring_request_answered(struct system_io *system, struct io_request *request, int32_t answer);

/* The sync of a pair was reported, not its write. */
void uring_request_synced(struct system_io *system, struct io_request *request, int32_t answer);

#endif
