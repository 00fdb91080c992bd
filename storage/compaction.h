/* The cleaner of one core: every log.cleaner.backoff.ms it looks for the compacted log that needs
 * it most (compaction_core.h), and takes it through one pass (compaction_op.h):
 *
 *   the dirty part is read, and the newest offset of each key noted, as far as memory goes;
 *   everything from the start of the log to there is written anew, segments that have become small
 *   together (compaction_group.h)
 *
 * and so on until no log needs it. In the background: in slices (compaction_pace.h), with memory of
 * the store. A log that cannot be read is left out until the next start, and the log says so; what
 * is short now is tried again after the backoff. */
#ifndef TAILRACE_STORAGE_COMPACTION_H
#define TAILRACE_STORAGE_COMPACTION_H

#include "base/status.h"

#include <stdint.h>

struct log;
struct store;

/* STATUS_NO_MEMORY. */
enum status compaction_create(struct store *store);

/* A log may need it some time: it has been opened, or its settings have changed. */
void compaction_want(struct store *store, const struct log *log);

/* The greatest share of dirty bytes among the logs that were looked at last. */
uint32_t compaction_dirty_percent(const struct store *store);

/* Begins no pass any more. One that runs ends soon, and counts as a use of its log until then. */
void compaction_stop(struct store *store);

/* Frees everything, also in the middle of a pass when the node was killed. */
void compaction_destroy(struct store *store);

#endif
