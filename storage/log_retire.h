/* The oldest segments leave a log:
 *
 *   judged ──▶ synced ──▶ out of the list, start offset moved ──▶ recorded ──▶ buried
 *
 * A segment goes when all of it is synced, so that nothing in the journal speaks of it any more.
 * Until the state that no longer lists it is durable, a crash brings it back; after that its file
 * is nobody's, and is removed when file.delete.delay.ms have passed (graveyard.h). At most
 * RETIRE_MAX go at once, and the next follow when these are recorded. */
#ifndef TAILRACE_STORAGE_LOG_RETIRE_H
#define TAILRACE_STORAGE_LOG_RETIRE_H

#include <stdint.h>

struct log;

enum { RETIRE_MAX = 16 };

/* Closes the active segment if it has taken appends for long enough, and lets go what the settings
 * say; `now_ms` is -1 when the clock is in doubt. */
void log_retire_check(struct log *log, int64_t now_ms);

/* A segment has been begun: what is above the bounds goes now, and not with the next check, so that
 * files to be used again (recycle.h) come as they are wanted. */
void log_retire_rolled(struct log *log);

/* A flush, or the search for leftovers, has ended; what waited for it may go on. */
void log_retire_progressed(struct log *log);

/* Frees what was under way when the node was killed. */
void log_retire_drop(struct log *log);

#endif
