/* The answers of a classic group to joins and syncs, at once or to whoever waits. What an answer
 * says is copied into its call's arena; a call whose arena is too small for it is answered
 * COORDINATOR_NOT_AVAILABLE, after which clients come again. */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_ANSWER_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_ANSWER_H

#include "consumer-groups/classic_member.h"

/* `member_id` is of the request, of the call's arena, or static text. */
void classic_refuse_join(struct group_turn *turn, struct join_group_call *call,
                         struct bytes member_id, int16_t error_code);

/* The present generation, for this member. */
enum classic_answer_part { CLASSIC_ANSWER_FOLLOWER, CLASSIC_ANSWER_LEADER, CLASSIC_ANSWER_SKIP };
void classic_answer_join(struct classic_group *group, struct group_turn *turn,
                         struct join_group_call *call, const struct classic_member *member,
                         enum classic_answer_part part);

void classic_answer_sync(const struct classic_group *group, struct group_turn *turn,
                         struct sync_group_call *call, const struct classic_member *member);
void classic_refuse_sync(struct group_turn *turn, struct sync_group_call *call, int16_t error_code);

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Its join, or sync, waits from here on. One that waited before is answered NOT_COORDINATOR: its
 * client has given it up (KAFKA-20938). */
void classic_hold_join(struct classic_group *group, struct group_turn *turn,
                       struct classic_member *member, struct join_group_call *call);
void classic_hold_sync(struct group_turn *turn, struct classic_member *member,
                       struct sync_group_call *call);

/* It waits no longer. The call, for which an answer is due, or NULL: its client has gone, or it did
 * not wait. */
struct join_group_call *classic_release_join(struct classic_group *group,
                                             struct classic_member *member);
struct sync_group_call *classic_release_sync(struct classic_member *member);

/* Whoever of the two waits is refused. */
void classic_refuse_waiting(struct classic_group *group, struct group_turn *turn,
                            struct classic_member *member, struct bytes member_id,
                            int16_t error_code);

/* Whoever of the two waits is told that another runs under its instance id. */
void classic_fence_waiting(struct classic_group *group, struct group_turn *turn,
                           struct classic_member *member);

#endif
