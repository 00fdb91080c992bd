/* What a member says to its coordinator and makes of the answers, in both protocols. */
#ifndef TAILRACE_BENCH_GROUPS_PROTOCOL_H
#define TAILRACE_BENCH_GROUPS_PROTOCOL_H

#include "bench/groups_member.h"

/* Joins, for the first time or again. */
void member_join(struct member *member);

/* A heartbeat is due. */
void member_beat(struct member *member);

/* False: the answer is not about membership. */
bool member_take(struct member *member, const struct crowd_answer *answer);

/* What members of classic groups say they read, in the arena. */
struct bytes classic_subscription(const struct load *load, struct arena *arena);

#endif
