/* The coordinator of the groups of one partition of __consumer_offsets, on that partition's home
 * core: it loads them from the log, feeds their cores with events, appends the records that these
 * put, and lets answers go when the log is durable (group_turn.h has the rules).
 *
 *   LOADING ──── all below the end known at the start is read ────▶ ACTIVE
 *      ▲                                                              │
 *      ├────────────── an append failed: drop all, again ─────────────┤
 *      │                                                              ▼
 *   (leads)                    no longer leader, or shut down ──▶ CLOSED: NOT_COORDINATOR
 *
 * While one batch is on its way to the disk, the records of further turns gather for the next:
 * group commit without a timer. Loading reads 1 MiB at a time and never holds the core for longer
 * than a slice; meanwhile every call is answered COORDINATOR_LOAD_IN_PROGRESS.
 *
 * The shard leads with the partition's leader epoch and appends with it; when the epoch has moved
 * on, its appends are refused and it closes (pitfall F2). */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_H

#include "base/hash.h"
#include "consumer-groups/group_core.h"
#include "replication/partition.h"

struct group_shard;

/* Which partition of __consumer_offsets has the group: as in Kafka, Java's hashCode of the id (over
 * UTF-16), its sign bit cleared, modulo the number of partitions. */
uint32_t group_shard_index(struct bytes group_id, uint32_t partition_count);

#endif
