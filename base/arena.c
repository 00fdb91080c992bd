/* Blocks form a chain, newest first. A reset keeps the newest one unless it is large: the next
 * request finds memory without asking malloc, and one huge request does not keep its memory for
 * ever. */
#include "base/arena.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_MIN = 4096, ARENA_BLOCK_KEPT_MAX = 64 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t capacity;  /* a multiple of the alignment */
    bool is_borrowed; /* the owner's own memory: not to be freed */
    _Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

static size_t round_down(size_t size)
{
    return size & ~(size_t)(ARENA_ALIGNMENT - 1);
}

static size_t round_up(size_t size)
{
    assert(size <= SIZE_MAX - ARENA_ALIGNMENT);
    return round_down(size + ARENA_ALIGNMENT - 1);
}

/* All of the newest block is free again; NULL: there is none. */
static void begin_block(struct arena *arena, struct arena_block *block)
{
    assert(block == NULL || block->capacity % ARENA_ALIGNMENT == 0);
    arena->block = block;
    arena->free = block == NULL ? NULL : block->data;
    arena->free_bytes = block == NULL ? 0 : block->capacity;
}

void arena_init(struct arena *arena, size_t limit_bytes)
{
    assert(limit_bytes > 0);
    *arena = (struct arena){.limit_bytes = limit_bytes};
}

void arena_init_in(struct arena *arena, void *first, size_t first_bytes, size_t limit_bytes)
{
    size_t skipped = -(uintptr_t)first % ARENA_ALIGNMENT;
    struct arena_block *block = (struct arena_block *)((uint8_t *)first + skipped);
    assert(first_bytes > skipped + sizeof *block);
    assert(first_bytes <= ARENA_BLOCK_KEPT_MAX);
    assert(first_bytes <= limit_bytes);
    block->older = NULL;
    block->capacity = round_down(first_bytes - skipped - sizeof *block);
    block->is_borrowed = true;
    *arena = (struct arena){.total_bytes = block->capacity, .limit_bytes = limit_bytes};
    begin_block(arena, block);
}

/* Blocks are freed one after the other and not by recursion: a chain may be long. */
static void free_from(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        if (!block->is_borrowed)
            free(block);
        block = older;
    }
}

void arena_deinit(struct arena *arena)
{
    free_from(arena->block);
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    assert(arena->limit_bytes > 0);
    struct arena_block *kept = arena->block;
    if (kept == NULL)
        return;
    free_from(kept->older);
    kept->older = NULL;
    if (kept->capacity > ARENA_BLOCK_KEPT_MAX) {
        free(kept);
        kept = NULL;
    }
    begin_block(arena, kept);
    arena->total_bytes = kept == NULL ? 0 : kept->capacity;
}

/* Blocks double, so a request of n bytes costs O(log n) calls to malloc; a size beyond that gets a
 * block of its own. */
static bool arena_grow(struct arena *arena, size_t size)
{
    assert(size % ARENA_ALIGNMENT == 0);
    assert(arena->total_bytes <= arena->limit_bytes);
    size_t left = round_down(arena->limit_bytes - arena->total_bytes);
    size_t capacity = arena->block == NULL ? ARENA_BLOCK_MIN : arena->block->capacity * 2;
    if (capacity > left)
        capacity = left;
    if (capacity < size)
        capacity = size;
    if (capacity > left)
        return false;
    struct arena_block *block = malloc(sizeof *block + capacity);
    if (block == NULL)
        return false;
    block->older = arena->block;
    block->capacity = capacity;
    block->is_borrowed = false;
    arena->total_bytes += capacity;
    begin_block(arena, block);
    return true;
}

void *arena_allocate_slowly(struct arena *arena, size_t size)
{
    assert(arena->limit_bytes > 0);
    if (size > arena->limit_bytes)
        return NULL;
    size = round_up(size);
    if ((arena->block == NULL || size > arena->free_bytes) && !arena_grow(arena, size))
        return NULL;
    return arena_take(arena, size);
}

/* The product is checked, since counts may come from the wire. */
void *arena_allocate_array(struct arena *arena, size_t count, size_t size)
{
    assert(size > 0);
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *result = arena_allocate(arena, total);
    if (result != NULL)
        memset(result, 0, total);
    return result;
}

char *arena_copy_text(struct arena *arena, const void *text, size_t size)
{
    assert(text != NULL || size == 0);
    assert(size < SIZE_MAX);
    char *copy = arena_allocate(arena, size + 1);
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}
