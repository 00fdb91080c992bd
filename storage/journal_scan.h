/* Reading the journals of the last run, for recovery: every entry of every commit of the present
 * epoch that has not been checkpointed, in the order in which they were committed. Blocking.
 *
 * The files are read and checked once; what they hold is kept in memory, as far as it is allowed
 * to, and visited there as often as need be. A journal of which more is needed than that is read
 * anew for each visit. */
#ifndef TAILRACE_STORAGE_JOURNAL_SCAN_H
#define TAILRACE_STORAGE_JOURNAL_SCAN_H

#include "base/log.h"
#include "io/io.h"
#include "storage/commit.h"
#include "storage/journal.h"

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

/* What the journals of all cores have in common. */
struct journal_scan_site {
    struct io *io;
    struct logger *logger;
    const char *store_directory;
    const struct journal_listing *listing;
    uint64_t epoch;
    uint64_t spare_bytes; /* of memory, for what is kept; each scan takes of it */
};

struct journal_scan;

/* Reads the journal of one core. A torn last commit is nothing; a bad one with good ones behind it
 * is passed over, and the logger says where. The site must outlive the scan. */
enum status journal_scan_create(struct journal_scan_site *site, uint32_t core,
                                struct journal_scan **scan);
void journal_scan_destroy(struct journal_scan *scan);

struct journal_findings {
    bool has_gap;    /* between two commits, or before the first, one is bad or missing */
    bool is_damaged; /* and that is certain to be damage */
};

struct journal_findings journal_scan_findings(const struct journal_scan *scan);

/* Told of each entry; embedded in whoever wants to know. An error ends the visit. */
struct journal_visitor {
    enum status (*visit)(struct journal_visitor *visitor, const struct commit_entry *entry,
                         struct bytes payload);
    uint64_t bytes; /* of the commits visited */
};

enum status journal_scan_visit(struct journal_scan *scan, struct journal_visitor *visitor);

#endif
