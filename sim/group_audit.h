/* What the members of groups saw, judged against what a coordinator promises. They report as they
 * go; the first broken promise is kept in the verdict.
 *
 *   offsets  an OffsetFetch answers a commit that was acknowledged, or one of which nobody knows
 *            whether it was carried out, and none that another one had already replaced when it was
 *            asked; "none" only before the first acknowledged commit, after the group was deleted,
 *            or when what was committed was to expire
 *   topics   no offset that was committed for a topic before it was deleted is answered for the one
 *            of the same name that came after it
 *   fenced   what was refused is not answered, and a member who was told that it is none commits
 *            nothing any more
 *   owner    whoever is let through as a member does not own what another one was given meanwhile
 *   plan     all members of a generation are told the assignment of one leader, who knew of all
 *
 * Every commit has an offset of its own, which says which one it is. Time is the number of reports:
 * what was asked after an answer has come is later for certain, all else may be either way round.
 *
 * Belongs to a story, outside of its world. */
#ifndef TAILRACE_SIM_GROUP_AUDIT_H
#define TAILRACE_SIM_GROUP_AUDIT_H

#include "base/bytes.h"
#include "sim/story.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    GROUP_COUNT = 2,
    GROUP_MEMBERS_MAX = 10,
    GROUP_TOPICS = 3,
    GROUP_TOPIC_PARTITIONS = 3,
    GROUP_PARTITIONS = GROUP_TOPICS * GROUP_TOPIC_PARTITIONS,
    GROUP_OFFSET_NONE = -1,
    GROUP_LIVES_MAX = 128, /* of one topic */
    GROUP_LIFE_ANY = -1,   /* a topic was named, not its id */
};

enum group_commit_state { GROUP_COMMIT_OPEN, GROUP_COMMIT_ACKED, GROUP_COMMIT_REFUSED };

struct group_commit {
    uint32_t group;
    uint32_t partition;
    enum group_commit_state state;
    bool expires;
    int32_t life;   /* of the topic, for which it was; or GROUP_LIFE_ANY, */
    int32_t newest; /* when this was the newest */
    uint64_t asked_at;
    uint64_t answered_at;
};

/* A topic between two deletions. */
struct group_life {
    struct uuid id;
    uint64_t born_after; /* when the deletion of the one before it was asked */
    uint64_t doomed_at;  /* when its own was; 0: it lives */
};

struct group_topic_audit {
    struct group_life lives[GROUP_LIVES_MAX];
    int32_t count;
};

/* What takes offsets away. */
struct group_void {
    uint32_t open_count; /* nobody knows (yet) whether it was carried out */
    uint64_t until;      /* the last was answered then; 0: none */
};

/* What a leader assigned. */
struct group_plan {
    uint32_t group;
    int32_t generation;
    uint64_t handed_at;
};

/* Between its question and its answer a group was deleted. */
struct group_deletion {
    uint64_t asked_at;    /* 0: there was none */
    uint64_t answered_at; /* 0: not yet, or never */
};

/* A member owns a partition. */
struct group_hold {
    bool is_held;
    struct uuid topic_id; /* zero: of whatever topic has the name */
    uint64_t told_at;
    uint64_t rival_at; /* when another one was told that it is his; 0: nobody was */
};

struct group_partition_audit {
    uint64_t acked_asked_at; /* the latest that a commit was asked which is acknowledged, */
    int32_t acked_life;      /* for this life of its topic */
    struct group_void expiring;
    struct group_hold holds[GROUP_MEMBERS_MAX];
};

struct group_audit {
    struct verdict *verdict;
    uint64_t now;
    struct group_commit *commits; /* by offset */
    size_t commit_count;
    size_t commit_capacity;
    struct group_plan *plans;
    size_t plan_count;
    size_t plan_capacity;
    int32_t planned_generation[GROUP_COUNT]; /* the newest whose plan was told, */
    uint64_t told_plan[GROUP_COUNT];         /* and which plan that is */
    struct group_topic_audit topics[GROUP_TOPICS];
    struct group_void deletions[GROUP_COUNT];
    struct group_deletion deleted[GROUP_COUNT];  /* the last that was carried out for certain, */
    struct group_deletion deleting[GROUP_COUNT]; /* and what is known of a later one, if anything */
    uint32_t shared_count[GROUP_COUNT];          /* the first partitions, which members share */
    struct group_partition_audit partitions[GROUP_COUNT][GROUP_PARTITIONS];
    uint64_t acked_count;
    uint64_t refused_count;
    uint64_t fetched_count;
    uint64_t told_count;
};

