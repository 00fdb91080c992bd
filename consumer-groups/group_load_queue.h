/* Who of a core's shards may load. A few at a time: if all of them loaded side by side, the first
 * would be ready with the last, and the core would be held for as many slices in a row. Whose
 * groups are asked for goes before the others. Belongs to one core; does not allocate. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_LOAD_QUEUE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_LOAD_QUEUE_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

/* One reads while others work off what they have read. */
enum { GROUP_LOADS_AT_ONCE = 4 };

struct group_load_queue {
    struct list waiting; /* struct group_load_place */
    uint32_t running;
};

/* Of a shard, which stays where it is. */
struct group_load_place {
    struct list_node node;
    void (*called)(struct group_load_place *place); /* it may load now */
};

void group_load_queue_init(struct group_load_queue *queue);
void group_load_place_init(struct group_load_place *place,
                           void (*called)(struct group_load_place *));

/* True: it may load at once. Else it waits, if it did not before, until it is called. */
bool group_load_queue_enter(struct group_load_queue *queue, struct group_load_place *place);

/* It is called before all others that wait; does nothing to one that does not wait. */
void group_load_queue_hurry(struct group_load_queue *queue, struct group_load_place *place);

/* It does not wait any more, if it did. */
void group_load_queue_leave(struct group_load_place *place);

/* One that was let in has loaded, or given up; the next is called. */
void group_load_queue_next(struct group_load_queue *queue);

#endif
