/* The indexes of a store's segments: loaded when a reader wants one, kept within a bound, written
 * beside the segment when it is not appended to any more. */
#ifndef TAILRACE_STORAGE_INDEX_H
#define TAILRACE_STORAGE_INDEX_H

#include "base/completion.h"
#include "base/list.h"

struct log;
struct segment;
struct store;

struct index_wait {
    struct completion completion;
    struct list_node node;
};

/* Brings the whole index into memory, from its file or from the frames. Always lands: STATUS_OK;
 * STATUS_NO_MEMORY (try later), STATUS_NO_FILES, STATUS_IO. It
 * may go again any time after the turn in which it landed. */
void index_want(struct log *log, struct segment *segment, struct index_wait *wait);

/* The index is in use: it goes last. */
void index_touch(struct log *log, struct segment *segment);

/* The file has misled a reader: forgets what it said, so that the next wish asks the frames. */
void index_doubt(struct log *log, struct segment *segment);

/* The segment has been written, synced and closed, and nobody appends to it just now: its index
 * goes to its file and out of memory. */
void index_put_away(struct log *log, struct segment *segment);

/* The segment has been retired. */
void index_forget(struct log *log, struct segment *segment);

/* Frees what was under way for this log when the node was killed. */
void index_drop_loads(struct log *log);

#endif
