/* The groups of a shard: who is served, created, removed, and when time has something to do. Pure:
 * no I/O, no clock. What a group is stands in group.h. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_CORE_H

#include "base/hash.h"
#include "consumer-groups/group.h"

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
                                struct arena *arena, const struct group_record_view *view);

/* All is read: sessions begin. */
void group_table_restored(struct group_table *table, struct group_turn *turn);

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

/* The process has stood still: all sessions begin anew. */
void group_table_forgive(struct group_table *table, struct group_turn *turn);

/* There is a new image: what members read may have changed. */
void group_table_topics_changed(struct group_table *table, struct group_turn *turn);

/* Topics that the image does not have any more take their offsets with them. */
void group_table_topic_deleted(struct group_table *table, struct group_turn *turn,
                               const struct image_topic *topic);

#endif
