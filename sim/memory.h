/* Memory of the simulator itself. It has no budget to defend, so running out ends the program;
 * everything starts as zeros, so that no run depends on what lay there before. It belongs to no
 * node's life, also when it is needed while a node has its turn. */
#ifndef TAILRACE_SIM_MEMORY_H
#define TAILRACE_SIM_MEMORY_H

#include "base/assert.h"
#include "sim/heap.h"

#include <stdlib.h>
#include <string.h>

/* `count` cleared elements of `size` bytes; never NULL. The caller frees them. */
static inline void *must_allocate(size_t count, size_t size)
{
    struct heap *inside = heap_enter(NULL);
    void *memory = calloc(count == 0 ? 1 : count, size);
    heap_enter(inside);
    assert(memory != NULL);
    return memory;
}

/* Grows an array from `count` to `new_count` elements; the new ones are cleared. */
static inline void *must_grow(void *memory, size_t count, size_t new_count, size_t size)
{
    assert(new_count > count);
    struct heap *inside = heap_enter(NULL);
    char *grown = realloc(memory, new_count * size);
    heap_enter(inside);
    assert(grown != NULL);
    memset(grown + count * size, 0, (new_count - count) * size);
    return grown;
}

/* A copy of the first `size` characters of `text`; the caller frees it. */
static inline char *must_copy_text(const char *text, size_t size)
{
    char *copy = must_allocate(size + 1, 1);
    memcpy(copy, text, size);
    return copy;
}

#endif
