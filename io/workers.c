/* Two lists under one lock: what waits, and what is done. A thread is started only when nobody is
 * free to take a request, so a door that never needs a worker has none, and the lock is held for a
 * few instructions, never across a call that blocks. */
#include "io/workers.h"

#include "base/assert.h"
#include "io/io_backend.h"
#include "io/thread.h"

#include <errno.h>

void workers_init(struct workers *workers, uint32_t thread_count_max, struct workers_owner *owner)
{
    assert(thread_count_max > 0);
    assert(thread_count_max <= WORKERS_COUNT_MAX);
    assert(owner->call != NULL);
    assert(owner->done != NULL);
    *workers = (struct workers){.thread_count_max = thread_count_max, .owner = owner};
    atomic_init(&workers->done_count, 0);
    pthread_mutex_init(&workers->lock, NULL);
    sem_init(&workers->calls, 0, 0);
    list_init(&workers->waiting);
    list_init(&workers->done);
    thread_note_cpus(&workers->cpus);
}

void workers_stop(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->thread_count; i++)
        sem_post(&workers->calls);
    for (uint32_t i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    workers->thread_count = 0;
    assert(list_is_empty(&workers->waiting));
}

void workers_deinit(struct workers *workers)
{
    assert(workers->thread_count == 0);
    assert(list_is_empty(&workers->waiting));
    assert(list_is_empty(&workers->done));
    assert(workers->busy_count == 0);
    sem_destroy(&workers->calls);
    pthread_mutex_destroy(&workers->lock);
}

/* Waits to be called. NULL when there is nothing to do then: the workers are to stop. */
static struct io_request *workers_take_waiting(struct workers *workers)
{
    while (sem_wait(&workers->calls) != 0)
        assert(errno == EINTR);
    pthread_mutex_lock(&workers->lock);
    struct list_node *node = list_pop_front(&workers->waiting);
    assert(node == NULL || workers->busy_count > 0);
    pthread_mutex_unlock(&workers->lock);
    return node == NULL ? NULL : container_of(node, struct io_request, backend_node);
}

/* Answers what is to follow at once, which is this worker's, or NULL. Under the lock, so that
 * nothing that follows can be done before it. */
static struct io_request *workers_put_done(struct workers *workers, struct io_request *request,
                                           int32_t result)
{
    pthread_mutex_lock(&workers->lock);
    assert(workers->busy_count > 0);
    request->completion.result = result;
    list_push_back(&workers->done, &request->backend_node);
    atomic_fetch_add(&workers->done_count, 1);
    struct io_request *next = io_take_next(request);
    if (next == NULL)
        workers->busy_count--;
    pthread_mutex_unlock(&workers->lock);
    return next;
}

/* A request and what follows it. The door is told of each before the next begins. */
static void worker_serve(struct workers *workers, struct io_request *request)
{
    struct workers_owner *owner = workers->owner;
    bool has_failed = false;
    while (request != NULL) {
        int32_t result = has_failed ? STATUS_CANCELLED : owner->call(owner, request);
        has_failed = result < 0;
        request = workers_put_done(workers, request, result);
        owner->done(owner);
    }
}

static void *worker_main(void *argument)
{
    struct workers *workers = argument;
    struct io_request *request;
    while ((request = workers_take_waiting(workers)) != NULL)
        worker_serve(workers, request);
    return NULL;
}

static void workers_start_one(struct workers *workers)
{
    assert(workers->thread_count < workers->thread_count_max);
    pthread_t *thread = &workers->threads[workers->thread_count];
    if (thread_start(thread, &workers->cpus, worker_main, workers))
        workers->thread_count++;
}

/* A thread that has just put away its request is free, though it does not sleep yet: where one
 * request follows the other, one thread does them all. */
static bool workers_are_busy(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    bool all_busy = workers->busy_count >= workers->thread_count;
    pthread_mutex_unlock(&workers->lock);
    return all_busy;
}

bool workers_are_there(struct workers *workers)
{
    if (workers->thread_count < workers->thread_count_max && workers_are_busy(workers))
        workers_start_one(workers);
    return workers->thread_count > 0;
}

void workers_give(struct workers *workers, struct io_request *request)
{
    assert(!list_node_is_linked(&request->backend_node));
    bool is_taken = workers_are_there(workers);
    pthread_mutex_lock(&workers->lock);
    workers->busy_count++;
    if (is_taken)
        list_push_back(&workers->waiting, &request->backend_node);
    pthread_mutex_unlock(&workers->lock);
    if (is_taken) {
        sem_post(&workers->calls);
        return;
    }
    struct io_request *next = workers_put_done(workers, request, STATUS_NO_MEMORY);
    assert(next == NULL); /* it has only just begun */
}

bool workers_have_done(const struct workers *workers)
{
    return atomic_load(&workers->done_count) > 0;
}

struct io_request *workers_take_done(struct workers *workers)
{
    if (!workers_have_done(workers))
        return NULL;
    pthread_mutex_lock(&workers->lock);
    struct list_node *node = list_pop_front(&workers->done);
    if (node != NULL)
        atomic_fetch_sub(&workers->done_count, 1);
    pthread_mutex_unlock(&workers->lock);
    return node == NULL ? NULL : container_of(node, struct io_request, backend_node);
}
