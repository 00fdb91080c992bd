/* Memory that is freed all at once. A request takes what it needs from its arena and dies with it;
 * nothing in an arena is freed alone. An arena has a limit: when it is reached, allocation answers
 * NULL and the request is refused, so one client cannot take the memory of all. Not shared between
 * cores. */
#ifndef TAILRACE_BASE_ARENA_H
#define TAILRACE_BASE_ARENA_H

#include "base/assert.h"

#include <stddef.h>
#include <stdint.h>

enum { ARENA_ALIGNMENT = 16 };

struct arena_block;

struct arena {
    struct arena_block *block; /* the newest; older ones hang behind it */
    uint8_t *free;             /* what is left of the newest block, a multiple of the alignment */
    size_t free_bytes;
    size_t total_bytes; /* of all blocks */
    size_t limit_bytes;
};

/* An arena that takes no memory until it is used. */
void arena_init(struct arena *arena, size_t limit_bytes);

/* The same, but it begins in memory of its owner, who keeps it until after arena_deinit. It is
 * counted in the limit, and need not be aligned: up to 15 bytes of it are left out for that. */
void arena_init_in(struct arena *arena, void *first, size_t first_bytes, size_t limit_bytes);

/* Frees everything. The arena may be used again after arena_reset; not after arena_deinit. */
void arena_deinit(struct arena *arena);

/* Forgets everything that was allocated; keeps one small block for the next use. */
void arena_reset(struct arena *arena);

/* As arena_allocate, whatever is left of the newest block. */
void *arena_allocate_slowly(struct arena *arena, size_t size);

/* From the newest block, which has as much left; a multiple of the alignment. */
static inline void *arena_take(struct arena *arena, size_t size)
{
    assert(size <= arena->free_bytes);
    void *result = arena->free;
    arena->free += size;
    arena->free_bytes -= size;
    return result;
}

/* `size` bytes aligned for any type, not cleared; NULL when the limit is reached. Size 0 answers a
 * pointer that must not be followed. A request asks a dozen times, and nearly always there is
 * enough left: so this is part of whoever asks. */
static inline void *arena_allocate(struct arena *arena, size_t size)
{
    if (size >= arena->free_bytes)
        return arena_allocate_slowly(arena, size);
    return arena_take(arena, (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1));
}

/* `count` elements of `size` bytes, cleared; NULL when the product overflows or the limit is
 * reached. */
void *arena_allocate_array(struct arena *arena, size_t count, size_t size);

/* A copy of `size` bytes followed by a zero byte; NULL when the limit is reached. */
char *arena_copy_text(struct arena *arena, const void *text, size_t size);

#endif
