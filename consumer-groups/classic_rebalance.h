/* From one generation of a classic group to the next: what follows when members have come, gone or
 * changed. */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_REBALANCE_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_REBALANCE_H

#include "consumer-groups/classic_member.h"

/* All are to join again. Syncs that wait are answered REBALANCE_IN_PROGRESS. Goes on to the next
 * generation at once if all have joined already. */
void classic_prepare_rebalance(struct classic_group *group, struct group_turn *turn);

/* After a member has come or changed, or one of several went: begins a rebalance, or ends the one
 * that runs if this was the last thing it waited for. */
void classic_rebalance_or_complete(struct classic_group *group, struct group_turn *turn);

/* Ends the rebalance that runs, if all have joined; not the first one of an empty group, which
 * takes its time so that more may come (KIP-134). */
void classic_complete_if_joined(struct classic_group *group, struct group_turn *turn);

/* The next generation, with those who have joined; the others, unless static, are out. */
void classic_complete_join(struct classic_group *group, struct group_turn *turn);

/* When a step of a rebalance that begins now is over: as long as the slowest member may take, or
 * the initial delay. */
int64_t classic_rebalance_deadline_ms(struct classic_group *group, const struct group_turn *turn);

/* Everybody has what `assignment` says, and hears it. */
void classic_become_stable(struct classic_group *group, struct group_turn *turn);

/* The assignment cannot be kept: whoever waits for it is told, and the group rebalances. */
void classic_fail_sync(struct classic_group *group, struct group_turn *turn, int16_t error_code);

/* What the next generation will be. */
int32_t classic_next_generation(const struct classic_group *group);

#endif
