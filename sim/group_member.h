/* What the clients of the groups' story share, whatever they are: one call at a time to the
 * coordinator, which partitions they own, and how offsets are committed and fetched. The protocols
 * are in group_classic.c and group_consumer.c. Who is in no group but uses its offsets is in
 * group_outside.c, and who deletes topics and groups in group_admin.c.
 *
 * A member goes on for ever. In a quiet workload it is idle while it is in its group and has
 * fetched the offsets of what it owns. */
#ifndef TAILRACE_SIM_GROUP_MEMBER_H
#define TAILRACE_SIM_GROUP_MEMBER_H

#include "sim/broker_worker.h"
#include "sim/group_audit.h"
#include "sim/node.h"

enum {
    GROUP_ID_SIZE = 128,
    GROUP_SESSION_MS = 700,
    GROUP_REBALANCE_MS = 600,
    GROUP_PAUSE_MS = 60,
    GROUP_RETRY_MS = 100,
    GROUP_FENCED_MS = 800, /* before the process of a fenced instance is started again */
};

/* The last one comes and goes. */
extern const struct workload_topic group_topics[GROUP_TOPICS];
extern const char *const group_names[GROUP_COUNT];

enum group_readers {
    READERS_CLASSIC,
    READERS_MODERN, /* the consumer protocol */
    READERS_MOVING, /* with each start of a process one of the two is drawn */
    READERS_ALONE,  /* not members: they assign themselves what they read */
    READERS_COUNT,
};

/* What is drawn for a group. */
struct group_plot {
    enum group_readers readers;
    bool is_cooperative;  /* who speaks the classic protocol */
    uint32_t topic_count; /* that members subscribe to */
};

struct group_workload {
    struct workload workload;
    struct group_audit audit;
    struct group_plot plots[GROUP_COUNT];
    const struct node *broker;
    bool may_reload;     /* the coordinator, also within a life: the disk may be full or fail */
    bool deletes_topics; /* the admin */
    bool deletes_groups;
};

struct group_program {
    struct worker_program worker;
    uint32_t group;
    uint32_t index;       /* among all members */
    const char *instance; /* NULL: a dynamic member */
    bool is_second;       /* of two processes of one instance; it gives way in the end */
};

struct group_member {
    struct worker worker;
    const struct group_program *program;
    struct group_workload *groups;
    struct client_call call;
    uint64_t asked_at;
    uint64_t given_at;      /* what is to be its own, as it was asked then */
    char id[GROUP_ID_SIZE]; /* empty: none yet */
    int32_t epoch;          /* of the generation, or the member's; -1: in no group */
    bool owned[GROUP_PARTITIONS];
    struct uuid owned_ids[GROUP_TOPICS]; /* of the topics, as the partitions were given */
    bool must_learn;                     /* the topics have other ids than it knows */
    void (*learned)(struct worker *worker);
    int64_t committing[GROUP_PARTITIONS];
    struct uuid asked_ids[GROUP_TOPICS];
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

static inline const struct group_plot *group_member_plot(const struct group_member *member)
{
    return &member->groups->plots[member->program->group];
}

/* Asks for the topics, and goes on with `next`. */
void group_member_learn(struct group_member *member, void (*next)(struct worker *worker));

/* It is over with a process that has another one of its instance, when all is to come to rest. */
bool group_member_retires(struct group_member *member);

/* It has left. True: its process ends, and the next one speaks the protocol that is drawn for it.
 */
bool group_member_ends(struct group_member *member);

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

/* `topic_id` zero: it was given by the name of its topic. */
void group_member_take(struct group_member *member, uint32_t partition, struct uuid topic_id);
void group_member_release(struct group_member *member, uint32_t partition);
void group_member_release_all(struct group_member *member);
uint32_t group_member_owned_count(const struct group_member *member);

/* The coordinator has said that this is no member. Answers whether it shall try to commit all the
 * same, as one does who has not listened. */
bool group_member_fenced(struct group_member *member);

/* --- Requests; the answers give Kafka's error, 0 if there is none ----------------------------- */

void group_member_find(struct group_member *member);
int16_t group_member_found(struct group_member *member);

/* Of the partitions in `which`, of which there is one at least. `retention_ms`: after which the
 * offsets may go, as old clients could say; -1: they do not. */
void group_member_commit(struct group_member *member, const bool which[GROUP_PARTITIONS],
                         int64_t retention_ms);
int16_t group_member_committed(struct group_member *member);

/* Of all partitions; `as_member` of the consumer protocol, or as anybody may. */
void group_member_fetch(struct group_member *member, bool as_member);
int16_t group_member_fetched(struct group_member *member);

/* --- Programs --------------------------------------------------------------------------------- */

struct process *group_classic_start(const struct program *program, struct node *node,
                                    struct io *const *cores, uint32_t core_count);
struct process *group_consumer_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count);
struct process *group_alone_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count);
struct process *group_observer_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count);
struct process *group_admin_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count);

#endif
