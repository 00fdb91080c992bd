/* The deadlines of a group's members, the earliest at hand. A pairing heap (Fredman, Sedgewick,
 * Sleator and Tarjan 1986), because its nodes live in what expires: setting a deadline never
 * allocates and never fails, costs the logarithm of their number when averaged over many, and a
 * group without members pays one pointer. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_DEADLINES_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: not set. */
struct group_deadline {
    int64_t at_ms; /* the steady clock */
    struct group_deadline *child;
    struct group_deadline *next;  /* sibling */
    struct group_deadline **link; /* what points here; NULL: not set */
};

/* All zero: none. Stays in place. */
struct group_deadlines {
    struct group_deadline *first;
};

/* Anew, or instead of the former one. */
void group_deadline_set(struct group_deadlines *deadlines, struct group_deadline *deadline,
                        int64_t at_ms);

/* Does nothing to one that is not set. */
void group_deadline_clear(struct group_deadlines *deadlines, struct group_deadline *deadline);

static inline bool group_deadline_is_set(const struct group_deadline *deadline)
{
    return deadline->link != NULL;
}

/* INT64_MAX: none is set. */
static inline int64_t group_deadlines_next_ms(const struct group_deadlines *deadlines)
{
    return deadlines->first == NULL ? INT64_MAX : deadlines->first->at_ms;
}

#endif
