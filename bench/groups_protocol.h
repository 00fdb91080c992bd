/* What a member says to its coordinator and makes of the answers, in both protocols. */
#ifndef TAILRACE_BENCH_GROUPS_PROTOCOL_H
#define TAILRACE_BENCH_GROUPS_PROTOCOL_H

#include "bench/groups_members.h"

/* Joins, for the first time or again. */
void member_join(struct member *member);

/* A heartbeat is due. */
void member_beat(struct member *member);

/* False: the answer is not about membership. */
bool member_take(struct member *member, const struct crowd_answer *answer);

/* What members of classic groups say they read, in the arena. */
struct bytes classic_subscription(const struct options *options, struct arena *arena);

/* --- Of groups_members.c, for the protocols -----------------------------------------------------
 */

void member_set_id(struct member *member, struct bytes id);

/* From now on it owns these and no others. */
void member_own(struct member *member, const int32_t *partitions, uint32_t count);

/* The next heartbeat is due after this time; if heartbeats are spread, after this on average. */
void member_wait(struct member *member, int32_t interval_ms);

#endif
