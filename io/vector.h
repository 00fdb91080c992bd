/* Pieces as the kernel takes them. Only io/ includes this. */
#ifndef TAILRACE_IO_VECTOR_H
#define TAILRACE_IO_VECTOR_H

#include "base/bytes.h"

#include <stddef.h>
#include <sys/uio.h>

_Static_assert(sizeof(struct bytes) == sizeof(struct iovec), "same size");
_Static_assert(offsetof(struct bytes, data) == offsetof(struct iovec, iov_base), "same pointer");
_Static_assert(offsetof(struct bytes, size) == offsetof(struct iovec, iov_len), "same length");

/* A list of pieces is handed over as it is. */
static inline struct iovec *vector_of(const struct bytes *pieces)
{
    return (struct iovec *)pieces;
}

#endif
