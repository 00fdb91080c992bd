/* Which units of a slab are free. Pure: knows numbers, not memory.
 *
 * A slab is 512 units of 4 KiB, and a unit is a bit. What is taken is a run of any length; the
 * lowest place that is long enough serves, so what is left free stays together at the upper end.
 * Runs need no rounding to powers of two and no alignment to their own length, which is why a batch
 * of 64 KiB with its header takes little more than that. */
#ifndef TAILRACE_IO_SLAB_CORE_H
#define TAILRACE_IO_SLAB_CORE_H

#include <stdint.h>

enum {
    SLAB_UNIT_COUNT = 512,
    SLAB_WORD_UNITS = 64,
    SLAB_WORD_COUNT = SLAB_UNIT_COUNT / SLAB_WORD_UNITS,
    SLAB_NOWHERE = UINT16_MAX
};

struct slab_core {
    uint64_t free[SLAB_WORD_COUNT]; /* a bit is set: the unit is free */
    uint32_t free_count;
    uint32_t run_bound; /* no free run is longer; the longest may be shorter */
};

/* All free. */
void slab_core_init(struct slab_core *core);

/* Where a run of `count` units begins that is taken from here on; SLAB_NOWHERE when none is that
 * long. */
uint32_t slab_core_take(struct slab_core *core, uint32_t count);

/* Units that were taken, not necessarily by one call. */
void slab_core_give(struct slab_core *core, uint32_t first, uint32_t count);

#endif
