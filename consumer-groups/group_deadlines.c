/* A pairing heap whose nodes are embedded in what they belong to: setting is constant, taking out
 * logarithmic, and nothing is allocated, so a deadline can always be set. */
#include "consumer-groups/group_deadlines.h"

#include "base/assert.h"

/* Puts the later of two heaps below the other; `a` wins a tie. Answers the one on top, whose link
 * is the caller's business. */
static struct group_deadline *meld(struct group_deadline *a, struct group_deadline *b)
{
    assert(a->next == NULL);
    assert(b->next == NULL);
    assert(a != b);
    struct group_deadline *top = b->at_ms < a->at_ms ? b : a;
    struct group_deadline *below = top == a ? b : a;
    below->next = top->child;
    if (below->next != NULL)
        below->next->link = &below->next;
    top->child = below;
    below->link = &top->child;
    return top;
}

/* Siblings become one heap: in pairs from the first to the last, then all from the last to the
 * first. Just that order gives the logarithm. */
static struct group_deadline *meld_siblings(struct group_deadline *rest)
{
    struct group_deadline *pairs = NULL;
    while (rest != NULL) {
        struct group_deadline *pair = rest;
        struct group_deadline *other = rest->next;
        rest = other == NULL ? NULL : other->next;
        pair->next = NULL;
        if (other != NULL) {
            other->next = NULL;
            pair = meld(pair, other);
        }
        pair->next = pairs;
        pairs = pair;
    }
    struct group_deadline *top = NULL;
    while (pairs != NULL) {
        struct group_deadline *following = pairs->next;
        pairs->next = NULL;
        top = top == NULL ? pairs : meld(top, pairs);
        pairs = following;
    }
    return top;
}

static void insert(struct group_deadlines *deadlines, struct group_deadline *heap)
{
    struct group_deadline *top = deadlines->first == NULL ? heap : meld(deadlines->first, heap);
    deadlines->first = top;
    top->link = &deadlines->first;
    assert(top->next == NULL); /* The first has no siblings. */
    assert(top->at_ms <= heap->at_ms);
}

void group_deadline_set(struct group_deadlines *deadlines, struct group_deadline *deadline,
                        int64_t at_ms)
{
    assert(at_ms >= 0);
    group_deadline_clear(deadlines, deadline);
    deadline->at_ms = at_ms;
    insert(deadlines, deadline);
    assert(group_deadline_is_set(deadline));
    assert(deadlines->first->at_ms <= at_ms);
}

void group_deadline_clear(struct group_deadlines *deadlines, struct group_deadline *deadline)
{
    if (!group_deadline_is_set(deadline))
        return;
    assert(*deadline->link == deadline);
    *deadline->link = deadline->next;
    if (deadline->next != NULL)
        deadline->next->link = deadline->link;
    struct group_deadline *children = meld_siblings(deadline->child);
    deadline->child = NULL;
    deadline->next = NULL;
    deadline->link = NULL;
    if (children != NULL)
        insert(deadlines, children);
    assert(!group_deadline_is_set(deadline));
}
