/* The end of a log: its directory is renamed, so that from then on it is gone. What is in it goes
 * later (graveyard.h). */
#ifndef TAILRACE_STORAGE_LOG_DELETE_H
#define TAILRACE_STORAGE_LOG_DELETE_H

#include "storage/log.h"

#include <stdbool.h>

struct store;

/* Such a log has been deleted, and that has not landed yet. */
bool log_is_being_deleted(const struct store *store, const struct log_id *id);

/* Something that used the log has ended; a deletion may go on. */
void log_delete_progressed(struct log *log);

#endif
