/* A classic group as it stands in the offsets topic: one record holds all of it. */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_RECORD_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_RECORD_H

#include "consumer-groups/classic_member.h"

/* Puts the group with its members, as version 3, which is what Kafka 4.3 writes. STATUS_TOO_LARGE:
 * the topic does not take such a record. STATUS_NO_MEMORY. Nothing was put then. */
enum status classic_record_put(struct classic_group *group, struct group_turn *turn);

/* Puts that there is a group, without anybody in it. */
void classic_record_put_new(struct classic_group *group, struct group_turn *turn);

#endif
