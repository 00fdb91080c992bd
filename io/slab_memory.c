#include "io/slab_memory.h"

#include "base/assert.h"
#include "io/io_backend.h"

#include <sys/mman.h>

/* The system places mappings where it likes; of twice the size one half can be had where we like,
 * and the rest goes back. */
static uint8_t *slab_map(void)
{
    uint8_t *mapped = mmap(NULL, 2 * (size_t)IO_SLAB_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)mapped % IO_SLAB_SIZE);
    uint8_t *slab = mapped + before;
    if (before > 0)
        munmap(mapped, before);
    munmap(slab + IO_SLAB_SIZE, IO_SLAB_SIZE - before);
    assert((uintptr_t)slab % IO_SLAB_SIZE == 0);
    /* A machine without huge pages refuses, and small ones do as well. */
    (void)madvise(slab, IO_SLAB_SIZE, MADV_HUGEPAGE);
    return slab;
}

static void slab_unmap(uint8_t *slab)
{
    assert(slab != NULL);
    assert((uintptr_t)slab % IO_SLAB_SIZE == 0);
    int failed = munmap(slab, IO_SLAB_SIZE);
    assert(failed == 0);
}

void slab_memory_init(struct slab_memory *memory, struct workers *workers)
{
    assert(memory != NULL);
    assert(workers != NULL);
    *memory = (struct slab_memory){.workers = workers};
    list_node_init(&memory->request.backend_node);
}

void slab_memory_deinit(struct slab_memory *memory)
{
    assert(!memory->is_asked);
    if (memory->ahead != NULL)
        slab_unmap(memory->ahead);
    memory->ahead = NULL;
}

uint8_t *slab_memory_take(struct slab_memory *memory)
{
    assert(memory->ahead == NULL || !memory->is_asked);
    uint8_t *slab = memory->ahead;
    memory->ahead = NULL;
    return slab != NULL ? slab : slab_map();
}

void slab_memory_give(struct slab_memory *memory, uint8_t *slab)
{
    assert((uintptr_t)slab % IO_SLAB_SIZE == 0);
    if (memory->ahead == NULL && !memory->is_asked)
        memory->ahead = slab;
    else
        slab_unmap(slab);
}

void slab_memory_expect(struct slab_memory *memory)
{
    if (memory->ahead != NULL || memory->is_asked)
        return;
    memory->is_asked = true;
    memory->request.transfer.buffer = NULL;
    workers_give(memory->workers, &memory->request);
}

/* A huge page has been touched as a whole after the first of these. */
static void slab_touch(uint8_t *slab)
{
    volatile uint8_t *bytes = slab;
    for (size_t i = 0; i < IO_SLAB_SIZE; i += IO_BLOCK_SIZE)
        bytes[i] = 0;
}

int32_t slab_memory_make(struct io_request *request)
{
    assert(request->transfer.buffer == NULL);
    uint8_t *slab = slab_map();
    if (slab == NULL)
        return STATUS_NO_MEMORY;
    slab_touch(slab);
    request->transfer.buffer = slab;
    return STATUS_OK;
}

/* Without one, for lack of memory or of a thread, whoever comes next maps it himself. */
void slab_memory_made(struct slab_memory *memory)
{
    assert(memory->is_asked);
    assert(memory->ahead == NULL);
    memory->is_asked = false;
    memory->ahead = memory->request.transfer.buffer;
}
