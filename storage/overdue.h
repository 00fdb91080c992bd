/* Deletions that an earlier life of the broker owes: the metadata says that the topic was deleted,
 * and the broker was killed before the catalog could say it of all its logs.
 *
 * Each is opened and deleted, as if its topic had only gone now: so the catalog forgets it first,
 * and its files go after that, whatever happens in between. One after the other, in the background,
 * on the log's home core: versions in the catalogs of two cores say nothing about what came first.
 */
#ifndef TAILRACE_STORAGE_OVERDUE_H
#define TAILRACE_STORAGE_OVERDUE_H

#include "storage/store.h"

/* Asked before overdue_start returns, and not after that. */
struct overdue_judge {
    bool (*is_home)(struct overdue_judge *judge, struct uuid topic_id, int32_t partition);
    bool (*was_deleted)(struct overdue_judge *judge, struct uuid topic_id);
};

/* Once for each store, on its core, when the logs of all topics that there are have been opened.
 * Ends by itself, or when the store stops. What could not be deleted is left to the next start. */
void overdue_start(struct store *store, struct overdue_judge *judge);

/* Frees what was under way when the node was killed. */
void overdue_drop(struct store *store);

#endif
