/* Which leader epoch begins where in a log. Pure: derived from the batches, kept in the log's state
 * file to save the reading, rebuilt from the batches on any doubt. Epochs and offsets both rise
 * from entry to entry; an epoch in which nothing was appended has no entry (KIP-101, KIP-279). */
#ifndef TAILRACE_STORAGE_EPOCH_CORE_H
#define TAILRACE_STORAGE_EPOCH_CORE_H

#include <stdbool.h>
#include <stdint.h>

struct epoch_entry {
    int32_t epoch;
    int64_t start_offset;
};

struct epoch_core {
    struct epoch_entry *entries;
    uint32_t count;
    uint32_t capacity;
};

void epoch_core_init(struct epoch_core *core);
void epoch_core_deinit(struct epoch_core *core);

/* Makes sure that the next epoch_core_note cannot fail; false when there is no memory. */
bool epoch_core_reserve(struct epoch_core *core);

/* A batch of `epoch` begins at `offset`, behind all that were noted. An epoch that is not newer
 * than the last changes nothing. Needs a reservation. */
void epoch_core_note(struct epoch_core *core, int32_t epoch, int64_t offset);

/* The log begins at `start_offset` now: epochs that end before it are forgotten. */
void epoch_core_forget(struct epoch_core *core, int64_t start_offset);

/* The newest epoch, or -1. */
int32_t epoch_core_last(const struct epoch_core *core);

/* The largest epoch <= `epoch` that has batches, and the offset after its last one; `end_offset` of
 * the log ends the newest. False when there is none. */
bool epoch_core_end(const struct epoch_core *core, int32_t epoch, int64_t log_end_offset,
                    int32_t *found_epoch, int64_t *end_offset);

/* The epoch of the batch at `offset`, or -1. */
int32_t epoch_core_at(const struct epoch_core *core, int64_t offset);

#endif
