/* What is done with the offsets of a shard's groups: committed, fetched, deleted, and forgotten
 * when nobody has wanted them for long (KIP-211). Pure. Checks come in Kafka's order: a partition
 * that the metadata does not have, then the group, then what the client sent along. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_CORE_H

#include "consumer-groups/group_table.h"

/* Each answers its call in this turn, errors being in `out`: of the request, or of a partition. */
void group_offsets_commit(struct group_table *table, struct group_turn *turn,
                          struct offset_commit_call *commit);
void group_offsets_fetch(const struct group_table *table, struct group_turn *turn,
                         struct offset_fetch_call *fetch);
void group_offsets_delete(struct group_table *table, struct group_turn *turn,
                          struct offset_delete_call *deletion);

/* --- A portion at a time ------------------------------------------------------------------------
 *
 * A group may have very many offsets, so a turn takes at most `*left` of them, which counts down.
 * Each record stands for itself and need not go into one batch with the others. */

enum { GROUP_PORTION_OFFSETS = 1000 };

/* All that the group has. */
void group_offsets_delete_all(struct group_table *table, struct group_turn *turn,
                              struct group *group, uint32_t *left);

/* Those of topics that are gone and, if `ages`, those whose time is over; and then the group, when
 * nothing is left of it. False: the group, which is still there, may have more of them. After true
 * it may be gone. */
bool group_offsets_expire(struct group_table *table, struct group_turn *turn, struct group *group,
                          bool ages, uint32_t *left);

#endif
