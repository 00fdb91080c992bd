/* Objects of one size, at most so many of them. Requests, timers and connections come from pools,
 * so that every kind of work has a limit: an empty pool answers NULL, and whoever asked stops
 * reading from its socket until something comes back. That is the back-pressure; it is not an error
 * to log.
 *
 * Memory is taken in slabs as it is first needed and kept until the pool ends: an idle broker stays
 * small, and a busy one stops calling malloc. A free object's first bytes hold the link to the next
 * free one. Under AddressSanitizer free objects are poisoned, so use after release is found there.
 * Belongs to one core. */
#ifndef TAILRACE_BASE_POOL_H
#define TAILRACE_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_free;
struct pool_slab;

struct pool {
    struct pool_free *free;
    struct pool_slab *slabs;
    size_t object_size; /* rounded up to the alignment of any type */
    uint32_t count_max;
    uint32_t made_count; /* objects that have memory, free or not */
    uint32_t in_use_count;
    uint32_t in_use_peak;   /* the most that were out at once */
    uint64_t refused_count; /* how often acquire answered NULL */
};

/* A pool that takes no memory until the first acquire. Sizes and count above 0. */
void pool_init(struct pool *pool, size_t object_size, uint32_t count_max);

/* Frees all memory. Every object must have been released. */
void pool_deinit(struct pool *pool);

/* An object aligned for any type, its content undefined; NULL when count_max are out, or when the
 * machine has no memory for the next slab. */
void *pool_acquire(struct pool *pool);

/* Takes back an object of this pool. */
void pool_release(struct pool *pool, void *object);

static inline bool pool_is_empty(const struct pool *pool)
{
    return pool->in_use_count == pool->count_max;
}

#endif
