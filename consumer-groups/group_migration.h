/* A group with members goes from one protocol to the other (KIP-848, online migration): a classic
 * group of consumers becomes a consumer group when the first comes who speaks that protocol, and a
 * classic one again when the last of these has gone. Members stay who they are. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_MIGRATION_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_MIGRATION_H

#include "consumer-groups/group.h"

/* The classic group becomes a consumer group of the same members, who are at the epoch of their
 * generation with what they were assigned; whoever waits in it is told to join again. False, and
 * nothing changed: that is not allowed, or what its members say cannot be read. */
bool group_upgrade(struct group *group, struct group_turn *turn);

/* A consumer group all of whose members speak the classic protocol becomes a classic one, where
 * that is allowed; others stay as they are. Its generation is the group's epoch, at which members
 * may still commit. It rebalances, unless everybody has what he is to have: then the last to go was
 * a static member whose place another has taken. */
void group_downgrade_if_due(struct group *group, struct group_turn *turn);

#endif
