/* What the members of the groups' story share, whatever protocol they speak: one call at a time to
 * the coordinator, which partitions they own, and how offsets are committed and fetched. The
 * protocols are in group_classic.c and group_consumer.c; an observer, who is in no group and only
 * fetches offsets, is in group_observer.c.
 *
 * A member goes on for ever. In a quiet workload it is idle while it is in its group and has
 * fetched the offsets of what it owns. */
#ifndef TAILRACE_SIM_GROUP_MEMBER_H
#define TAILRACE_SIM_GROUP_MEMBER_H

#include "sim/broker_worker.h"
#include "sim/group_audit.h"
#include "sim/node.h"

enum {
    GROUP_TOPICS = 2, /* the first of the workload's */
    GROUP_ID_SIZE = 128,
    GROUP_SESSION_MS = 700,
    GROUP_REBALANCE_MS = 600,
    GROUP_PAUSE_MS = 60,
    GROUP_RETRY_MS = 100,
};

static_assert(GROUP_TOPICS * TOPIC_PARTITIONS_MAX == GROUP_PARTITIONS, "all that members share");

extern const char *const group_names[GROUP_COUNT];

struct group_workload {
    struct workload workload;
    struct group_audit audit;
    const struct node *broker;
    bool may_reload; /* the coordinator, also within a life: the disk may be full */
};

struct group_program {
    struct worker_program worker;
    uint32_t group;
    uint32_t index;       /* among all members */
    const char *instance; /* NULL: a dynamic member */
};

struct group_member {
    struct worker worker;
    const struct group_program *program;
    struct group_workload *groups;
    struct client_call call;
    uint64_t asked_at;
    char id[GROUP_ID_SIZE]; /* empty: none yet */
    int32_t epoch;          /* of the generation, or the member's; -1: in no group */
    bool owned[GROUP_PARTITIONS];
    int64_t committing[GROUP_PARTITIONS];
    bool commits_as_fenced;
    uint32_t fenced_in_life; /* of the broker; 0: it was not */
    struct group_snapshot snapshot;
};

/* The member's worker begins; `landed` is of its call. */
void group_member_init(struct group_member *member, const struct program *program,
                       struct node *node, struct io *io,
                       void (*landed)(struct completion *, int32_t));

static inline struct group_audit *group_member_audit(struct group_member *member)
{
    return &member->groups->audit;
}

struct bytes group_member_group_id(const struct group_member *member);
struct bytes group_member_instance(const struct group_member *member); /* null: dynamic */
void group_member_set_id(struct group_member *member, struct bytes id);

/* Makes the call ready for a request that is about to leave. */
void group_member_ask(struct group_member *member);

/* The error in an answer, and in whatever could not be read. */
int16_t group_member_failed(struct group_member *member, int16_t error);

/* Partitions by their names and ids. */
uint32_t group_partition_of(uint32_t topic, int32_t index);
bool group_topic_by_name(struct bytes name, uint32_t *topic);
bool group_topic_by_id(const struct group_member *member, struct uuid id, uint32_t *topic);

void group_member_take(struct group_member *member, uint32_t partition);
void group_member_release(struct group_member *member, uint32_t partition);
void group_member_release_all(struct group_member *member);
uint32_t group_member_owned_count(const struct group_member *member);

/* The coordinator has said that this is no member. Answers whether it shall try to commit all the
 * same, as one does who has not listened. */
bool group_member_fenced(struct group_member *member);

/* --- Requests; the answers give Kafka's error, 0 if there is none ------------------------------
 */

void group_member_find(struct group_member *member);
int16_t group_member_found(struct group_member *member);

/* Of the partitions in `which`, of which there is one at least. */
void group_member_commit(struct group_member *member, const bool which[GROUP_PARTITIONS]);
int16_t group_member_committed(struct group_member *member);

/* Of all partitions; `as_member` of the consumer protocol, or as anybody may. */
void group_member_fetch(struct group_member *member, bool as_member);
int16_t group_member_fetched(struct group_member *member);

void group_classic_program_init(struct group_program *program, struct group_workload *groups);
void group_consumer_program_init(struct group_program *program, struct group_workload *groups);
void group_observer_program_init(struct group_program *program, struct group_workload *groups);

#endif
