/* What a batch means to the producers of its log: the one place where batches that are appended,
 * recovered or read again become events of producer_core.h. Pure. The header is that of the batch,
 * with the offset that it has in the log, or will get there. */
#ifndef TAILRACE_STORAGE_PRODUCER_BATCH_H
#define TAILRACE_STORAGE_PRODUCER_BATCH_H

#include "protocol/batch.h"
#include "storage/producer_core.h"

/* May it be appended? As producer_core_check and producer_core_check_marker; STATUS_MALFORMED for a
 * control batch of a producer that is no marker, and for a transactional one without sequences. */
enum status producer_batch_check(const struct producer_core *core,
                                 const struct batch_header *header, struct bytes batch,
                                 int64_t now_ms, struct producer_batch *original);

/* Makes room for what producer_batch_note will note; false without memory. */
bool producer_batch_reserve(struct producer_core *core, const struct batch_header *header);

/* The batch is in the log. True when it is a marker that has aborted a transaction. */
bool producer_batch_note(struct producer_core *core, const struct batch_header *header,
                         struct bytes batch, int64_t now_ms, struct aborted_transaction *aborted);

#endif
