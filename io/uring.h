/* The backend that production uses. Only io/ includes this. */
#ifndef TAILRACE_IO_URING_H
#define TAILRACE_IO_URING_H

#include "io/system.h"

/* STATUS_UNSUPPORTED, STATUS_NO_MEMORY, STATUS_NO_FILES. The ring belongs to the thread that first
 * turns the door. */
enum status uring_create(const struct system_options *options, struct io **io);
void uring_destroy(struct io *io);

enum { URING_KEPT_MAX = 33 };

/* The ring keeps the file open until it is gone and nothing is in flight in it. At most
 * URING_KEPT_MAX files. */
enum status uring_keep_open(struct io *io, int descriptor);

#endif
