/* What a log remembers of idempotent producers, so that a retry is answered and not appended.
 *
 * For each producer id: its epoch and its last five batches (Kafka's window: a client has at most
 * five in flight). Pure: time comes with each call, nothing is read or written, and the state is a
 * function of the batches alone, so a rebuild from the log equals what ran on; but for producers
 * that were forgotten for want of room (struct producer_budget), whom a rebuild may know. Rules:
 *
 *   sequence follows the last          append; sequences run 0 .. 2^31-1 and wrap to 0
 *   equals one of the last five        duplicate, answered with the offsets of the first time
 *   anything else                      STATUS_SEQUENCE_GAP
 *   epoch older than the known         STATUS_STALE_EPOCH
 *   epoch newer than the known         must start at sequence 0, else STATUS_SEQUENCE_GAP
 *   producer unknown or expired        may start at any sequence (KIP-360)
 *   transaction open                   only transactional batches, else STATUS_OPEN_TRANSACTION
 *
 * And of their transactions: a transactional batch opens one if none is open; a marker
 * (marker.h) ends it, or nothing at all; it needs an epoch no older than the producer's and a
 * coordinator no older than that of the marker before. A producer with an open transaction is
 * never forgotten, for its marker would not be understood. */
#ifndef TAILRACE_STORAGE_PRODUCER_CORE_H
#define TAILRACE_STORAGE_PRODUCER_CORE_H

#include "base/list.h"
#include "base/map.h"
#include "base/status.h"
#include "storage/transaction_core.h"

#include <stdbool.h>
#include <stdint.h>

enum { PRODUCER_WINDOW = 5 };

struct producer_batch {
    int32_t base_sequence;
    int32_t last_sequence;
    int64_t base_offset;
    int64_t last_offset;
    int64_t append_time_ms; /* as the batch says it, if it has the time of its append */
};

/* The producers of many logs against one limit. Anybody may take any number of ids, and each costs
 * memory where it writes. Who comes when all places are taken gets that of whoever was silent
 * longest, on any of the logs, who is then as unknown as after an expiry: clients repeat within
 * minutes, so nobody notices unless more than `count_max` write within that time. Only an open
 * transaction keeps its place. What was restored counts as silent, in no order, until it is heard.
 */
struct producer_budget {
    uint32_t count_max;
    uint32_t count;
    uint64_t forgotten_count; /* to make room, since the start */
    struct list silent;       /* struct producer.silent */
};

struct producer {
    struct map_node node;
    struct list_node silent;    /* the one longest silent first; in no list: its transaction is
                                   open, or nobody counts */
    struct producer_core *core; /* that knows it */
    int64_t producer_id;
    int16_t epoch;
    uint16_t batch_count;
    int32_t coordinator_epoch; /* of the last marker; -1: none */
    int64_t noted_ms;          /* of the last batch or marker; -1: only room has been made */
    int64_t open_offset;       /* where its open transaction began; -1: none is open */
    struct producer_batch batches[PRODUCER_WINDOW]; /* oldest first */
};

struct producer_core {
    struct map producers;
    struct transaction_core transactions;
    int64_t expiration_ms;
    struct producer_budget *budget; /* NULL: no limit */
};

/* One batch as its header tells it. */
struct producer_event {
    int64_t producer_id;
    int16_t epoch;
    int32_t base_sequence;
    int32_t last_offset_delta;
    int64_t base_offset; /* of no meaning to producer_core_check */
    int64_t now_ms;
    bool is_transactional;
    int64_t append_time_ms;
};

/* A marker, and the producer whose transaction it ends. */
struct producer_marker {
    int64_t producer_id;
    int16_t epoch;
    int32_t coordinator_epoch;
    bool is_abort;
    int64_t offset; /* of no meaning to producer_core_check_marker */
    int64_t now_ms;
};

void producer_budget_init(struct producer_budget *budget, uint32_t count_max);

/* The budget must outlive the core, which must stay where it is; NULL: there is no limit. */
void producer_core_init(struct producer_core *core, int64_t expiration_ms,
                        struct producer_budget *budget);
void producer_core_deinit(struct producer_core *core);

/* May this batch be appended? STATUS_OK, STATUS_DUPLICATE (with the batch of the first time in
 * `original`), STATUS_SEQUENCE_GAP, STATUS_STALE_EPOCH or STATUS_OPEN_TRANSACTION. Changes nothing.
 */
enum status producer_core_check(const struct producer_core *core,
                                const struct producer_event *event,
                                struct producer_batch *original);

/* May this marker be appended? STATUS_OK, also when no transaction is open; STATUS_STALE_EPOCH (of
 * the producer) or STATUS_FENCED (of the coordinator). Changes nothing. */
enum status producer_core_check_marker(const struct producer_core *core,
                                       const struct producer_marker *marker);

/* Makes room for the producer, so that producer_core_note cannot fail; false without memory, or
 * when all places are taken by open transactions. What is transactional needs
 * producer_core_reserve_transaction as well. */
bool producer_core_reserve(struct producer_core *core, int64_t producer_id);
bool producer_core_reserve_transaction(struct producer_core *core);

/* The batch has been appended (or was found in the log). Needs a reservation. A batch from the log
 * is believed even where it would have been refused: the log decides. */
void producer_core_note(struct producer_core *core, const struct producer_event *event);

/* The same for a marker. True when it has aborted a transaction: `aborted` tells which. */
bool producer_core_note_marker(struct producer_core *core, const struct producer_marker *marker,
                               struct aborted_transaction *aborted);

/* The same for what is left of a marker in a compacted log: its epoch. */
void producer_core_note_epoch(struct producer_core *core, int64_t producer_id, int16_t epoch,
                              int64_t now_ms);

/* Forgets producers whose last batch is older than the expiration. */
void producer_core_expire(struct producer_core *core, int64_t now_ms);

/* NULL: it is unknown. What is found may go with any call that reserves, expires or notes. */
const struct producer *producer_core_find(const struct producer_core *core, int64_t producer_id);

/* For the state file: puts back what was saved, whatever the budget says: who has a transaction
 * open is known only later. False without memory. A producer comes before its transaction, and
 * transactions come in order. */
bool producer_core_restore(struct producer_core *core, const struct producer *saved);

/* STATUS_CORRUPT for an open transaction of a producer that is unknown or has another one. */
enum status producer_core_restore_transaction(struct producer_core *core,
                                              const struct transaction *saved);

/* Is there more than room for it? */
static inline bool producer_is_noted(const struct producer *producer)
{
    return producer->noted_ms >= 0;
}

#endif
