/* A completion: something that was asked for and will land, exactly once, later.
 *
 * It is embedded in its owner, which `landed` finds again with container_of. It never lands inside
 * the call that asked for it: whoever finishes the work puts it on the core's ready queue, and the
 * reactor runs that queue between events. So a caller may ask, then finish setting itself up, and
 * the stack stays shallow. All of this happens on one core. */
#ifndef TAILRACE_BASE_COMPLETION_H
#define TAILRACE_BASE_COMPLETION_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct completion {
    struct list_node node; /* on a ready queue, or on whatever list its worker keeps */
    void (*landed)(struct completion *completion, int32_t result);
    int32_t result; /* a count, or a negative enum status */
};

static inline void completion_init(struct completion *completion,
                                   void (*landed)(struct completion *, int32_t))
{
    list_node_init(&completion->node);
    completion->landed = landed;
    completion->result = 0;
}

struct ready_queue {
    struct list list;
};

static inline void ready_queue_init(struct ready_queue *queue)
{
    list_init(&queue->list);
}

static inline bool ready_queue_is_empty(const struct ready_queue *queue)
{
    return list_is_empty(&queue->list);
}

/* The completion must be on no list. */
void ready_queue_push(struct ready_queue *queue, struct completion *completion, int32_t result);

/* Lands what was on the queue when the call began, in order; what is pushed meanwhile waits for
 * the next turn. Answers how many landed. */
uint32_t ready_queue_run(struct ready_queue *queue);

#endif
