/* The end of a log: its directory is renamed, so that from then on it is gone. What is in it goes
 * later (graveyard.h). */
#ifndef TAILRACE_STORAGE_LOG_DELETE_H
#define TAILRACE_STORAGE_LOG_DELETE_H

struct log;

/* Something that used the log has ended; a deletion may go on. */
void log_delete_progressed(struct log *log);

#endif
