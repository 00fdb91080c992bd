/* Slabs: 2 MiB pieces of memory in huge pages where the machine has them, out of which a pool of
 * chunks takes what it gives away.
 *
 * A transfer past the page cache holds on to every page of its buffer and names every run of them
 * to the disk: seventeen of each for a batch of 64 KiB in small pages, one in a huge one; and a
 * huge page is a single fault where there were 512. The price is that the first byte used makes 2
 * MiB resident, so small things, which idle connections and partitions hold, do not come from here.
 *
 * A set has a limit in slabs. One slab that nobody uses is kept, the others go back to the door,
 * which is told in time when the next one will be wanted (slab_memory.h).
 * Under AddressSanitizer what is free is poisoned. Belongs to one core. Only io/ includes this. */
#ifndef TAILRACE_IO_SLAB_H
#define TAILRACE_IO_SLAB_H

#include "base/list.h"
#include "io/io_backend.h"
#include "io/slab_core.h"

enum { SLAB_UNIT_SIZE = IO_SLAB_SIZE / SLAB_UNIT_COUNT };

struct slab {
    struct slab_core core;
    struct list_node node; /* set->slabs */
    uint8_t *memory;
};

struct slab_set {
    struct io *io;
    struct list slabs; /* in the order in which they are searched */
    uint32_t count;
    uint32_t empty_count;
    uint32_t count_max;
};

/* Takes no memory until something is taken. `size_bytes_max`: what may be out at once; some more
 * than that may be held, because runs leave gaps. */
void slab_set_init(struct slab_set *set, struct io *io, size_t size_bytes_max);

/* Everything must be back. */
void slab_set_deinit(struct slab_set *set);

/* At least `size_bytes`, aligned to SLAB_UNIT_SIZE, content undefined, and the slab they are in;
 * NULL, twice, when the set is full or the machine has no memory. At most IO_SLAB_SIZE. */
uint8_t *slab_set_take(struct slab_set *set, size_t size_bytes, struct slab **slab);

/* What was taken, all of it. */
void slab_set_give(struct slab_set *set, struct slab *slab, uint8_t *memory, size_t size_bytes);

#endif
