/* The states of all logs as recovery has found them, handed to the stores that open the logs.
 * Sorted by log, so that finding one touches nothing else: each core takes those of its own logs,
 * while the others do the same. */
#ifndef TAILRACE_STORAGE_STORE_STATES_H
#define TAILRACE_STORAGE_STORE_STATES_H

#include "base/bytes.h"
#include "base/status.h"
#include "storage/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct store_state {
    struct uuid topic_id;
    int32_t partition;
    bool is_removed; /* the log is no more; `content` is the topic's name */
    uint32_t life;   /* of which the journals' entries about it are (commit.h) */
    uint64_t version;
    struct bytes content; /* of its own (state_file.h); null once it has been taken */
};

struct store_states {
    struct store_state *states;
    size_t count;
    size_t capacity;
    uint64_t last_version;
    /* What the stores of one disk tell each other: when the last batch came to one of them;
     * 0: none has. */
    _Atomic uint64_t appended_ns;
    bool is_swept;             /* no log has files that its state does not list */
    _Atomic size_t open_count; /* of the logs, so many have been opened; by any core */
};

/* Adds a copy; STATUS_NO_MEMORY. */
enum status store_states_add(struct store_states *states, const struct store_state *state);

/* Sorts, and keeps of each log the newest state. */
void store_states_settle(struct store_states *states);

/* The log's state among settled ones, or NULL. */
struct store_state *store_states_find(const struct store_states *states, struct uuid topic_id,
                                      int32_t partition);

/* The content is the caller's from here on, to be freed. */
struct bytes store_states_take(struct store_states *states, struct store_state *state);

/* Takes out what is removed. */
void store_states_drop_removed(struct store_states *states);

#endif
