/* A member that speaks the classic protocol in a consumer group, for tests: cooperative, so it goes
 * on with what it has while it joins again. One call at a time, of which the answer may be lost. */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_CLASSIC_GUEST_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_CLASSIC_GUEST_H

#include "tests/consumer-groups/consumer_rig.h"

struct classic_guest {
    const char *id;
    int32_t generation; /* -1: it is no member, as far as it knows */
    bool must_join;
    bool must_sync;
    struct partition_set *owned; /* has room for all */
};

/* It is no member, and owns nothing. */
void classic_guest_forget(struct classic_guest *guest);

/* JoinGroup, SyncGroup or Heartbeat, whichever is due. The group has members. */
void classic_guest_step(struct classic_guest *guest, struct consumer_rig *rig, const char *topics,
                        bool is_lost);

void classic_guest_leave(struct classic_guest *guest, struct consumer_rig *rig);

#endif
