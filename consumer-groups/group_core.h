/* A group, of whichever protocol: the one thing that the shard knows of; and the table of a shard's
 * groups. Pure: no I/O, no clock.
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

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "consumer-groups/classic_core.h"
#include "consumer-groups/group_deadlines.h"
#include "consumer-groups/group_offsets.h"
#include "consumer-groups/group_record.h"
#include "consumer-groups/group_turn.h"

struct group {
    struct map_node node;        /* in the table, by id */
    struct list_node order_node; /* in the table, so that all can be gone through in slices */
    struct bytes id;             /* owned */
    struct group_deadline deadline;
    struct classic_group classic;
    struct group_offsets offsets;
};

struct group_table {
    struct map groups;
    struct list order; /* struct group */
    struct group_deadlines deadlines;
    struct hash_seed seed;
    uint64_t offset_count;
};

/* The table stays where it is: its groups point at the seed. */
void group_table_init(struct group_table *table, struct hash_seed seed);

/* Calls that wait in groups must have been answered. */
void group_table_deinit(struct group_table *table, struct group_memory *memory);

/* NULL: there is none. */
struct group *group_table_find(const struct group_table *table, struct bytes id);

/* One that keeps offsets and nothing else. There must be none of this id. NULL without memory. */
struct group *group_table_create(struct group_table *table, struct group_turn *turn,
                                 struct bytes id);
void group_table_remove(struct group_table *table, struct group_memory *memory,
                        struct group *group);

/* A record of the offsets topic, in the order of the log. STATUS_OK, STATUS_NO_MEMORY,
 * STATUS_MALFORMED. */
enum status group_table_restore(struct group_table *table, struct group_turn *turn,
                                const struct group_record_view *view);

/* Answers the call in this turn, or keeps it with its group until a later one. */
void group_table_serve(struct group_table *table, struct group_turn *turn, struct group_call *call);

/* The client of a call that a group keeps has gone. */
void group_table_abandon(struct group_table *table, struct group_turn *turn,
                         struct group_call *call);

/* Every call that a group keeps is answered with this error. */
void group_table_drop_calls(struct group_table *table, struct group_turn *turn, int16_t error_code);

/* When group_table_tick must be called next; INT64_MAX: never. */
int64_t group_table_deadline_ms(const struct group_table *table);

/* What time does to groups, those that are due first, at most so many of them. */
void group_table_tick(struct group_table *table, struct group_turn *turn, uint32_t count_max);

/* After a load, or when the process has stood still: all sessions begin anew. */
void group_table_forgive(struct group_table *table, struct group_turn *turn);

/* Topics that the image does not have any more take their offsets with them. */
void group_table_topic_deleted(struct group_table *table, struct group_turn *turn,
                               const struct image_topic *topic);

/* --- What other cores ask of a group ------------------------------------------------------------
 */

/* May these offsets be committed, or fetched? Kafka's error code, 0 if so. */
int16_t group_check_commit(struct group *group, struct group_turn *turn,
                           const struct offset_commit_call *commit);

/* Has it no members? */
bool group_is_empty(const struct group *group);

/* Since when, by the wall clock; -1: that is not known, and each offset counts from its commit. */
int64_t group_empty_since_ms(const struct group *group);

/* Does anybody in it read this topic? */
bool group_is_subscribed(const struct group *group, struct bytes topic);

/* May offsets of a group with members be deleted, of topics that nobody reads? Not if it is not
 * known what they read. */
bool group_knows_subscriptions(const struct group *group);

/* Takes the group out of the offsets topic, but for its offsets. */
void group_put_tombstones(const struct group *group, struct group_turn *turn);

#endif
