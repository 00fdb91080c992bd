/* The data directories at the start of a broker (log_dirs.h). Blocking, before the loops run, in
 * this order. Each explains in the log what it cannot use, and fails when that leaves no broker. */
#ifndef TAILRACE_BROKER_LOG_DIRS_OPEN_H
#define TAILRACE_BROKER_LOG_DIRS_OPEN_H

#include "base/status.h"

struct broker;

/* Takes the names from the configuration, makes the directories that are not there, locks them, and
 * reads whose they are. */
enum status log_dirs_open(struct broker *broker);

/* Once the metadata has been loaded: marks new directories as this broker's, and refuses those of
 * another cluster. */
enum status log_dirs_claim(struct broker *broker);

/* Brings all that are online into the state that a clean stop leaves. */
enum status log_dirs_recover(struct broker *broker);

/* What recovery has read, which the stores need to the end. */
void log_dirs_forget(struct broker *broker);

#endif
