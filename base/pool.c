/* A slab holds as many objects as fit into 16 KiB, at least one. Objects that come back go to the
 * front of the free list: the one used last is the one still in the cache. */
#include "base/pool.h"

#include "base/assert.h"
#include "base/poison.h"

#include <stdlib.h>

enum { POOL_ALIGNMENT = 16, POOL_SLAB_BYTES = 16 * 1024 };

struct pool_free {
    struct pool_free *next;
};

struct pool_slab {
    struct pool_slab *older;
    _Alignas(POOL_ALIGNMENT) uint8_t objects[];
};

void pool_init(struct pool *pool, size_t object_size, uint32_t count_max)
{
    assert(object_size > 0);
    assert(object_size < SIZE_MAX / 2);
    assert(count_max > 0);
    size_t rounded = (object_size + POOL_ALIGNMENT - 1) & ~(size_t)(POOL_ALIGNMENT - 1);
    *pool = (struct pool){.object_size = rounded, .count_max = count_max};
}

void pool_deinit(struct pool *pool)
{
    assert(pool->in_use_count == 0);
    assert(pool->made_count == 0 || pool->slabs != NULL);
    while (pool->slabs != NULL) {
        struct pool_slab *older = pool->slabs->older;
        free(pool->slabs);
        pool->slabs = older;
    }
    *pool = (struct pool){0};
}

static void pool_put(struct pool *pool, struct pool_free *object)
{
    assert((uintptr_t)object % POOL_ALIGNMENT == 0);
    object->next = pool->free;
    pool->free = object;
    ASAN_POISON_MEMORY_REGION(object, pool->object_size);
}

/* Objects are put from the last to the first, so that they are acquired in order of address. */
static void pool_grow(struct pool *pool)
{
    assert(pool->made_count < pool->count_max);
    size_t count = POOL_SLAB_BYTES / pool->object_size;
    if (count == 0)
        count = 1;
    if (count > pool->count_max - pool->made_count)
        count = pool->count_max - pool->made_count;
    struct pool_slab *slab = malloc(sizeof *slab + count * pool->object_size);
    if (slab == NULL)
        return;
    slab->older = pool->slabs;
    pool->slabs = slab;
    pool->made_count += (uint32_t)count;
    for (size_t i = count; i > 0; i--)
        pool_put(pool, (struct pool_free *)(slab->objects + (i - 1) * pool->object_size));
}

void *pool_acquire(struct pool *pool)
{
    assert(pool->count_max > 0);
    if (pool->free == NULL && pool->made_count < pool->count_max)
        pool_grow(pool);
    struct pool_free *object = pool->free;
    if (object == NULL) {
        pool->refused_count++;
        return NULL;
    }
    ASAN_UNPOISON_MEMORY_REGION(object, pool->object_size);
    pool->free = object->next;
    pool->in_use_count++;
    if (pool->in_use_count > pool->in_use_peak)
        pool->in_use_peak = pool->in_use_count;
    assert(pool->in_use_count <= pool->made_count);
    return object;
}

void pool_release(struct pool *pool, void *object)
{
    assert(object != NULL);
    assert(pool->in_use_count > 0);
    assert(pool->in_use_count <= pool->made_count);
    pool->in_use_count--;
    pool_put(pool, object);
}
