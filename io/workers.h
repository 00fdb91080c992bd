/* Threads for calls that can only block: each door has its own few, started when first needed.
 * This is the one place of the house with a lock. Only io/ includes this. */
#ifndef TAILRACE_IO_WORKERS_H
#define TAILRACE_IO_WORKERS_H

#include "io/io.h"

#include <pthread.h>
#include <sched.h>

enum { WORKERS_COUNT_MAX = 8 };

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list waiting; /* requests by backend_node */
    struct list done;
    uint32_t waiting_count;
    uint32_t idle_count;
    bool is_stopping;

    /* The door's thread alone: */
    uint32_t thread_count;
    uint32_t thread_count_max;
    pthread_t threads[WORKERS_COUNT_MAX];
    cpu_set_t cpus; /* where the process could run before its reactors were pinned */
    void (*ring)(struct workers *workers); /* on a worker's thread: something is done */
};

void workers_init(struct workers *workers, uint32_t thread_count_max,
                  void (*ring)(struct workers *workers));

/* No request may be with the workers any more. */
void workers_deinit(struct workers *workers);

/* Takes a file request; `file_call` runs on some worker. When not even one thread can be started,
 * the request is done with STATUS_NO_MEMORY. */
void workers_give(struct workers *workers, struct io_request *request);

/* The next request that is done, its result in completion.result; NULL when there is none. */
struct io_request *workers_take_done(struct workers *workers);

#endif
