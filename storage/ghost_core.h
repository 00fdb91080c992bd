/* What was read back, kept for readers, and had to go: a memory of names only, so that what is
 * wanted again soon after can be told from what was read through once. Pure, and bounded: the
 * newest take the places of the oldest, in small groups by hash, so that it may now and then forget
 * a name before its time, or take one for another. Neither does harm: nothing but where a block is
 * kept hangs on it. */
#ifndef TAILRACE_STORAGE_GHOST_CORE_H
#define TAILRACE_STORAGE_GHOST_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum { GHOST_GROUP_SIZE = 8, GHOST_GROUP_COUNT = 2048 };

/* Tags of the names, the newest first; zero is none. */
struct ghost_core {
    uint32_t tags[GHOST_GROUP_COUNT][GHOST_GROUP_SIZE];
};

/* `name` is a hash of which all bits are good. Noted again it is as good as new. */
void ghost_core_note(struct ghost_core *core, uint64_t name);

bool ghost_core_has(const struct ghost_core *core, uint64_t name);

#endif
