/* What happens to the groups of a shard: calls, time, records, new metadata. Pure: no I/O, no
 * clock. What a group is stands in group.h. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_CORE_H

#include "consumer-groups/group_table.h"

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

/* What time does to groups, those that are due first, at most so many of them. */
void group_table_tick(struct group_table *table, struct group_turn *turn, uint32_t count_max);

/* The process has stood still: all sessions begin anew. */
void group_table_forgive(struct group_table *table, struct group_turn *turn);

/* There is a new image: what members read may have changed. */
void group_table_topics_changed(struct group_table *table, struct group_turn *turn);

#endif
