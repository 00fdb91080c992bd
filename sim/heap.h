/* The memory of one life of a node, which dies with it.
 *
 * A process that is killed has operations in flight in every module; to free each of them would be
 * a second program, which nobody runs in production. So the programs of the simulator are linked
 * with --wrap for malloc and its kin, and what is allocated while a node has its turn goes onto the
 * list of that node's life; death frees what is still there. Memory of the simulator itself
 * (sim/memory.h) stays outside, also when it is needed in the middle of a turn.
 *
 *   header 48 | the caller's bytes
 *
 * Every block of such a program has the header, also those of no life, so that free() knows.
 *
 * Not covered: what libraries that are linked dynamically allocate for themselves; they must not
 * keep it beyond a turn. */
#ifndef TAILRACE_SIM_HEAP_H
#define TAILRACE_SIM_HEAP_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct heap {
    struct list blocks;
    uint64_t block_count;
    size_t used_bytes; /* as asked for, without headers */
    size_t peak_bytes;
};

void heap_init(struct heap *heap);

/* Frees every block of it, each poisoned first, so that who still looks at one finds nonsense. */
void heap_deinit(struct heap *heap);

/* From here on memory comes from this heap, or with NULL from none. Answers the one before, which
 * the caller enters again when he is done. */
struct heap *heap_enter(struct heap *heap);

#endif
