/* A member of a group: its place among all, what it owns, and when it speaks next. What it says is
 * groups_protocol.h, how all of them live is groups_members.h.
 *
 * A partition that two members of a group own at once ends the program. */
#ifndef TAILRACE_BENCH_GROUPS_MEMBER_H
#define TAILRACE_BENCH_GROUPS_MEMBER_H

#include "base/prng.h"
#include "bench/groups_calls.h"

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
    struct address address;
    const struct load *load;
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

uint32_t member_group(const struct member *member);
uint32_t member_line(const struct member *member);
struct bytes member_id(const struct member *member);
void member_set_id(struct member *member, struct bytes id);

/* From now on it owns these and no others. */
void member_own(struct member *member, const int32_t *partitions, uint32_t count);

/* The next heartbeat is due after this time; if heartbeats are spread, after this on average. */
void member_wait(struct member *member, int32_t interval_ms);

static inline bool members_have_settled(const struct members *members)
{
    return members->settled_count == members->count;
}

#endif
