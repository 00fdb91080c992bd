/* Reading the catalog of the last run, and writing the base of the next one, for recovery
 * (catalog.h has the format). Blocking. */
#ifndef TAILRACE_STORAGE_CATALOG_SCAN_H
#define TAILRACE_STORAGE_CATALOG_SCAN_H

#include "base/log.h"
#include "io/io.h"
#include "storage/await.h"
#include "storage/store_states.h"

struct catalog_contents {
    struct store_states *states; /* settled; removed logs among them */
    bool is_damaged;  /* states may be missing: a commit is lost in both copies, or the base is */
    bool has_records; /* something has been recorded since the base was written */
};

/* `epoch` is of the run that has ended. Adds to `contents->states`, which is empty. What is damaged
 * is named in the log and passed over. STATUS_UNSUPPORTED (another version), STATUS_IO, ... */
enum status catalog_scan(struct io *io, const char *store, struct logger *logger, uint64_t epoch,
                         struct catalog_contents *contents);

/* The next base, written and neither synced nor named yet; the draft is the caller's to end if this
 * succeeds. When its name is durable, what was recorded in earlier runs is without meaning. */
enum status catalog_draft_base(struct io *io, const char *store, uint64_t epoch,
                               const struct store_states *states, struct await_draft *draft);

/* Removes the files of all cores; they may come back. */
enum status catalog_remove_records(struct io *io, const char *store);

#endif
