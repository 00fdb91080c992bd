/* Where slabs come from on this machine: the system, one ahead of their use.
 *
 * The first touch of a huge page clears 2 MiB, and on a virtual machine the host looks for that
 * memory then: up to milliseconds, in which a core would answer nobody. So a worker maps and
 * touches the next slab while the one before fills, and the core takes it without a system call. It
 * is touched by plain writes: a populating call would hold the lock of the address space as long as
 * it takes, and the core would wait for that wherever it maps something.
 *
 * A slab that comes back is kept in the place of the next, if there is none: it has been touched.
 * Belongs to one core. Only io/ includes this. */
#ifndef TAILRACE_IO_SLAB_MEMORY_H
#define TAILRACE_IO_SLAB_MEMORY_H

#include "io/workers.h"

struct slab_memory {
    struct workers *workers;
    uint8_t *ahead;            /* IO_SLAB_SIZE bytes, touched; NULL: none */
    struct io_request request; /* with the workers while is_asked; no business of the door's user */
    bool is_asked;
};

/* The workers must outlive it, and `call` of their owner give its request to slab_memory_make. */
void slab_memory_init(struct slab_memory *memory, struct workers *workers);

/* Nothing may be with the workers any more. */
void slab_memory_deinit(struct slab_memory *memory);

/* IO_SLAB_SIZE bytes, in a huge page if there is one; NULL without memory. */
uint8_t *slab_memory_take(struct slab_memory *memory);
void slab_memory_give(struct slab_memory *memory, uint8_t *slab);

/* Another one will be wanted soon: a worker makes it, unless there is one or it is being made. */
void slab_memory_expect(struct slab_memory *memory);

/* On a worker's thread: STATUS_OK or STATUS_NO_MEMORY. */
int32_t slab_memory_make(struct io_request *request);

/* The request has come back from the workers. */
void slab_memory_made(struct slab_memory *memory);

#endif
