#include "base/completion.h"

#include "base/assert.h"

void ready_queue_push(struct ready_queue *queue, struct completion *completion, int32_t result)
{
    assert(completion != NULL);
    assert(completion->landed != NULL);
    assert(!list_node_is_linked(&completion->node));
    completion->result = result;
    list_push_back(&queue->list, &completion->node);
}

uint32_t ready_queue_run(struct ready_queue *queue)
{
    struct list batch;
    list_init(&batch);
    list_append(&batch, &queue->list);

    uint32_t count = 0;
    struct list_node *node;
    while ((node = list_pop_front(&batch)) != NULL) {
        struct completion *completion = container_of(node, struct completion, node);
        completion->landed(completion, completion->result);
        count++;
    }
    return count;
}
