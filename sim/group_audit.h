/* What the members of groups saw, judged against what a coordinator promises. They report as they
 * go; the first broken promise is kept in the verdict.
 *
 *   offsets  an OffsetFetch answers a commit that was acknowledged, or one of which nobody knows
 *            whether it was carried out, and none that another one had already replaced when it was
 *            asked; "none" only before the first acknowledged commit
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

#include "sim/story.h"

#include <stdbool.h>
#include <stdint.h>

enum { GROUP_COUNT = 2, GROUP_MEMBERS_MAX = 8, GROUP_PARTITIONS = 8, GROUP_OFFSET_NONE = -1 };

enum group_commit_state { GROUP_COMMIT_OPEN, GROUP_COMMIT_ACKED, GROUP_COMMIT_REFUSED };

struct group_commit {
    uint32_t group;
    uint32_t partition;
    enum group_commit_state state;
    uint64_t asked_at;
    uint64_t answered_at;
};

/* What a leader assigned. */
struct group_plan {
    uint32_t group;
    int32_t generation;
};

/* A member owns a partition. */
struct group_hold {
    bool is_held;
    uint64_t told_at;
    uint64_t rival_at; /* when another one was told that it is his; 0: nobody was */
};

struct group_partition_audit {
    uint64_t acked_asked_at; /* the latest that a commit was asked which is acknowledged */
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

/* --- Offsets -----------------------------------------------------------------------------------
 */

/* The offset to be committed next. */
int64_t group_audit_commit(struct group_audit *audit, uint32_t group, uint32_t partition);

/* `is_fenced`: the member was told before it asked that it is none, by the same life of the
 * coordinator. */
void group_audit_committed(struct group_audit *audit, int64_t offset, uint32_t member,
                           bool is_fenced);

/* The answer says that it was not carried out. */
void group_audit_refused(struct group_audit *audit, int64_t offset);

/* What is known of a group's partitions when an OffsetFetch is about to leave. */
struct group_snapshot {
    uint64_t acked_asked_at[GROUP_PARTITIONS];
};

void group_audit_snapshot(struct group_audit *audit, uint32_t group,
                          struct group_snapshot *snapshot);
void group_audit_fetched(struct group_audit *audit, uint32_t group, uint32_t partition,
                         const struct group_snapshot *snapshot, int64_t offset);

/* --- Owners ------------------------------------------------------------------------------------
 */

/* The answer to what was asked then says that the partition is this member's. */
void group_audit_told(struct group_audit *audit, uint32_t group, uint32_t member,
                      uint32_t partition, uint64_t asked_at);

/* The member has given it up, and nobody has been told yet. */
void group_audit_released(struct group_audit *audit, uint32_t group, uint32_t member,
                          uint32_t partition);
void group_audit_released_all(struct group_audit *audit, uint32_t group, uint32_t member);

/* What was asked then was answered as to a member. */
void group_audit_alive(struct group_audit *audit, uint32_t group, uint32_t member,
                       uint64_t asked_at);

/* Every partition has one owner. */
bool group_audit_is_shared_out(const struct group_audit *audit, uint32_t group);

/* --- Plans -------------------------------------------------------------------------------------
 */

/* A leader is about to hand in an assignment; its number goes with it. */
uint64_t group_audit_plan(struct group_audit *audit, uint32_t group, int32_t generation);

/* A member of this generation was told its part of a plan. */
void group_audit_plan_told(struct group_audit *audit, uint32_t group, int32_t generation,
                           uint64_t plan);

/* A member of this generation was told that there is nothing for it in the plan. */
void group_audit_plan_lacks(struct group_audit *audit, uint32_t group, int32_t generation);

#endif
