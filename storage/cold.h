/* Frames read back from disk for readers that are behind: blocks of whole, verified frames. They
 * have a bound of their own, so that a reader who goes through old data does not push out the tails
 * that everybody else reads. A block that is being loaded is waited for by all who want it. */
#ifndef TAILRACE_STORAGE_COLD_H
#define TAILRACE_STORAGE_COLD_H

#include "base/list.h"
#include "io/chunk.h"
#include "storage/log.h"

struct segment;
struct store;

struct cold_block {
    struct list_node log_node; /* log->blocks */
    struct list_node lru_node; /* store->cold */
    struct log *log;
    struct segment *segment; /* retained */
    struct chunk *chunk;
    uint64_t position;   /* in the segment */
    uint32_t size_bytes; /* of whole frames */
    int64_t base_offset;
    int64_t next_offset;
};

/* The block that holds `offset`, now the most recently used; or NULL. */
struct cold_block *cold_find(struct log *log, int64_t offset);

/* Brings in the block with `read->next_offset`, then goes on with the read by log_read_resume. */
void cold_wait(struct log *log, struct log_read *read);

/* Reads ahead, if the offset lies on disk only and memory allows. */
void cold_prefetch(struct log *log, int64_t offset);

/* Gives back the block that was used the longest time ago; false when there is none. */
bool cold_evict(struct store *store);
void cold_trim(struct store *store, size_t bytes_max);
void cold_drop_blocks(struct log *log);

/* Frees what was being loaded when the node was killed. */
void cold_drop_loads(struct log *log);

/* log_read.c: what was waited for is there, or `status` says why not. */
void log_read_resume(struct log *log, struct log_read *read, enum status status);

#endif
