/* What received bytes go through on their way to the disk: pieces of memory that one thread fills
 * while another writes the one before, with a sync behind each. */
#ifndef TAILRACE_BENCH_FLOOR_STORE_H
#define TAILRACE_BENCH_FLOOR_STORE_H

#include "bench/floor_file.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

enum { FLOOR_STORE_PIECES = 4 };

struct floor_store {
    const struct floor_file *file;
    pthread_t thread;
    uint8_t *pieces; /* FLOOR_STORE_PIECES of them */
    sem_t empty;
    sem_t full;          /* one more than pieces at the end, which has nothing in it */
    uint32_t piece;      /* which is being filled; of the filling thread */
    uint32_t piece_size; /* filled of it */
    bool is_ended;
    int64_t cpu_ns; /* of the writing thread, at its end */
};

void floor_store_start(struct floor_store *store, const struct floor_file *file);

/* Where the next bytes belong, at most `*size_max` of them, which is at least one. */
uint8_t *floor_store_room(const struct floor_store *store, uint32_t *size_max);

/* So many bytes have come there. Waits when all pieces are full. */
void floor_store_take(struct floor_store *store, uint32_t size);

/* What has filled no piece is not written. */
void floor_store_finish(struct floor_store *store);

#endif
