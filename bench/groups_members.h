/* Members of many groups, of either protocol, that join, take what they are given, and stay. They
 * do what a consumer of Java does, less the reading:
 *
 *   classic    JoinGroup ─▶ SyncGroup ─▶ Heartbeat every 3 s ─▶ REBALANCE_IN_PROGRESS: from the
 * start consumer   ConsumerGroupHeartbeat every interval, and at once when what it owns has changed
 *
 * All groups read the same topic, and there is the same number of partitions for each member of a
 * group; a group has settled when each member owns just so many. Any error that a client would not
 * expect here ends the program, and so does a partition that two members of a group own at once. */
#ifndef TAILRACE_BENCH_GROUPS_MEMBERS_H
#define TAILRACE_BENCH_GROUPS_MEMBERS_H

#include "base/prng.h"
#include "bench/groups.h"

enum { MEMBER_ID_SIZE = 128 };

struct member {
    struct timer timer; /* to the next heartbeat */
    struct members *members;
    uint32_t index;
    int32_t epoch; /* or generation */
    char id[MEMBER_ID_SIZE];
    uint32_t id_size;
    int32_t *owned;
    uint32_t owned_count;
    bool has_news; /* what it owns has changed and the broker has not heard of it */
};

struct members {
    struct crowd crowd;
    const struct options *options;
    struct uuid topic_id;
    struct member *all; /* those of a group stand together */
    uint32_t count;
    int32_t *owners;        /* of each group's partitions: a member's index, -1: nobody */
    uint32_t settled_count; /* members with their share */
    int64_t settled_ns;     /* when it last became all of them */
    uint32_t rebalance_count;
    uint32_t request_count;
    struct arena arena; /* of what all say */
    struct bytes subscription;
    struct prng prng;
    bool is_spread;          /* heartbeats, over their interval */
    struct histogram *beats; /* latencies of heartbeats; NULL: not wanted now */
    /* Answers that are not about membership. */
    void (*answered)(struct members *members, struct member *member,
                     const struct crowd_answer *answer);
};

/* Prepares topic and coordinators, and opens the lines: one for each member, but at most
 * options->connections. `members` is all zero but for `answered`. */
void members_init(struct members *members, const struct options *options);
void members_deinit(struct members *members);

/* All of them begin to join. */
void members_join(struct members *members);

static inline bool members_have_settled(const struct members *members)
{
    return members->settled_count == members->count;
}

/* Until all have settled, or the program ends. */
void members_wait(struct members *members);

uint32_t member_group(const struct member *member);
uint32_t member_line(const struct member *member);
struct bytes member_id(const struct member *member);

#endif
