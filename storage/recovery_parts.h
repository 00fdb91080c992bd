/* The inside of recovery; only the files recovery_*.c include this. */
#ifndef TAILRACE_STORAGE_RECOVERY_PARTS_H
#define TAILRACE_STORAGE_RECOVERY_PARTS_H

#include "storage/catalog_scan.h"
#include "storage/journal_scan.h"
#include "storage/recovered_files.h"
#include "storage/store.h"

struct recovery {
    struct io *io;
    const struct store_options *options;
    struct logger *logger;
    struct store_recovery_report *report;
    uint64_t epoch;
    struct recovery_site site;
    struct journal_listing journals;
    struct journal_scan_site journal_site;
    struct journal_scan **scans; /* of each core */
    uint32_t scan_count;
    bool has_gap; /* a commit is lost */
    struct catalog_contents catalog;
    struct map logs;                /* recovered_log: those that the journals mention */
    struct recovered_logs by_topic; /* the same, when all have been found */
    struct journal_visitor mention;
    struct journal_visitor expect;
    struct journal_visitor replay;
    uint64_t buffered_bytes;
};

/* The log becomes one of those that are recovered, and is destroyed with them. */
void recovery_add_log(struct recovery *recovery, struct recovered_log *log);

/* When states may be missing in the catalog, directories say which logs there are: those of which
 * nothing is known are built anew from their segments, and get a place in the catalog. */
enum status recovery_find_lost_logs(struct recovery *recovery);

/* Renames the directories of logs that the catalog says have been removed, and drops them there. */
enum status recovery_bury_removed(struct recovery *recovery);

#endif
