/* Two lists under one lock: what waits, and what is done. A thread is started only when nobody is
 * free to take a request, so a door that never needs a worker has none, and the lock is held for a
 * few instructions, never across a call that blocks. */
#include "io/workers.h"

#include "base/assert.h"
#include "io/file_call.h"

#include <signal.h>

/* Workers call a handful of system functions; a directory entry is the largest thing they hold. */
enum { WORKER_STACK_SIZE = 256 * 1024 };

void workers_init(struct workers *workers, uint32_t thread_count_max,
                  void (*ring)(struct workers *workers))
{
    assert(thread_count_max > 0);
    assert(thread_count_max <= WORKERS_COUNT_MAX);
    assert(ring != NULL);
    *workers = (struct workers){.thread_count_max = thread_count_max, .ring = ring};
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    list_init(&workers->waiting);
    list_init(&workers->done);
    if (sched_getaffinity(0, sizeof workers->cpus, &workers->cpus) != 0)
        CPU_ZERO(&workers->cpus);
}

void workers_deinit(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    assert(list_is_empty(&workers->waiting));
    assert(workers->waiting_count == 0);
    workers->is_stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (uint32_t i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    assert(list_is_empty(&workers->done));
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
}

/* Under the lock; waits for work. NULL when the workers are to stop. */
static struct io_request *workers_take_waiting(struct workers *workers)
{
    while (list_is_empty(&workers->waiting)) {
        if (workers->is_stopping)
            return NULL;
        workers->idle_count++;
        pthread_cond_wait(&workers->changed, &workers->lock);
        workers->idle_count--;
    }
    assert(workers->waiting_count > 0);
    workers->waiting_count--;
    struct list_node *node = list_pop_front(&workers->waiting);
    assert(node != NULL);
    return container_of(node, struct io_request, backend_node);
}

static void *worker_main(void *argument)
{
    struct workers *workers = argument;
    struct io_request *request;
    pthread_mutex_lock(&workers->lock);
    while ((request = workers_take_waiting(workers)) != NULL) {
        pthread_mutex_unlock(&workers->lock);
        int32_t result = file_call(request);
        pthread_mutex_lock(&workers->lock);
        request->completion.result = result;
        list_push_back(&workers->done, &request->backend_node);
        workers->ring(workers);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* Signals are the business of the thread that asked for them, so a worker takes none. */
static bool workers_start_one(struct workers *workers)
{
    assert(workers->thread_count < workers->thread_count_max);
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_SIZE);
    if (CPU_COUNT(&workers->cpus) > 0)
        pthread_attr_setaffinity_np(&attributes, sizeof workers->cpus, &workers->cpus);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error =
        pthread_create(&workers->threads[workers->thread_count], &attributes, worker_main, workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        workers->thread_count++;
    return error == 0;
}

/* One more thread when nobody is free to take the request, as long as there may be more. */
static bool workers_are_ready(struct workers *workers, bool all_busy)
{
    if (all_busy && workers->thread_count < workers->thread_count_max)
        workers_start_one(workers);
    return workers->thread_count > 0;
}

void workers_give(struct workers *workers, struct io_request *request)
{
    assert(!list_node_is_linked(&request->backend_node));
    pthread_mutex_lock(&workers->lock);
    bool all_busy = workers->idle_count <= workers->waiting_count;
    pthread_mutex_unlock(&workers->lock);
    bool is_ready = workers_are_ready(workers, all_busy);

    pthread_mutex_lock(&workers->lock);
    if (is_ready) {
        list_push_back(&workers->waiting, &request->backend_node);
        workers->waiting_count++;
        pthread_cond_signal(&workers->changed);
    } else {
        request->completion.result = STATUS_NO_MEMORY;
        list_push_back(&workers->done, &request->backend_node);
        workers->ring(workers);
    }
    pthread_mutex_unlock(&workers->lock);
}

struct io_request *workers_take_done(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    struct list_node *node = list_pop_front(&workers->done);
    pthread_mutex_unlock(&workers->lock);
    return node == NULL ? NULL : container_of(node, struct io_request, backend_node);
}
