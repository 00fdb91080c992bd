/* The turns of the logs of a store, of which so many have a round under way that somebody waits for
 * (flush.h). A log that acknowledges before the disk has it needs none: its producers go on, and
 * what would be gathered meanwhile is memory. */
#ifndef TAILRACE_STORAGE_FLUSH_TURN_H
#define TAILRACE_STORAGE_FLUSH_TURN_H

#include <stdbool.h>

struct flush;
struct log;

/* Whether a round may be synced now. A turn is kept for what comes next in the same log, up to a
 * bound: those who have just been answered tend to ask again. */
bool flush_take_turn(struct flush *flush);

/* flush->turn lands when it has one; what has been sealed then goes along. */
void flush_await_turn(struct flush *flush);

/* Does nothing without one. */
void flush_give_turn(struct flush *flush);

/* A sync has landed: the turn is given away when all that it was for is synced. */
void flush_note_turn_used(struct flush *flush);

/* Somebody waits for the sync of what has been written. */
bool log_has_written_direct(const struct log *log);

#endif
