/* Threads for calls that block: each door has its own few, started when first needed. This is the
 * one place of the house with a lock. Only io/ includes this. */
#ifndef TAILRACE_IO_WORKERS_H
#define TAILRACE_IO_WORKERS_H

#include "io/io.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { WORKERS_COUNT_MAX = 8 };

/* Whom the workers work for; embedded in the door. */
struct workers_owner {
    /* On a worker's thread: does what the request asks for, and answers the result. */
    int32_t (*call)(struct workers_owner *owner, struct io_request *request);
    void (*done)(struct workers_owner *owner); /* on a worker's thread: something is done */
};

struct workers {
    struct workers_owner *owner;
    pthread_mutex_t lock;
    sem_t calls; /* one for each request that waits; a post that wakes nobody is no system call */
    struct list waiting; /* requests by backend_node */
    struct list done;
    _Atomic uint32_t done_count; /* changed under the lock, looked at without it */
    uint32_t busy_count;         /* requests given and not done */

    /* The door's thread alone: */
    uint32_t thread_count;
    uint32_t thread_count_max;
    pthread_t threads[WORKERS_COUNT_MAX];
    cpu_set_t cpus; /* where the process could run before its reactors were pinned */
};

void workers_init(struct workers *workers, uint32_t thread_count_max, struct workers_owner *owner);

/* What waits is done first. Nothing may be given to them from here on. */
void workers_stop(struct workers *workers);

/* They have been stopped, and all that is done has been taken. */
void workers_deinit(struct workers *workers);

/* Whether there is a thread to take one more request; if all are busy, one more is started. */
bool workers_are_there(struct workers *workers);

/* Takes a request; the owner's `call` runs on some worker, and then on the same one, without a
 * pause, for what follows (io_write_durable_next). When not even one thread can be started,
 * the request is done with STATUS_NO_MEMORY. */
void workers_give(struct workers *workers, struct io_request *request);

/* Whether something is done and not taken. Costs no lock, for it is asked at every turn. */
bool workers_have_done(const struct workers *workers);

/* The next request that is done, its result in completion.result; NULL when there is none. */
struct io_request *workers_take_done(struct workers *workers);

#endif
