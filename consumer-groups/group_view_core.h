/* Groups as administrators see them: listed, described, deleted. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_VIEW_CORE_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_VIEW_CORE_H

#include "consumer-groups/group_table.h"

/* Each answers its call in this turn; what the answer shows is copied into the call's arena. */
void group_list(const struct group_table *table, struct group_turn *turn,
                struct list_groups_call *list);
void group_describe(const struct group_table *table, struct group_turn *turn,
                    struct describe_group_call *describe);
void group_describe_consumer(const struct group_table *table, struct group_turn *turn,
                             struct consumer_describe_call *describe);

/* Its offsets go first, a portion in this turn and more with group_delete_more, as long as there
 * are groups that are leaving. Until all is gone the call waits, and nobody else is served from the
 * group: who was told that there is no offset could see it again after a crash. */
void group_delete(struct group_table *table, struct group_turn *turn,
                  struct delete_group_call *deletion);
void group_delete_more(struct group_table *table, struct group_turn *turn);

/* Whoever waits for the end of it, if anybody, is answered with this error; it goes on. */
void group_delete_unwatch(struct group *group, struct group_turn *turn, int16_t error_code);

#endif
