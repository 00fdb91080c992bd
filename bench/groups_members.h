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

#include "bench/groups_member.h"

/* Prepares topic and coordinators, and opens the lines: one for each member, but at most
 * load->group_connections. `members` is all zero but for `answered`. */
void members_init(struct members *members, const struct load *load);
void members_deinit(struct members *members);

/* All of them begin to join. */
void members_join(struct members *members);

/* Until all have settled, or the program ends. */
void members_wait(struct members *members);

#endif
