/* Groups as administrators see them: listed, described, deleted. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_VIEW_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_VIEW_CORE_H

#include "consumer-groups/group_table.h"

void group_list(const struct group_table *table, struct group_turn *turn,
                struct list_groups_call *list);
void group_describe(const struct group_table *table, struct group_turn *turn,
                    struct describe_group_call *describe);
void group_describe_consumer(const struct group_table *table, struct group_turn *turn,
                             struct consumer_describe_call *describe);
void group_delete(struct group_table *table, struct group_turn *turn,
                  struct delete_group_call *deletion);

#endif
