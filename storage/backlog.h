/* What has been sealed and is not in its segments yet, of all logs together. A producer who waits
 * for the disk is held back by it. One who does not (loose_core.h) would fill the memory at the
 * pace of his network, until appends are refused, which costs both sides more than any waiting: a
 * refused batch has been received and checked for nothing, and comes again.
 *
 * So while the backlog is large, nothing is acknowledged early: those logs are held. They are let
 * go when it has shrunk, and each acknowledges meanwhile what is durable, as every log does. */
#ifndef TAILRACE_STORAGE_BACKLOG_H
#define TAILRACE_STORAGE_BACKLOG_H

#include <stdbool.h>

struct log;
struct memory_frame;
struct store;

/* The frame has been sealed; it has been written, or goes away without. */
void backlog_add(struct memory_frame *frame);
void backlog_take(struct memory_frame *frame);

/* Nothing may be acknowledged before the disk has it. */
bool backlog_is_large(const struct store *store);

/* There are appends that the log might have acknowledged. */
void backlog_hold(struct log *log);

/* Some has been written: who is held goes on, if it is no longer large. */
void backlog_relieve(struct store *store);

#endif
