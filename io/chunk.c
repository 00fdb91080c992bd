/* A chunk is returned on the core that owns its pool, and only there are the counters and the free
 * lists touched; another core's last release travels home as mail. So the reference count is the
 * only thing that cores share. */
#include "io/chunk.h"

#include "base/assert.h"

#include <stdlib.h>

_Static_assert(CHUNK_SIZE_MIN % IO_BLOCK_SIZE == 0, "any chunk may be written past the page cache");

enum {
    CHUNK_KEPT_DIVISOR = 4, /* of the limit, what may lie idle on the free lists */
    CHUNK_SLAB_SIZE_MIN = 32 * 1024,
    CHUNK_SLAB_SIZE_MAX = IO_SLAB_SIZE
};

static void chunk_came_home(struct completion *home, int32_t result);

void chunk_pool_init(struct chunk_pool *pool, struct io *io, size_t limit_bytes)
{
    assert(pool != NULL);
    assert(io != NULL);
    assert(limit_bytes >= CHUNK_SIZE_MIN);
    *pool = (struct chunk_pool){
        .io = io, .limit_bytes = limit_bytes, .kept_bytes_max = limit_bytes / CHUNK_KEPT_DIVISOR};
    for (uint32_t i = 0; i < CHUNK_CLASS_COUNT; i++)
        list_init(&pool->free[i]);
    list_init(&pool->kept);
    slab_set_init(&pool->slabs, io, limit_bytes);
}

static void chunk_destroy(struct chunk *chunk)
{
    assert(atomic_load_explicit(&chunk->reference_count, memory_order_relaxed) == 0);
    if (chunk->slab != NULL)
        slab_set_give(&chunk->pool->slabs, chunk->slab, chunk->data, chunk->capacity_bytes);
    else
        free(chunk->data);
    free(chunk);
}

/* Takes an idle chunk off the lists. */
static void chunk_unkeep(struct chunk *chunk)
{
    struct chunk_pool *pool = chunk->pool;
    assert(list_node_is_linked(&chunk->kept_node));
    assert(pool->kept_bytes >= chunk->capacity_bytes);
    list_remove(&chunk->home.node);
    list_remove(&chunk->kept_node);
    pool->kept_bytes -= chunk->capacity_bytes;
}

static struct chunk *chunk_take_kept(struct chunk_pool *pool, uint32_t class_index)
{
    assert(class_index < CHUNK_CLASS_COUNT);
    struct list_node *node = list_first(&pool->free[class_index]);
    if (node == NULL)
        return NULL;
    struct chunk *chunk = container_of(node, struct chunk, home.node);
    assert(chunk->class_index == class_index);
    chunk_unkeep(chunk);
    return chunk;
}

/* Frees idle chunks, those that have lain longest first, until at most `kept_bytes` are left. So
 * sizes that nobody asks for any more make way for those that come and go. */
static void chunk_pool_trim(struct chunk_pool *pool, size_t kept_bytes)
{
    while (pool->kept_bytes > kept_bytes) {
        struct chunk *oldest = container_of(list_last(&pool->kept), struct chunk, kept_node);
        chunk_unkeep(oldest);
        chunk_destroy(oldest);
    }
}

void chunk_pool_deinit(struct chunk_pool *pool)
{
    assert(pool->used_bytes == 0);
    chunk_pool_trim(pool, 0);
    assert(list_is_empty(&pool->kept));
    slab_set_deinit(&pool->slabs);
}

/* --- Sizes ------------------------------------------------------------------------------------
 *
 * In blocks of CHUNK_SIZE_MIN: 1 2 3 4 5 6 7 8 | 10 12 14 16 | 20 24 28 32 | 40 ... From 5 on a
 * size minus one has three leading bits that count, the first of them always set: the other two are
 * the place among four, the number of bits behind them says which four. */

static uint32_t chunk_class_of(size_t size_bytes)
{
    assert(size_bytes <= CHUNK_SIZE_MAX);
    if (size_bytes <= CHUNK_SIZE_MIN)
        return 0;
    uint32_t last_block = (uint32_t)((size_bytes - 1) / CHUNK_SIZE_MIN);
    uint32_t bit_count = 32 - (uint32_t)__builtin_clz(last_block);
    uint32_t shift = bit_count > 3 ? bit_count - 3 : 0;
    uint32_t class_index = 4 * shift + (last_block >> shift);
    assert(class_index < CHUNK_CLASS_COUNT);
    return class_index;
}

static size_t chunk_class_size(uint32_t class_index)
{
    assert(class_index < CHUNK_CLASS_COUNT);
    uint32_t shift = class_index < 8 ? 0 : class_index / 4 - 1;
    size_t blocks = (size_t)(class_index - 4 * shift + 1) << shift;
    assert(chunk_class_of(blocks * CHUNK_SIZE_MIN) == class_index);
    return blocks * CHUNK_SIZE_MIN;
}

