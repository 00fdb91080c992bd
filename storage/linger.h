/* What is acknowledged from memory goes to the disk in larger pieces. No answer waits for the
 * records of a log that acknowledges before the disk has them (loose_core.h), so they need not set
 * out one by one: they linger. They set out
 *
 *   - when so much has gathered that one write is well used;
 *   - when the oldest of them has been there for a moment, which is far below flush.ms;
 *   - when flush.messages leaves so little that acknowledgements might have to wait;
 *   - when somebody does wait: an append that is not acknowledged early, a record of the log's
 *     state, a checkpoint, retention, memory that is short, a stop;
 *   - or with what a log that acknowledges nothing early puts into the same journal.
 *
 * Readers see what is acknowledged, wherever it is. There is one timer for a store: when it fires,
 * all that lingers sets out, and what came last has had less than its time. */
#ifndef TAILRACE_STORAGE_LINGER_H
#define TAILRACE_STORAGE_LINGER_H

#include <stdbool.h>

struct log;
struct memory_frame;
struct store;

/* The log has just put a batch into the journal, which is given time, or is kicked. */
void linger_in_journal(struct log *log);

/* May the frame, which was sealed just now, linger? Otherwise somebody must want a flush. */
bool linger_in_memory(struct log *log, const struct memory_frame *frame);

/* A flush is wanted: what is sealed is due, and the mention that it may wait for. */
void linger_is_over(struct log *log);

/* Is there something to write that lingers no longer? */
bool linger_has_due(const struct log *log);

/* Somebody waits for what the log has. */
void linger_end_of(struct log *log);

/* Whether anything does, and all of it sets out. */
bool linger_is_any(const struct store *store);
void linger_end(struct store *store);

void linger_init(struct store *store);
void linger_stop(struct store *store);

#endif
