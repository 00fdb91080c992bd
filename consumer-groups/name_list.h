/* Names of topics, sorted, none twice, in one piece of a group's memory. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_NAME_LIST_H
#define TAILRACE_CONSUMER_GROUPS_NAME_LIST_H

#include "consumer-groups/group_turn.h"

struct name_list {
    struct bytes *names;
    uint32_t count;
    size_t size_bytes; /* of the memory */
};

/* `to` is empty. False without memory. */
bool name_list_copy(struct name_list *to, struct group_memory *memory, const struct bytes *names,
                    uint32_t count);
void name_list_destroy(struct name_list *list, struct group_memory *memory);

bool name_list_has(const struct name_list *list, struct bytes name);

/* Are these the names in the list, in whatever order? They come in the arena, sorted, for that:
 * false without memory, which is taken for a change. */
bool name_list_is(const struct name_list *list, struct arena *arena, const struct bytes *names,
                  uint32_t count);

#endif
