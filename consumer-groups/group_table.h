/* The groups of a shard, by id and in an order in which all can be gone through, and when time has
 * something to do with one of them. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_TABLE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_TABLE_H

#include "base/hash.h"
#include "consumer-groups/group.h"

struct group_table {
    struct map groups;
    struct list order;   /* struct group */
    struct list leaving; /* those that are being deleted, a portion at a time */
    struct group_deadlines deadlines;
    struct hash_seed seed;
    uint64_t offset_count; /* of all groups */
};

/* The table stays where it is: its groups point at the seed. */
void group_table_init(struct group_table *table, struct hash_seed seed);

/* Calls that wait in groups must have been answered. */
void group_table_deinit(struct group_table *table, struct group_memory *memory);

/* NULL: there is none. What is found may be gone after the next settling. */
struct group *group_table_find(const struct group_table *table, struct bytes id);

/* One that keeps offsets and nothing else. There must be none of this id. NULL without memory. */
struct group *group_table_create(struct group_table *table, struct group_turn *turn,
                                 struct bytes id);

/* Whatever it is: its offsets go with it, its records stay. Nobody waits for its deletion. */
void group_table_remove(struct group_table *table, struct group_memory *memory,
                        struct group *group);

/* After whatever may have changed a group: its deadline is noted; one of which nothing is left, not
 * even in the log, goes, and may be gone after this. */
void group_table_settle(struct group_table *table, struct group_turn *turn, struct group *group);

/* The offsets of the group have changed; there were `before` of them. Whatever changes them says
 * so: the metrics show the sum, and nobody wants to walk millions of them for it. */
void group_table_count_offsets(struct group_table *table, const struct group *group,
                               uint32_t before);

/* When the first of all deadlines is; INT64_MAX: never. */
int64_t group_table_deadline_ms(const struct group_table *table);

#endif
