/* What will happen, in order of simulated time.
 *
 * An event is embedded in whatever it will move; the queue is a binary heap of pointers to events.
 * Events of the same instant are ordered by a number drawn from the seed, so that code which
 * silently relies on the order of two independent things is found out. An event may be taken back:
 * that is how the dead are forgotten without touching their memory. */
#ifndef TAILRACE_SIM_EVENT_H
#define TAILRACE_SIM_EVENT_H

#include "base/prng.h"

#include <stdbool.h>
#include <stdint.h>

struct event {
    void (*fire)(struct event *event);
    uint64_t at_ns;
    uint64_t tie;
    uint32_t position; /* in the heap, counted from 1; 0 when not queued */
};

struct event_queue {
    struct event **heap; /* heap[0] is unused, so that a position of 0 can mean "not queued" */
    uint32_t count;
    uint32_t capacity;
    uint64_t now_ns; /* the time of the event that was taken last */
    struct prng ties;
};

void event_queue_init(struct event_queue *queue, uint64_t seed);

/* What is still queued is forgotten, not fired. */
void event_queue_deinit(struct event_queue *queue);

void event_init(struct event *event, void (*fire)(struct event *event));

/* Queues the event, or moves it if it is queued already. A time in the past means now. */
void event_schedule(struct event_queue *queue, struct event *event, uint64_t at_ns);

/* An event that is not queued is left alone. */
void event_cancel(struct event_queue *queue, struct event *event);

static inline bool event_is_queued(const struct event *event)
{
    return event->position != 0;
}

/* When the next event is due; UINT64_MAX when there is none. */
uint64_t event_queue_next_ns(const struct event_queue *queue);

/* Takes the next event off the queue and moves the time to it; NULL when there is none. */
struct event *event_queue_take(struct event_queue *queue);

#endif
