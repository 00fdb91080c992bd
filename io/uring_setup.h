/* Making a ring, on every kernel from 5.17 on, and saying why it cannot be made. Only io/ includes
 * this. */
#ifndef TAILRACE_IO_URING_SETUP_H
#define TAILRACE_IO_URING_SETUP_H

#include "base/status.h"

#include <liburing.h>
#include <stdbool.h>

/* Completions have room for many requests in flight; beyond that the kernel keeps them. */
enum {
    URING_ENTRY_COUNT = 256,
    URING_ENTRY_MASK = URING_ENTRY_COUNT - 1,
    URING_COMPLETION_COUNT = 4096
};

/* Why this process cannot use io_uring: a short English text; NULL when it can. */
const char *uring_refusal(void);

/* A ring that takes no entries yet. STATUS_UNSUPPORTED, STATUS_NO_MEMORY, STATUS_NO_FILES. */
enum status uring_ring_open(struct io_uring *ring);

/* Whether rings of this kernel can be sent completions by other rings (5.18). */
bool uring_ring_takes_messages(struct io_uring *ring);

/* On the thread that will use it, and no other thread will. */
enum status uring_ring_enable(struct io_uring *ring);

#endif
