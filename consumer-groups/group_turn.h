/* One event's worth of a group's life: what the pure cores may know besides the group and the
 * event, and what they bring about. Cores have no clock, no chance and no I/O: time, ids and the
 * metadata are in the turn.
 *
 * The order of things, for every event (this is Kafka's own coordinator runtime, and the one rule
 * that makes groups durable):
 *
 *   1. A core changes the group in memory, puts the records that say so (group_writer.h), and
 *      answers calls (group_turn_answer).
 *   2. The shard appends the records of many turns as one batch.
 *   3. Answers leave, in order, when all that the shard had put before them is on disk, whether or
 *      not their own turn put anything: so nobody is told what a crash could take back.
 *   4. If an append fails, the memory is ahead of the log: the shard answers its calls with
 *      COORDINATOR_NOT_AVAILABLE, drops all its groups and loads them again.
 */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_TURN_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_TURN_H

#include "base/hash.h"
#include "cluster/image.h"
#include "consumer-groups/assignor.h"
#include "consumer-groups/group_call.h"

struct group_writer;

/* The settings that groups obey, as they are when the turn begins. */
struct group_settings {
    int32_t session_timeout_ms_min;     /* group.min.session.timeout.ms */
    int32_t session_timeout_ms_max;     /* group.max.session.timeout.ms */
    int32_t initial_rebalance_delay_ms; /* group.initial.rebalance.delay.ms */
    int32_t new_member_join_timeout_ms; /* 5 minutes, as in Kafka */
    uint32_t size_max;                  /* group.max.size */
    struct hash_seed hash_seed;         /* of the tables that clients fill */
    int32_t offset_metadata_bytes_max;  /* offset.metadata.max.bytes */
    int64_t offsets_retention_ms;       /* offsets.retention.minutes */
    int32_t consumer_session_timeout_ms;
    int32_t consumer_heartbeat_interval_ms;
    uint32_t consumer_size_max;                 /* group.consumer.max.size */
    int32_t consumer_assignment_interval_ms;    /* group.consumer.assignment.interval.ms */
    int32_t consumer_regex_refresh_interval_ms; /* group.consumer.regex.refresh.interval.ms */
    bool has_consumer_protocol;                 /* group.coordinator.rebalance.protocols */
    struct assignor_list assignors;             /* group.consumer.assignors, not empty */
    bool may_upgrade;                           /* group.consumer.migration.policy */
    bool may_downgrade;                         /* the same */
};

/* The memory of all groups of one core. What is over the limit is refused, never the process
 * killed. Not so what is read back from the log: it was within the limit when it was accepted, but
 * the limit may have been another one then, or its groups spread over more cores, and to refuse it
 * would be to lose all groups of a shard. */
struct group_memory {
    size_t used_bytes;
    size_t limit_bytes;
    bool is_restoring; /* what is taken now was accepted before */
};

/* What has happened, for the metrics; each turn counts its own. */
struct group_tally {
    uint64_t offset_commits;     /* offsets, not requests */
    uint64_t offset_expirations; /* and of topics that are gone */
    uint64_t offset_deletions;
    uint64_t classic_rebalances;  /* generations */
    uint64_t consumer_rebalances; /* group epochs */
    uint64_t expired_sessions;
};

struct group_turn {
    int64_t now_ms;       /* the steady clock; deadlines are in it */
    int64_t wall_ms;      /* the wall clock, for records */
    struct uuid fresh_id; /* a random one, for a member id that this turn may have to make */
    const struct group_settings *settings;
    const struct image *image;
    size_t batch_bytes_max; /* what one turn may put, see group_writer.h; 0: any */
    struct group_memory *memory;
    struct group_writer *writer;
    struct list answered; /* struct group_call, in the order of the answers */
    struct group_tally tally;
};

/* The turn cannot be finished: there is no memory. It fails as a failed append does, so the group
 * may be in any state that can be destroyed. */
void group_turn_fail(struct group_turn *turn);

/* The call's `out` is complete. It must be with nobody any more (node unlinked). */
void group_turn_answer(struct group_turn *turn, struct group_call *call);

/* Is there room for this much more? Asked before something is begun that a client could make large:
 * once begun, a turn that finds no memory fails. */
bool group_memory_has_room(const struct group_memory *memory, size_t size);

/* Memory that counts; NULL when the limit is reached. Cleared. */
void *group_memory_allocate(struct group_memory *memory, size_t size);
void group_memory_free(struct group_memory *memory, void *object, size_t size);

/* Counts, or no longer counts, what was taken elsewhere. False: there is no room for it. */
bool group_memory_note(struct group_memory *memory, size_t size);
void group_memory_forget(struct group_memory *memory, size_t size);

/* A copy that counts; false when the limit is reached. Null stays null. */
bool group_memory_copy(struct group_memory *memory, struct bytes *to, struct bytes from);
void group_memory_free_copy(struct group_memory *memory, struct bytes *copy);

#endif
