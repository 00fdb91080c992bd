/* Reading frames back from disk for readers that are behind. A block that is being loaded is waited
 * for by all who want it. */
#ifndef TAILRACE_STORAGE_COLD_H
#define TAILRACE_STORAGE_COLD_H

#include "storage/log.h"

/* Brings in the block with `read->next_offset`, or moves `read->next_offset` on where nothing is
 * there any more; then goes on with the read by log_read_resume. */
void cold_wait(struct log *log, struct log_read *read);

/* Reads ahead, if the offset lies on disk only and memory allows. */
void cold_prefetch(struct log *log, int64_t offset);

/* Frees what was being loaded when the node was killed. */
void cold_drop_loads(struct log *log);

/* log_read.c: what was waited for is there, or `status` says why not. */
void log_read_resume(struct log *log, struct log_read *read, enum status status);

#endif
