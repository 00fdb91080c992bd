/* How a shard's records come into its log, and its answers out: the file of group_shard.h that knows
 * about batches. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_APPEND_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_APPEND_H

#include "consumer-groups/group_shard.h"

/* The partition, if the shard still leads it; else NULL. */
struct partition *group_shard_partition(const struct group_shard *shard);

/* The turn's records and answers become the shard's; answers whose time has come leave. */
void group_shard_end_turn(struct group_shard *shard, struct group_turn *turn);

/* All that wait are answered with this error instead, at once. */
void group_shard_fail_waiting(struct group_shard *shard, int16_t error_code);

/* The memory is ahead of the log, or not to be trusted: everything is dropped and loaded again. */
void group_shard_reload(struct group_shard *shard);

/* Loads, if that is due and nothing stands against it. */
void group_shard_load(struct group_shard *shard);

#endif
