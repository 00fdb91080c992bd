#include "io/slab_memory.h"

#include "base/assert.h"
#include "io/io_backend.h"
#include "io/scheduling.h"
#include "io/thread.h"

#include <errno.h>
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

/* A huge page has been touched as a whole after the first of these. */
static void slab_touch(uint8_t *slab)
{
    volatile uint8_t *bytes = slab;
    for (size_t i = 0; i < IO_SLAB_SIZE; i += IO_BLOCK_SIZE)
        bytes[i] = 0;
}

static void *touch_when_called(void *context)
{
    struct slab_memory *memory = context;
    (void)scheduling_stand_back();
    for (;;) {
        while (sem_wait(&memory->calls) != 0)
            assert(errno == EINTR);
        if (atomic_load(&memory->is_stopping))
            return NULL;
        assert(atomic_load(&memory->is_being_touched));
        slab_touch(memory->ahead);
        atomic_store(&memory->is_being_touched, false);
    }
}

void slab_memory_init(struct slab_memory *memory)
{
    assert(memory != NULL);
    *memory = (struct slab_memory){0};
    sem_init(&memory->calls, 0, 0);
    thread_note_cpus(&memory->cpus);
}

void slab_memory_deinit(struct slab_memory *memory)
{
    if (memory->has_thread) {
        atomic_store(&memory->is_stopping, true);
        sem_post(&memory->calls);
        pthread_join(memory->thread, NULL);
    }
    sem_destroy(&memory->calls);
    if (memory->ahead != NULL)
        slab_unmap(memory->ahead);
    memory->ahead = NULL;
}

uint8_t *slab_memory_take(struct slab_memory *memory)
{
    uint8_t *slab = memory->ahead;
    if (slab == NULL || atomic_load(&memory->is_being_touched))
        return slab_map();
    memory->ahead = NULL;
    return slab;
}

void slab_memory_give(struct slab_memory *memory, uint8_t *slab)
{
    assert((uintptr_t)slab % IO_SLAB_SIZE == 0);
    assert(slab != memory->ahead);
    if (memory->ahead == NULL)
        memory->ahead = slab;
    else
        slab_unmap(slab);
}

static bool has_thread(struct slab_memory *memory)
{
    if (!memory->has_thread)
        memory->has_thread =
            thread_start(&memory->thread, &memory->cpus, touch_when_called, memory);
    return memory->has_thread;
}

void slab_memory_expect(struct slab_memory *memory)
{
    if (memory->ahead != NULL || !has_thread(memory))
        return;
    assert(!atomic_load(&memory->is_being_touched));
    memory->ahead = slab_map();
    if (memory->ahead == NULL)
        return;
    atomic_store(&memory->is_being_touched, true);
    sem_post(&memory->calls);
}
