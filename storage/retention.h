/* When the logs of a store are looked through for what may be deleted: each
 * log.retention.check.interval.ms, a few logs in each turn of the loop; a log whose settings have
 * changed at once. */
#ifndef TAILRACE_STORAGE_RETENTION_H
#define TAILRACE_STORAGE_RETENTION_H

#include "io/io.h"
#include "storage/retention_core.h"

struct store;

struct retention {
    struct timer timer;
    struct retention_clock clock;
    struct completion turn; /* lands when the next few logs may be looked at */
    bool turn_is_pending;
    uint32_t round; /* logs that have been looked at carry its number */
};

void retention_init(struct store *store);

/* After this nothing is looked at any more. */
void retention_stop(struct store *store);

/* Wall time for judging age; -1 while the clock is in doubt (retention_core.h). */
int64_t retention_now_ms(struct store *store);

#endif
