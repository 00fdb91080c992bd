/* A heap that begins at index 1, so that an event which is in none has position 0, and one that is
 * taken back is found without looking. The number that decides between events of the same instant
 * is drawn when the event is scheduled: order of scheduling means nothing. */
#include "sim/event.h"

#include "base/assert.h"
#include "sim/memory.h"

enum { QUEUE_CAPACITY_START = 256 };

void event_queue_init(struct event_queue *queue, uint64_t seed)
{
    *queue = (struct event_queue){.capacity = QUEUE_CAPACITY_START};
    queue->heap = must_allocate(queue->capacity, sizeof(struct event *));
    prng_init(&queue->ties, seed);
}

void event_queue_deinit(struct event_queue *queue)
{
    for (uint32_t i = 1; i <= queue->count; i++)
        queue->heap[i]->position = 0;
    free(queue->heap);
    *queue = (struct event_queue){0};
}

void event_init(struct event *event, void (*fire)(struct event *event))
{
    assert(fire != NULL);
    *event = (struct event){.fire = fire};
}

static bool event_is_before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->tie < b->tie;
}

static void heap_place(struct event_queue *queue, uint32_t position, struct event *event)
{
    assert(position >= 1);
    assert(position <= queue->count);
    queue->heap[position] = event;
    event->position = position;
}

static void heap_rise(struct event_queue *queue, uint32_t position)
{
    struct event *event = queue->heap[position];
    while (position > 1 && event_is_before(event, queue->heap[position / 2])) {
        heap_place(queue, position, queue->heap[position / 2]);
        position /= 2;
    }
    heap_place(queue, position, event);
}

static void heap_sink(struct event_queue *queue, uint32_t position)
{
    struct event *event = queue->heap[position];
    for (;;) {
        uint32_t child = position * 2;
        if (child > queue->count)
            break;
        if (child < queue->count && event_is_before(queue->heap[child + 1], queue->heap[child]))
            child++;
        if (!event_is_before(queue->heap[child], event))
            break;
        heap_place(queue, position, queue->heap[child]);
        position = child;
    }
    heap_place(queue, position, event);
}

static void heap_reserve(struct event_queue *queue)
{
    if (queue->count + 1 < queue->capacity)
        return;
    queue->heap = must_grow(queue->heap, queue->capacity, (size_t)queue->capacity * 2,
                            sizeof(struct event *));
    queue->capacity *= 2;
}

static void event_insert(struct event_queue *queue, struct event *event, uint64_t at_ns,
                         uint64_t tie)
{
    assert(event->fire != NULL);
    event_cancel(queue, event);
    heap_reserve(queue);
    event->at_ns = at_ns < queue->now_ns ? queue->now_ns : at_ns;
    event->tie = tie;
    heap_place(queue, ++queue->count, event);
    heap_rise(queue, event->position);
}

void event_schedule(struct event_queue *queue, struct event *event, uint64_t at_ns)
{
    event_insert(queue, event, at_ns, prng_u64(&queue->ties));
}

void event_schedule_first(struct event_queue *queue, struct event *event)
{
    event_insert(queue, event, queue->now_ns, 0);
}

void event_cancel(struct event_queue *queue, struct event *event)
{
    if (!event_is_queued(event))
        return;
    uint32_t position = event->position;
    assert(queue->heap[position] == event);
    struct event *last = queue->heap[queue->count--];
    event->position = 0;
    if (last == event)
        return;
    heap_place(queue, position, last);
    heap_rise(queue, position);
    heap_sink(queue, last->position);
}

uint64_t event_queue_next_ns(const struct event_queue *queue)
{
    return queue->count == 0 ? UINT64_MAX : queue->heap[1]->at_ns;
}

struct event *event_queue_take(struct event_queue *queue)
{
    if (queue->count == 0)
        return NULL;
    struct event *event = queue->heap[1];
    assert(event->at_ns >= queue->now_ns);
    queue->now_ns = event->at_ns;
    event_cancel(queue, event);
    return event;
}
