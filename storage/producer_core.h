/* What a log remembers of idempotent producers, so that a retry is answered and not appended.
 *
 * For each producer id: its epoch and its last five batches (Kafka's window: a client has at most
 * five in flight). Pure: time comes with each call, nothing is read or written, and the state is a
 * function of the batches alone, so a rebuild from the log equals what ran on. Rules:
 *
 *   sequence follows the last          append; sequences run 0 .. 2^31-1 and wrap to 0
 *   equals one of the last five        duplicate, answered with the offsets of the first time
 *   anything else                      STATUS_SEQUENCE_GAP
 *   epoch older than the known         STATUS_STALE_EPOCH
 *   epoch newer than the known         must start at sequence 0, else STATUS_SEQUENCE_GAP
 *   producer unknown or expired        may start at any sequence (KIP-360) */
#ifndef TAILRACE_STORAGE_PRODUCER_CORE_H
#define TAILRACE_STORAGE_PRODUCER_CORE_H

#include "base/map.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { PRODUCER_WINDOW = 5 };

struct producer_batch {
    int32_t base_sequence;
    int32_t last_sequence;
    int64_t base_offset;
    int64_t last_offset;
    int64_t append_time_ms;
};

struct producer {
    struct map_node node;
    int64_t producer_id;
    int16_t epoch;
    uint16_t batch_count;
    struct producer_batch batches[PRODUCER_WINDOW]; /* oldest first */
};

struct producer_core {
    struct map producers;
    int64_t expiration_ms;
};

/* One batch as its header tells it. */
struct producer_event {
    int64_t producer_id;
    int16_t epoch;
    int32_t base_sequence;
    int32_t last_offset_delta;
    int64_t base_offset; /* of no meaning to producer_core_check */
    int64_t now_ms;
};

void producer_core_init(struct producer_core *core, int64_t expiration_ms);
void producer_core_deinit(struct producer_core *core);

/* May this batch be appended? STATUS_OK, STATUS_DUPLICATE (with the batch of the first time in
 * `original`), STATUS_SEQUENCE_GAP or STATUS_STALE_EPOCH. Changes nothing. */
enum status producer_core_check(const struct producer_core *core,
                                const struct producer_event *event,
                                struct producer_batch *original);

/* Makes room for the producer, so that producer_core_note cannot fail; false without memory. */
bool producer_core_reserve(struct producer_core *core, int64_t producer_id);

/* The batch has been appended (or was found in the log). Needs a reservation. A batch from the log
 * is believed even where it would have been refused: the log decides. */
void producer_core_note(struct producer_core *core, const struct producer_event *event);

/* Forgets producers whose last batch is older than the expiration. */
void producer_core_expire(struct producer_core *core, int64_t now_ms);

const struct producer *producer_core_find(const struct producer_core *core, int64_t producer_id);

/* For the state file: puts back what was saved; false without memory. */
bool producer_core_restore(struct producer_core *core, const struct producer *saved);

#endif
