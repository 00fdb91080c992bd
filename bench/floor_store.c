#include "bench/floor_store.h"

#include "base/assert.h"
#include "bench/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE_BYTES = 2 << 20 };

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        assert(errno == EINTR);
}

static uint8_t *piece_at(const struct floor_store *store, uint32_t number)
{
    return store->pieces + (size_t)(number % FLOOR_STORE_PIECES) * FLOOR_PIECE_BYTES;
}

static void *run_writer(void *context)
{
    struct floor_store *store = context;
    uint32_t place_count = store->file->size_bytes / FLOOR_PIECE_BYTES;
    for (uint32_t number = 0;; number++) {
        await(&store->full);
        if (__atomic_load_n(&store->is_ended, __ATOMIC_ACQUIRE))
            break;
        floor_file_write(store->file, piece_at(store, number), FLOOR_PIECE_BYTES,
                         number % place_count * FLOOR_PIECE_BYTES);
        floor_file_sync(store->file);
        sem_post(&store->empty);
    }
    store->cpu_ns = thread_cpu_ns();
    return NULL;
}

void floor_store_start(struct floor_store *store, const struct floor_file *file)
{
    void *pieces = NULL;
    assert(file->size_bytes >= FLOOR_PIECE_BYTES);
    *store = (struct floor_store){.file = file};
    size_t size = (size_t)FLOOR_STORE_PIECES * FLOOR_PIECE_BYTES;
    if (posix_memalign(&pieces, HUGE_PAGE_BYTES, size) != 0)
        fail("no memory for what is received");
    /* The kernel looks up each page of what is written; without huge ones it is only slower. */
    (void)madvise(pieces, size, MADV_HUGEPAGE);
    memset(pieces, 1, size);
    store->pieces = pieces;
    sem_init(&store->empty, 0, FLOOR_STORE_PIECES - 1); /* one is being filled */
    sem_init(&store->full, 0, 0);
    if (pthread_create(&store->thread, NULL, run_writer, store) != 0)
        fail("cannot start a thread");
}

uint8_t *floor_store_room(const struct floor_store *store, uint32_t *size_max)
{
    assert(store->piece_size < FLOOR_PIECE_BYTES);
    *size_max = FLOOR_PIECE_BYTES - store->piece_size;
    return piece_at(store, store->piece) + store->piece_size;
}

void floor_store_take(struct floor_store *store, uint32_t size)
{
    assert(size <= FLOOR_PIECE_BYTES - store->piece_size);
    store->piece_size += size;
    if (store->piece_size < FLOOR_PIECE_BYTES)
        return;
    sem_post(&store->full);
    await(&store->empty);
    store->piece++;
    store->piece_size = 0;
}

void floor_store_finish(struct floor_store *store)
{
    /* All that is full is written first. */
    for (int i = 0; i < FLOOR_STORE_PIECES - 1; i++)
        await(&store->empty);
    __atomic_store_n(&store->is_ended, true, __ATOMIC_RELEASE);
    sem_post(&store->full);
    pthread_join(store->thread, NULL);
    sem_destroy(&store->empty);
    sem_destroy(&store->full);
    free(store->pieces);
}
