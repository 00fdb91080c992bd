/* Reading the journals of the last run, for recovery: every entry of every commit of the present
 * epoch, in the order in which they were committed. Blocking. */
#ifndef TAILRACE_STORAGE_JOURNAL_SCAN_H
#define TAILRACE_STORAGE_JOURNAL_SCAN_H

#include "base/log.h"
#include "io/io.h"
#include "storage/commit.h"
#include "storage/journal.h"

/* Told of each entry; embedded in whoever wants to know. An error ends the scan. */
struct journal_visitor {
    enum status (*visit)(struct journal_visitor *visitor, const struct commit_entry *entry,
                         struct bytes payload);
    uint64_t bytes;  /* of the commits visited */
    bool has_gap;    /* between two of them, one is bad or missing */
    bool is_damaged; /* and that is certain to be damage */
};

enum { JOURNAL_LISTING_MAX = 1024 };

/* Which files of which cores there are. */
struct journal_listing {
    struct {
        uint32_t core;
        uint32_t file;
    } files[JOURNAL_LISTING_MAX];
    uint32_t count;
};

/* STATUS_TOO_LARGE when there are more than the listing holds. */
enum status journal_scan_list(struct io *io, const char *store, struct journal_listing *listing);

/* The journal of one core. A torn last commit is nothing; a bad one with good ones behind it is
 * passed over, and the logger says where. */
enum status journal_scan_core(struct io *io, const char *store, struct logger *logger,
                              const struct journal_listing *listing, uint32_t core, uint64_t epoch,
                              struct journal_visitor *visitor);

#endif
