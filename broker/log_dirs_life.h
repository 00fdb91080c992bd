/* The data directories of a broker that runs (log_dirs.h): the stores of each core in them, and
 * what happens when one fails. */
#ifndef TAILRACE_BROKER_LOG_DIRS_LIFE_H
#define TAILRACE_BROKER_LOG_DIRS_LIFE_H

#include "base/completion.h"
#include "base/status.h"

struct broker;
struct broker_core;

/* Blocking, on the core, while nothing else is in flight there. A store that cannot be opened has
 * failed like one that fails later; the status is an error when none is left. */
enum status log_dirs_open_stores(struct broker *broker, struct broker_core *core);

/* On the core: the broker is about to stop. */
void log_dirs_expect_stop(struct broker_core *core);

/* On the core: `closed` lands when everything has been written down, with the first error. */
void log_dirs_close_stores(struct broker_core *core, struct completion *closed);

/* On core 0, when there is no use in going on, and the log says why. */
void broker_halt(struct broker *broker, enum status status);

#endif
