/* Where slabs come from on this machine: the system, one ahead of their use.
 *
 * The first touch of a huge page clears 2 MiB, and on a virtual machine the host looks for that
 * memory then: up to milliseconds, in which a core would answer nobody. So the core maps the next
 * slab while the one before fills, and a thread of its own touches it; the core takes it without a
 * system call. The thread stands back (scheduling.h): with the scheduler's usual ways it would keep
 * the processor until it is done or until the next tick, and a core that is woken there would wait.
 * Where others keep all processors busy, it may not be done in time, and the core takes another
 * slab that nobody has touched.
 *
 * Slabs are touched by plain writes: a populating call would hold the lock of the address space as
 * long as it takes, and the core would wait for that wherever it maps something. The two share one
 * atomic flag and no lock, because a thread that stands back may keep a lock for long.
 *
 * A slab that comes back is kept in the place of the next, if there is none: it has been touched.
 * Belongs to one core. Only io/ includes this. */
#ifndef TAILRACE_IO_SLAB_MEMORY_H
#define TAILRACE_IO_SLAB_MEMORY_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct slab_memory {
    uint8_t *ahead; /* IO_SLAB_SIZE bytes; NULL: none. Stays while it is being touched */
    _Atomic bool is_being_touched; /* set by the core, cleared by the thread */
    _Atomic bool is_stopping;
    sem_t calls; /* of the thread */
    bool has_thread;
    pthread_t thread;
    cpu_set_t cpus; /* where the process could run before its reactors were pinned */
};

void slab_memory_init(struct slab_memory *memory);

/* Waits for the thread. */
void slab_memory_deinit(struct slab_memory *memory);

/* IO_SLAB_SIZE bytes, in a huge page if there is one; NULL without memory. */
uint8_t *slab_memory_take(struct slab_memory *memory);
void slab_memory_give(struct slab_memory *memory, uint8_t *slab);

/* Another one will be wanted soon: it is mapped and touched, unless there is one. Without memory or
 * a thread, whoever comes next does both himself. */
void slab_memory_expect(struct slab_memory *memory);

#endif
