/* The transactions of a log that are not decided: open, or ended by a marker that is not committed
 * yet. Pure.
 *
 * A marker that has only been appended may still be lost with its leader; what it decided is open
 * again then. So a transaction leaves this list when the high watermark has passed its marker, and
 * the first offset that remains is where readers of committed records stop.
 *
 * One of a producer's transactions at most is open: the producer knows where it began
 * (producer_core.h), which finds it here. */
#ifndef TAILRACE_STORAGE_TRANSACTION_CORE_H
#define TAILRACE_STORAGE_TRANSACTION_CORE_H

#include <stdbool.h>
#include <stdint.h>

struct transaction {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker; TRANSACTION_OPEN: none yet */
};

enum { TRANSACTION_OPEN = -1 };

/* One whose records readers of committed ones must leave out. */
struct aborted_transaction {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
};

/* No memory, and nothing to do, while there are no transactions. All zeros: empty. */
struct transaction_core {
    struct transaction *entries; /* by first offset */
    uint32_t count;
    uint32_t capacity;
    uint32_t ended_count;
};

void transaction_core_deinit(struct transaction_core *core);

/* Makes room for one, so that beginning it cannot fail; false without memory. */
bool transaction_core_reserve(struct transaction_core *core);

/* The transaction's first batch has been appended, behind all others. Needs a reservation. */
void transaction_core_begin(struct transaction_core *core, int64_t producer_id,
                            int64_t first_offset);

/* The marker of the open transaction that began at `first_offset` has been appended. */
void transaction_core_end(struct transaction_core *core, int64_t first_offset, int64_t last_offset);

/* Everything below is committed: forgets the transactions whose markers are. */
void transaction_core_commit(struct transaction_core *core, int64_t high_watermark);

/* Where the first transaction that is not decided begins; INT64_MAX without one. */
int64_t transaction_core_first_unstable(const struct transaction_core *core);

#endif
