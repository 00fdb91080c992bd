/* What is done with the offsets of a shard's groups: committed, fetched, deleted, and forgotten
 * when nobody has wanted them for long (KIP-211). Pure. Checks come in Kafka's order: a partition
 * that the metadata does not have, then the group, then what the client sent along. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_CORE_H

#include "consumer-groups/group_table.h"

void group_offsets_commit(struct group_table *table, struct group_turn *turn,
                          struct offset_commit_call *commit);
void group_offsets_fetch(const struct group_table *table, struct group_turn *turn,
                         struct offset_fetch_call *fetch);
void group_offsets_delete(struct group_table *table, struct group_turn *turn,
                          struct offset_delete_call *deletion);

/* All of a group's, record by record: they need not go into one batch. */
void group_offsets_delete_all(struct group_table *table, struct group_turn *turn,
                              struct group *group);

/* Those that were committed for this topic, which is gone. */
void group_offsets_forget_topic(struct group_table *table, struct group_turn *turn,
                                struct group *group, const struct image_topic *topic);

/* Those whose time is over; and the group, when nothing is left of it: it may be gone after this.
 */
void group_offsets_expire(struct group_table *table, struct group_turn *turn, struct group *group);

#endif
