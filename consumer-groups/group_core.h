/* A group, of whichever protocol: the one thing that the shard knows of. Pure: no I/O, no clock.
 *
 *                     first JoinGroup                 first ConsumerGroupHeartbeat
 *      (nothing) ────────────────────▶ CLASSIC ◀──────────────────────────▶ CONSUMER
 *          │                                     upgrade and downgrade          ▲
 *          └────────────────────────────────────────────────────────────────────┘
 *
 * A group that only keeps offsets (a "simple" consumer's) is an empty classic one, as in Kafka.
 * Each call asks the core of the protocol that the group has; a consumer group also serves members
 * that still speak the classic protocol. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_CORE_H

#include "base/map.h"
#include "consumer-groups/classic_core.h"
#include "consumer-groups/consumer_core.h"
#include "consumer-groups/group_offsets.h"
#include "consumer-groups/group_turn.h"

enum group_type { GROUP_CLASSIC, GROUP_CONSUMER };

struct group {
    struct map_node node; /* in the shard's table, by id */
    struct bytes id;      /* owned */
    enum group_type type;
    union {
        struct classic_group classic;
        struct consumer_group consumer;
    };
    struct group_offsets offsets;
};

#endif