/* --- Taking ----------------------------------------------------------------------------------- */

/* Where gaps between idle chunks are too short for this one, those make way. */
static uint8_t *chunk_slab_memory(struct chunk_pool *pool, size_t size_bytes, struct slab **slab)
{
    assert(size_bytes >= CHUNK_SLAB_SIZE_MIN);
    assert(size_bytes <= CHUNK_SLAB_SIZE_MAX);
    uint8_t *memory = slab_set_take(&pool->slabs, size_bytes, slab);
    if (memory != NULL || pool->kept_bytes == 0)
        return memory;
    chunk_pool_trim(pool, 0);
    return slab_set_take(&pool->slabs, size_bytes, slab);
}

/* Where those that are out leave no gap that is long enough, the chunk lies by itself: what the
 * limit allows is not refused for where others lie, or half the cache would be given up to bring
 * together what one large read needs. */
static uint8_t *chunk_memory(struct chunk_pool *pool, size_t size_bytes, struct slab **slab)
{
    *slab = NULL;
    if (size_bytes >= CHUNK_SLAB_SIZE_MIN && size_bytes <= CHUNK_SLAB_SIZE_MAX) {
        uint8_t *memory = chunk_slab_memory(pool, size_bytes, slab);
        if (memory != NULL)
            return memory;
    }
    assert(*slab == NULL);
    return aligned_alloc(IO_BLOCK_SIZE, size_bytes);
}

static struct chunk *chunk_create(struct chunk_pool *pool, uint32_t class_index)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    chunk->capacity_bytes = (uint32_t)chunk_class_size(class_index);
    chunk->data = chunk_memory(pool, chunk->capacity_bytes, &chunk->slab);
    if (chunk->data == NULL) {
        free(chunk);
        return NULL;
    }
    chunk->class_index = class_index;
    chunk->pool = pool;
    completion_init(&chunk->home, chunk_came_home);
    list_node_init(&chunk->kept_node);
    return chunk;
}

struct chunk *chunk_acquire(struct chunk_pool *pool, size_t size_bytes)
{
    assert(pool->used_bytes <= pool->limit_bytes);
    if (size_bytes > CHUNK_SIZE_MAX)
        return NULL;
    uint32_t class_index = chunk_class_of(size_bytes);
    size_t capacity_bytes = chunk_class_size(class_index);
    if (capacity_bytes > pool->limit_bytes - pool->used_bytes)
        return NULL;

    struct chunk *chunk = chunk_take_kept(pool, class_index);
    if (chunk == NULL) {
        chunk_pool_trim(pool, pool->limit_bytes - pool->used_bytes - capacity_bytes);
        chunk = chunk_create(pool, class_index);
        if (chunk == NULL)
            return NULL;
    }
    pool->used_bytes += capacity_bytes;
    assert(pool->used_bytes + pool->kept_bytes <= pool->limit_bytes);
    atomic_store_explicit(&chunk->reference_count, 1, memory_order_relaxed);
    return chunk;
}

size_t chunk_size_grown(const struct chunk *chunk, size_t size_bytes)
{
    size_t doubled = 2 * (size_t)chunk->capacity_bytes;
    assert(size_bytes > chunk->capacity_bytes);
    return doubled > size_bytes ? doubled : size_bytes;
}

void chunk_retain(struct chunk *chunk)
{
    uint32_t before = atomic_fetch_add_explicit(&chunk->reference_count, 1, memory_order_relaxed);
    assert(before > 0);
    assert(before < UINT32_MAX);
}

/* On the pool's core. */
static void chunk_give_back(struct chunk *chunk)
{
    struct chunk_pool *pool = chunk->pool;
    assert(atomic_load_explicit(&chunk->reference_count, memory_order_relaxed) == 0);
    assert(!list_node_is_linked(&chunk->home.node));
    assert(pool->used_bytes >= chunk->capacity_bytes);
    pool->used_bytes -= chunk->capacity_bytes;
    if (chunk->capacity_bytes > pool->kept_bytes_max) {
        chunk_destroy(chunk);
        return;
    }
    chunk_pool_trim(pool, pool->kept_bytes_max - chunk->capacity_bytes);
    pool->kept_bytes += chunk->capacity_bytes;
    list_push_front(&pool->free[chunk->class_index], &chunk->home.node);
    list_push_front(&pool->kept, &chunk->kept_node);
}

static void chunk_came_home(struct completion *home, int32_t result)
{
    assert(result == 0);
    chunk_give_back(container_of(home, struct chunk, home));
}

void chunk_release(struct chunk *chunk, struct io *io)
{
    assert(io != NULL);
    uint32_t before = atomic_fetch_sub_explicit(&chunk->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    if (chunk->pool->io == io)
        chunk_give_back(chunk);
    else
        io_post(io, io_core_index(chunk->pool->io), &chunk->home, 0);
}
