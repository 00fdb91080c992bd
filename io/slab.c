#include "io/slab.h"

#include "base/assert.h"
#include "base/poison.h"

#include <stdlib.h>

_Static_assert(SLAB_UNIT_SIZE % IO_BLOCK_SIZE == 0, "any run may be written past the page cache");

/* Of what may be out, how much more may be held because of gaps. */
enum { SLAB_GAP_DIVISOR = 8, EMPTY_SLABS_MAX = 1 };

/* Of what is left of the last slab: then the next one is in sight. A set that holds little never
 * gets there, and costs one slab. */
enum { EXPECT_UNITS = SLAB_UNIT_COUNT / 2 };

void slab_set_init(struct slab_set *set, struct io *io, size_t size_bytes_max)
{
    assert(set != NULL);
    assert(io != NULL);
    assert(size_bytes_max > 0);
    size_t held_bytes = size_bytes_max + size_bytes_max / SLAB_GAP_DIVISOR;
    size_t count_max = held_bytes / IO_SLAB_SIZE + 2;
    *set = (struct slab_set){
        .io = io, .count_max = count_max < UINT32_MAX ? (uint32_t)count_max : UINT32_MAX};
    list_init(&set->slabs);
}

static struct slab *slab_create(struct slab_set *set)
{
    assert(set->count < set->count_max);
    struct slab *slab = malloc(sizeof *slab);
    if (slab == NULL)
        return NULL;
    slab->memory = set->io->backend->slab_map(set->io);
    if (slab->memory == NULL) {
        free(slab);
        return NULL;
    }
    assert((uintptr_t)slab->memory % IO_SLAB_SIZE == 0);
    ASAN_POISON_MEMORY_REGION(slab->memory, IO_SLAB_SIZE);
    slab_core_init(&slab->core);
    list_node_init(&slab->node);
    list_push_back(&set->slabs, &slab->node);
    set->count++;
    set->empty_count++;
    return slab;
}

static void slab_destroy(struct slab_set *set, struct slab *slab)
{
    assert(slab->core.free_count == SLAB_UNIT_COUNT);
    assert(set->empty_count > 0);
    assert(set->empty_count <= set->count);
    set->empty_count--;
    set->count--;
    list_remove(&slab->node);
    ASAN_UNPOISON_MEMORY_REGION(slab->memory, IO_SLAB_SIZE);
    set->io->backend->slab_unmap(set->io, slab->memory);
    free(slab);
}

void slab_set_deinit(struct slab_set *set)
{
    struct list_node *node;
    assert(set->empty_count == set->count);
    while ((node = list_first(&set->slabs)) != NULL)
        slab_destroy(set, container_of(node, struct slab, node));
    assert(set->count == 0);
}

static uint32_t units_of(size_t size_bytes)
{
    return (uint32_t)((size_bytes + SLAB_UNIT_SIZE - 1) / SLAB_UNIT_SIZE);
}

/* NULL when this slab has no room. */
static uint8_t *slab_take(struct slab_set *set, struct slab *slab, size_t size_bytes)
{
    bool was_empty = slab->core.free_count == SLAB_UNIT_COUNT;
    uint32_t unit_count = units_of(size_bytes);
    uint32_t first = slab_core_take(&slab->core, unit_count);
    if (first == SLAB_NOWHERE)
        return NULL;
    if (was_empty)
        set->empty_count--;
    uint8_t *memory = slab->memory + (size_t)first * SLAB_UNIT_SIZE;
    ASAN_UNPOISON_MEMORY_REGION(memory, (size_t)unit_count * SLAB_UNIT_SIZE);
    return memory;
}

/* The next slab is begun when the last one has no room. */
static void slab_expect_next(struct slab_set *set, const struct slab *slab)
{
    bool is_last = list_last(&set->slabs) == &slab->node;
    if (is_last && slab->core.free_count < EXPECT_UNITS && set->count < set->count_max)
        set->io->backend->slab_expect(set->io);
}

uint8_t *slab_set_take(struct slab_set *set, size_t size_bytes, struct slab **slab)
{
    assert(size_bytes > 0);
    assert(size_bytes <= IO_SLAB_SIZE);
    uint8_t *memory = NULL;
    struct slab *candidate;
    list_for_each_entry (candidate, &set->slabs, node) {
        memory = slab_take(set, candidate, size_bytes);
        if (memory != NULL)
            break;
    }
    if (memory == NULL) {
        candidate = set->count < set->count_max ? slab_create(set) : NULL;
        memory = candidate == NULL ? NULL : slab_take(set, candidate, size_bytes);
    }
    if (memory != NULL)
        slab_expect_next(set, candidate);
    *slab = candidate;
    return memory;
}

void slab_set_give(struct slab_set *set, struct slab *slab, uint8_t *memory, size_t size_bytes)
{
    assert(memory >= slab->memory);
    assert(memory + size_bytes <= slab->memory + IO_SLAB_SIZE);
    uint32_t first = (uint32_t)((size_t)(memory - slab->memory) / SLAB_UNIT_SIZE);
    uint32_t unit_count = units_of(size_bytes);
    slab_core_give(&slab->core, first, unit_count);
    ASAN_POISON_MEMORY_REGION(memory, (size_t)unit_count * SLAB_UNIT_SIZE);
    if (slab->core.free_count < SLAB_UNIT_COUNT)
        return;
    set->empty_count++;
    if (set->empty_count > EMPTY_SLABS_MAX)
        slab_destroy(set, slab);
}
