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
 * on, nothing is appended and it closes (pitfall F2). */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_H

#include "consumer-groups/group_shard_struct.h"

/* Begins to load. The shard stays where it is until it has been destroyed. */
void group_shard_init(struct group_shard *shard, const struct group_shard_options *options);

/* The call's own fields are filled in; it lands when its answer may leave. It may stay until the
 * shard is closed. */
void group_shard_serve(struct group_shard *shard, struct group_call *call);

/* The client of a call that was given here has gone: it lands soon, if it has not. */
void group_shard_abandon(struct group_shard *shard, struct group_call *call);

/* Whoever waits for others is told NOT_COORDINATOR: the broker is about to stop. */
void group_shard_release_waiters(struct group_shard *shard);

/* The core is at work. */
void group_pulse_beat(struct group_pulse *pulse, int64_t now_ms);

/* There is a new image. */
void group_shard_topics_changed(struct group_shard *shard);

/* Topics have gone from the image that is in force now, and their offsets go after them. */
void group_shard_topics_deleted(struct group_shard *shard);

/* Everybody who waits, and whoever comes from now on, is told NOT_COORDINATOR. */
void group_shard_close(struct group_shard *shard);

/* Closed, and nothing of it is with the disk: it may go. */
bool group_shard_is_idle(const struct group_shard *shard);

/* Gives back memory; of a shard that is idle, or when the node was killed. */
void group_shard_deinit(struct group_shard *shard);

/* Which partition of __consumer_offsets has the group: as in Kafka, Java's hashCode of the id (over
 * UTF-16), without its sign (0 for the one that has no positive), modulo the number of partitions.
 */
uint32_t group_shard_index(struct bytes group_id, uint32_t partition_count);

#endif
