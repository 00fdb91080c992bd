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

#include "consumer-groups/group_core.h"
#include "consumer-groups/group_load.h"
#include "consumer-groups/group_writer.h"
#include "replication/partition.h"
#include "replication/replica_manager.h"

/* When this core was last seen at work. A process that has stood still (stopped, swapped out, a
 * machine that slept) has not heard the heartbeats of that time: whoever notices counts it, and
 * every shard lets all sessions begin anew before it does anything else (pitfall F3). */
struct group_pulse {
    int64_t seen_ms; /* the steady clock */
    uint64_t stall_count;
};

/* What has happened in all shards of a core, since the start. */
struct group_counts {
    uint64_t commits; /* of offsets, acknowledged or not */
    uint64_t loads;
    uint64_t load_ms;         /* what they took together */
    uint64_t failed_appends;  /* each of them made a shard load again */
};

struct group_shard_options {
    struct io *io;
    struct logger *logger;
    const struct replica_manager *replicas;
    const struct group_settings *settings; /* of the core; outlive the shard */
    struct group_memory *memory;
    struct group_counts *counts;
    struct group_pulse *pulse;
    struct uuid topic_id;
    int32_t index;
    int32_t leader_epoch;
    size_t batch_bytes_max; /* the topic's max.message.bytes */
    int64_t check_interval_ms; /* offsets.retention.check.interval.ms */
};

enum group_shard_state { GROUP_SHARD_LOADING, GROUP_SHARD_ACTIVE, GROUP_SHARD_CLOSED };

struct group_shard {
    struct group_shard_options options;
    enum group_shard_state state;
    struct group_table table;

    /* Records on their way to the log: one writer gathers, the other is worked off. */
    struct group_writer writers[2];
    uint32_t gathering;     /* which one */
    struct list waiting;    /* struct group_call: answered, but what they tell is not durable */
    uint64_t put_count;     /* records that turns have put */
    uint64_t durable_count; /* of them */
    struct partition_append append;
    struct arena batch_arena;
    uint32_t append_count; /* records in it */
    bool is_appending;

    struct group_load load;
    struct completion loaded;
    bool is_loading;
    uint64_t load_since_ms;
    struct timer retry;
    uint32_t pause_ms; /* before the next load, after a failure */

    struct timer deadline; /* of the groups, the earliest */
    uint64_t stall_count;  /* of the pulse, when it was last looked at */

    struct timer expiry;
    size_t expiry_left; /* groups to be looked at in this round */
};

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

/* Topics have gone from the image that is in force now. */
void group_shard_topic_deleted(struct group_shard *shard, const struct image_topic *topic);

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
