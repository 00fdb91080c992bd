/* The assignors of the consumer protocol, which run in the broker: who is to own which partition.
 * Pure functions of what stands here; equal input gives equal output, whatever the order of memory.
 *
 *   range    each topic's partitions in runs, the members in the order of their ids (as Kafka's:
 *            co-partitioned topics come to the same members), sticky where the runs allow it
 *   uniform  all partitions as evenly as subscriptions allow; what a member has stays with it as
 * far as balance allows; with different subscriptions by the general algorithm
 *
 * Rack-aware where members and partitions name racks, as far as balance and stickiness allow. */
#ifndef TAILRACE_CONSUMER_GROUPS_ASSIGNOR_H
#define TAILRACE_CONSUMER_GROUPS_ASSIGNOR_H

#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct assignor_topic {
    struct uuid id;
    uint32_t partition_count;
    /* racks of a partition's replicas: [partition * racks_per_partition ...], null where fewer;
     * NULL: no rack is known */
    const struct bytes *racks;
    uint32_t racks_per_partition;
};

struct assignor_partition {
    uint32_t topic; /* index into assignor_input.topics */
    int32_t partition;
};

struct assignor_member {
    struct bytes id;
    struct bytes instance_id; /* null: none. Static members come first, in the order of these */
    struct bytes rack;        /* null: none */
    const uint32_t *topics;   /* subscribed, indexes in rising order */
    uint32_t topic_count;
    const struct assignor_partition *owned; /* its present target, by topic and partition */
    uint32_t owned_count;
    /* out: from the arena, by topic and partition */
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
    /* STATUS_OK, STATUS_NO_MEMORY. Scratch and answers come from the arena. Time: at most
     * n log n of members plus partitions where all subscribe to the same topics. */
    enum status (*assign)(struct arena *arena, const struct assignor_input *input);
};

extern const struct assignor assignor_range;
extern const struct assignor assignor_uniform;

/* NULL: there is none of this name. */
const struct assignor *assignor_by_name(struct bytes name);

#endif
