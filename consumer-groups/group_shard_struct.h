/* The insides of a shard (group_shard.h), and what its two files do for each other: one knows about
 * states and turns, the other about batches. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_STRUCT_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_SHARD_STRUCT_H

#include "consumer-groups/group_core.h"
#include "consumer-groups/group_load.h"
#include "consumer-groups/group_load_queue.h"
#include "consumer-groups/group_writer.h"
#include "protocol/compression.h"
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
    uint64_t load_ms;     /* what they took together, */
    uint64_t load_ms_max; /* and the longest */
    struct group_tally tally;
    uint64_t failed_appends; /* each of them made a shard load again */
};

struct group_shard_options {
    struct io *io;
    struct logger *logger;
    const struct replica_manager *replicas;
    const struct group_settings *settings; /* of the core; outlive the shard */
    struct group_memory *memory;
    struct group_counts *counts;
    struct group_pulse *pulse;
    struct group_load_queue *loads;
    struct uuid topic_id;
    int32_t index;
    int32_t leader_epoch;
    size_t batch_bytes_max;       /* the topic's max.message.bytes */
    int64_t check_interval_ms;    /* offsets.retention.check.interval.ms */
    enum compression compression; /* offsets.topic.compression.codec */
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

    struct group_load_place load_place;
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
    bool expiry_ages;   /* it is about age, too, not only about topics that are gone */
};

/* The partition, if the shard still leads it; else NULL. */
struct partition *group_shard_partition(const struct group_shard *shard);

/* What is done a portion at a time goes on: a batch has landed. */
void group_shard_go_on(struct group_shard *shard);

/* The turn's records and answers become the shard's; answers whose time has come leave. */
void group_shard_end_turn(struct group_shard *shard, struct group_turn *turn);

/* All that wait are answered with this error instead, at once. */
void group_shard_fail_waiting(struct group_shard *shard, int16_t error_code);

/* The memory is ahead of the log, or not to be trusted: everything is dropped and loaded again. */
void group_shard_reload(struct group_shard *shard);

/* Loads, if that is due and nothing stands against it, when it is this shard's turn. */
void group_shard_load(struct group_shard *shard);

#endif
