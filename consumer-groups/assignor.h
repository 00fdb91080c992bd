/* The assignors of the consumer protocol, which run in the broker: who is to own which partition.
 * Pure functions of what stands here; equal input gives equal output, whatever the order of memory.
 *
 *   range    each topic's partitions in runs, one for each subscriber, static members first in the
 *            order of their instance ids, the others in the order of their member ids. Topics with
 *            as many partitions and the same subscribers come to the same members number by number
 *   uniform  as many partitions for each member as subscriptions allow, and as few moves as that
 *            allows. A partition without owner goes to a member in the rack of one of its replicas
 * if such a one is to have more anyway
 *
 * Both as Kafka's, which for uniform means the balance and the stickiness, not each move. */
#ifndef TAILRACE_CONSUMER_GROUPS_ASSIGNOR_H
#define TAILRACE_CONSUMER_GROUPS_ASSIGNOR_H

#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct assignor_topic {
    struct uuid id;
    uint32_t partition_count;
    /* The racks of each partition's replicas, partition after partition, null where there are
     * fewer; NULL: none is known. */
    const struct bytes *racks;
    uint32_t racks_per_partition;
};

struct assignor_partition {
    uint32_t topic; /* index into assignor_input.topics */
    uint32_t partition;
};

struct assignor_member {
    struct bytes id;
    struct bytes instance_id; /* null: a dynamic member */
    struct bytes rack;        /* null: not known */
    const uint32_t *topics;   /* subscribed: indexes, in rising order, none twice */
    uint32_t topic_count;
    /* Its present target, of topics that are among the input's. May name partitions that do not
     * exist any more, or what it is no longer subscribed to; what several members name is the first
     * one's. */
    const struct assignor_partition *owned;
    uint32_t owned_count;
    /* The answer, in the arena, in rising order of topics and partitions. */
    struct assignor_partition *assigned;
    uint32_t assigned_count;
};

struct assignor_input {
    const struct assignor_topic *topics;
    uint32_t topic_count;
    struct assignor_member *members;
    uint32_t member_count;
};

struct assignor {
    const char *name;
    /* STATUS_OK; STATUS_NO_MEMORY. Scratch memory comes from the arena, too. */
    enum status (*assign)(struct arena *arena, struct assignor_input *input);
};

extern const struct assignor assignor_range;
extern const struct assignor assignor_uniform;

/* NULL: there is none of this name. */
const struct assignor *assignor_by_name(struct bytes name);

/* Those that members may ask for (group.consumer.assignors); the first is for who does not. */
enum { ASSIGNORS_MAX = 2 };
struct assignor_list {
    const struct assignor *items[ASSIGNORS_MAX];
    uint32_t count;
};

/* From names separated by commas, or Kafka's names of their classes; unknown ones, and one that
 * stands there twice, are passed over. */
void assignor_list_parse(struct assignor_list *list, struct bytes names);

/* NULL: it is not among them. */
const struct assignor *assignor_list_find(const struct assignor_list *list, struct bytes name);

#endif
