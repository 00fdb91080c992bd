/* The inside of the catalog; only the files catalog_op.c and catalog_records.c include this. */
#ifndef TAILRACE_STORAGE_CATALOG_PARTS_H
#define TAILRACE_STORAGE_CATALOG_PARTS_H

#include "storage/catalog.h"

/* Begins to write at the next turn, unless that is under way. */
void catalog_kick(struct catalog *catalog);

/* The first of a list, NULL: it is empty. */
struct catalog_record *catalog_first_record(const struct list *records);

/* Whether one of the records is a state, and not a removal. */
bool catalog_has_state(const struct list *records);

/* Something waits that may go now. What the reserve is spent on waits for company. */
bool catalog_has_next(const struct catalog *catalog);

/* The present file has grown so large that another one should be begun. */
bool catalog_should_roll(const struct catalog *catalog);

/* What the present file has is in the former one from here on, and its owner is asked to record it
 * again. The file has been closed. */
void catalog_begin_next_file(struct catalog *catalog);

#endif
