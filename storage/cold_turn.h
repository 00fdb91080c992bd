/* Turns of those who read blocks back from disk: while batches come in there is one reading at a
 * time for each core, so that a commit, which somebody waits for, never queues behind many of them
 * in the device; otherwise a few. */
#ifndef TAILRACE_STORAGE_COLD_TURN_H
#define TAILRACE_STORAGE_COLD_TURN_H

#include "base/completion.h"
#include "base/list.h"

struct store;

struct cold_turn {
    struct completion completion; /* lands when it is given one */
    struct list_node node;        /* store->cold_turns */
    bool is_given;
};

void cold_turn_init(struct cold_turn *turn, void (*landed)(struct completion *, int32_t result));

/* Has it one, or does it get one at once? If not, it waits. */
bool cold_turn_take(struct store *store, struct cold_turn *turn);

/* Does nothing without one. */
void cold_turn_end(struct store *store, struct cold_turn *turn);

/* Waits no more; the node was killed. */
void cold_turn_drop(struct cold_turn *turn);

/* Have batches come in lately, to a log of this disk, on whatever core? */
bool cold_someone_appends(const struct store *store);

#endif
