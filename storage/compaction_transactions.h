/* What compaction must know of transactions while it goes through a log from front to back. Pure.
 *
 * Batches of aborted transactions go. A marker may go once its transaction has left nothing before
 * it in the log: as long as there is something, a reader needs the marker to tell what became of
 * it. Which transactions were aborted is told beforehand, because a marker may lie far behind what
 * it speaks of. */
#ifndef TAILRACE_STORAGE_COMPACTION_TRANSACTIONS_H
#define TAILRACE_STORAGE_COMPACTION_TRANSACTIONS_H

#include "base/map.h"
#include "base/status.h"
#include "protocol/batch.h"
#include "storage/transaction_core.h"

#include <stdbool.h>
#include <stdint.h>

struct compaction_transactions {
    const struct aborted_transaction *aborted;
    uint32_t aborted_count;
    uint32_t aborted_index; /* the first that has not begun */
    struct map ongoing;     /* by producer */
};

/* `aborted` is in order of first offsets and outlives this. It may have transactions that were over
 * before the first batch to come. */
void compaction_transactions_init(struct compaction_transactions *transactions,
                                  const struct aborted_transaction *aborted,
                                  uint32_t aborted_count);
void compaction_transactions_deinit(struct compaction_transactions *transactions);

/* The next batch, each once and in order. `*may_go`: for data, that it was aborted; for a marker,
 * that nothing of its transaction has been met. STATUS_NO_MEMORY. */
enum status compaction_transactions_step(struct compaction_transactions *transactions,
                                         const struct batch_header *header, struct bytes batch,
                                         bool *may_go);

#endif
