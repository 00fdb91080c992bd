/* Every block is on the list of the life that it was allocated in; what is freed is filled with a
 * pattern first, so that the dead are not read unnoticed. */
#include "sim/heap.h"

#include "base/assert.h"
#include "base/poison.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>

enum { HEAP_MAGIC = 0x51ab1e55, POISON = 0xdb };

struct heap_block {
    struct list_node node;
    struct heap *heap; /* NULL: of no life */
    void *raw;         /* what the system's malloc gave */
    size_t size;
    uint32_t magic;
    uint32_t alignment;
};

static_assert(sizeof(struct heap_block) == 48, "the caller's bytes stay aligned for any type");
static_assert(sizeof(struct heap_block) % alignof(max_align_t) == 0, "the same");

/* Whose turn it is. malloc has no argument for it, so this is the one variable of its kind in the
 * house; the broker's program does not have it. */
static struct heap *heap_current;

void *__real_malloc(size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size_max);
void __wrap_free(void *pointer);

void heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
    list_init(&heap->blocks);
}

struct heap *heap_enter(struct heap *heap)
{
    struct heap *before = heap_current;
    heap_current = heap;
    return before;
}

static void block_forget(struct heap_block *block)
{
    struct heap *heap = block->heap;
    assert(block->magic == HEAP_MAGIC);
    block->magic = 0;
    if (heap == NULL)
        return;
    assert(heap->block_count > 0);
    list_remove(&block->node);
    heap->block_count--;
    heap->used_bytes -= block->size;
}

/* A pool (base/pool.h) that dies with free objects has told the sanitizer that nobody may touch
 * them; this is the last time. */
static void block_poison(struct heap_block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block + 1, block->size);
    memset(block + 1, POISON, block->size);
}

void heap_deinit(struct heap *heap)
{
    struct list_node *node;
    assert(heap_current != heap);
    while ((node = list_first(&heap->blocks)) != NULL) {
        struct heap_block *block = container_of(node, struct heap_block, node);
        block_forget(block);
        block_poison(block);
        __real_free(block->raw);
    }
    assert(heap->block_count == 0);
    assert(heap->used_bytes == 0);
}

/* --- In the place of the system's ------------------------------------------------------------- */

static void *block_begin(void *raw, size_t offset, size_t size, size_t alignment)
{
    if (raw == NULL)
        return NULL;
    struct heap_block *block = (struct heap_block *)((char *)raw + offset) - 1;
    *block = (struct heap_block){.heap = heap_current,
                                 .raw = raw,
                                 .size = size,
                                 .magic = HEAP_MAGIC,
                                 .alignment = (uint32_t)alignment};
    list_node_init(&block->node);
    if (heap_current != NULL) {
        list_push_back(&heap_current->blocks, &block->node);
        heap_current->block_count++;
        heap_current->used_bytes += size;
        if (heap_current->used_bytes > heap_current->peak_bytes)
            heap_current->peak_bytes = heap_current->used_bytes;
    }
    return block + 1;
}

void *__wrap_malloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct heap_block)) {
        errno = ENOMEM;
        return NULL;
    }
    void *raw = __real_malloc(size + sizeof(struct heap_block));
    return block_begin(raw, sizeof(struct heap_block), size, alignof(max_align_t));
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    void *memory = __wrap_malloc(total);
    return memory == NULL ? NULL : memset(memory, 0, total);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    size_t offset = alignment > sizeof(struct heap_block) ? alignment : sizeof(struct heap_block);
    assert(alignment > 0);
    assert(offset % alignment == 0);
    if (size > SIZE_MAX - offset) {
        errno = ENOMEM;
        return NULL;
    }
    return block_begin(__real_aligned_alloc(alignment, size + offset), offset, size, alignment);
}

void *__wrap_realloc(void *pointer, size_t size)
{
    if (pointer == NULL)
        return __wrap_malloc(size);
    struct heap_block *block = (struct heap_block *)pointer - 1;
    assert(block->magic == HEAP_MAGIC);
    assert(block->alignment == alignof(max_align_t));
    struct heap *before = heap_enter(block->heap); /* it stays whose it was */
    void *grown = __wrap_malloc(size);
    heap_enter(before);
    if (grown == NULL)
        return NULL;
    memcpy(grown, pointer, size < block->size ? size : block->size);
    __wrap_free(pointer);
    return grown;
}

void *__wrap_reallocarray(void *pointer, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return __wrap_realloc(pointer, total);
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

char *__wrap_strndup(const char *text, size_t size_max)
{
    size_t size = strnlen(text, size_max);
    char *copy = __wrap_malloc(size + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void __wrap_free(void *pointer)
{
    if (pointer == NULL)
        return;
    struct heap_block *block = (struct heap_block *)pointer - 1;
    block_forget(block);
    __real_free(block->raw);
}
