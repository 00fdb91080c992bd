/* Only those who wait are in the list; of those who load there is a count. So whoever closes while
 * it waits just leaves, and whoever has loaded hands his place on. */
#include "consumer-groups/group_load_queue.h"

#include "base/assert.h"

void group_load_queue_init(struct group_load_queue *queue)
{
    list_init(&queue->waiting);
    queue->running = 0;
}

void group_load_place_init(struct group_load_place *place,
                           void (*called)(struct group_load_place *))
{
    assert(called != NULL);
    list_node_init(&place->node);
    place->called = called;
}

bool group_load_queue_enter(struct group_load_queue *queue, struct group_load_place *place)
{
    assert(queue->running <= GROUP_LOADS_AT_ONCE);
    if (list_node_is_linked(&place->node))
        return false;
    if (queue->running == GROUP_LOADS_AT_ONCE) {
        list_push_back(&queue->waiting, &place->node);
        return false;
    }
    queue->running++;
    return true;
}

void group_load_queue_hurry(struct group_load_queue *queue, struct group_load_place *place)
{
    if (!list_node_is_linked(&place->node))
        return;
    list_remove(&place->node);
    list_push_front(&queue->waiting, &place->node);
}

void group_load_queue_leave(struct group_load_place *place)
{
    if (list_node_is_linked(&place->node))
        list_remove(&place->node);
}

void group_load_queue_next(struct group_load_queue *queue)
{
    assert(queue->running > 0);
    assert(queue->running <= GROUP_LOADS_AT_ONCE);
    struct list_node *node = list_pop_front(&queue->waiting);
    if (node == NULL) {
        queue->running--;
        return;
    }
    struct group_load_place *place = container_of(node, struct group_load_place, node);
    place->called(place);
}