void group_audit_init(struct group_audit *audit, struct verdict *verdict);
void group_audit_deinit(struct group_audit *audit);

/* A request is about to leave. */
uint64_t group_audit_asks(struct group_audit *audit);

/* --- Topics ----------------------------------------------------------------------------------- */

static inline uint32_t group_topic_of(uint32_t partition)
{
    return partition / GROUP_TOPIC_PARTITIONS;
}

/* Somebody was told that the topic has this id. Whoever deletes a topic, by its id, was told it
 * before. */
void group_audit_topic_seen(struct group_audit *audit, uint32_t topic, struct uuid id);

/* Its deletion is about to be asked for. */
void group_audit_topic_doomed(struct group_audit *audit, uint32_t topic, struct uuid id);

/* --- Offsets ---------------------------------------------------------------------------------- */

/* Where offsets belong. */
struct group_place {
    uint32_t group;
    uint32_t partition;
    struct uuid topic_id; /* zero: the topic is named */
};

/* The offset to be committed next. */
int64_t group_audit_commit(struct group_audit *audit, const struct group_place *place,
                           bool expires);

/* `is_fenced`: the member was told before it asked that it is none, by the same life of the
 * coordinator. */
void group_audit_committed(struct group_audit *audit, int64_t offset, uint32_t member,
                           bool is_fenced);

/* The answer says that it was not carried out. */
void group_audit_refused(struct group_audit *audit, int64_t offset);

/* What is known of a group's partitions when an OffsetFetch is about to leave. */
struct group_snapshot {
    uint64_t acked_asked_at[GROUP_PARTITIONS];
    int32_t newest[GROUP_TOPICS];
};

void group_audit_snapshot(struct group_audit *audit, uint32_t group,
                          struct group_snapshot *snapshot);
void group_audit_fetched(struct group_audit *audit, const struct group_place *place,
                         const struct group_snapshot *snapshot, int64_t offset);

/* The deletion of the group is about to be asked for, and when that was; the answer says that it
 * was carried out, or that it was not. */
uint64_t group_audit_delete(struct group_audit *audit, uint32_t group);
void group_audit_deleted(struct group_audit *audit, uint32_t group, uint64_t asked_at,
                         bool is_done);

/* --- Owners ----------------------------------------------------------------------------------- */

/* The answer to what was asked then says that the partition is this member's. */
void group_audit_told(struct group_audit *audit, const struct group_place *place, uint32_t member,
                      uint64_t asked_at);

/* The member has given it up, and nobody has been told yet. */
void group_audit_released(struct group_audit *audit, uint32_t group, uint32_t member,
                          uint32_t partition);
void group_audit_released_all(struct group_audit *audit, uint32_t group, uint32_t member);

/* What was asked then was answered as to a member. */
void group_audit_alive(struct group_audit *audit, uint32_t group, uint32_t member,
                       uint64_t asked_at);

/* Every partition that is shared has one owner; if not, which one has not? */
bool group_audit_is_shared_out(const struct group_audit *audit, uint32_t group,
                               uint32_t *partition);

/* --- Plans ------------------------------------------------------------------------------------ */

/* A leader is about to hand in an assignment; its number goes with it. */
uint64_t group_audit_plan(struct group_audit *audit, uint32_t group, int32_t generation);

/* A member of this generation has joined. A group that was nobody's any more counts from 1. */
void group_audit_joined(struct group_audit *audit, uint32_t group, int32_t generation);

/* A member of this generation was told its part of a plan. */
void group_audit_plan_told(struct group_audit *audit, uint32_t group, int32_t generation,
                           uint64_t plan);

/* A member of this generation was told that there is nothing for it in the plan. */
void group_audit_plan_lacks(struct group_audit *audit, uint32_t group, int32_t generation);

#endif
