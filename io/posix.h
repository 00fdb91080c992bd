/* The backend for machines that refuse io_uring. Only io/ includes this. */
#ifndef TAILRACE_IO_POSIX_H
#define TAILRACE_IO_POSIX_H

#include "io/system.h"

/* STATUS_NO_MEMORY, STATUS_NO_FILES. */
enum status posix_create(const struct system_options *options, struct io **io);
void posix_destroy(struct io *io);

#endif
