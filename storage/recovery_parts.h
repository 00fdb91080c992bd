/* The inside of recovery; only the files recovery_*.c include this. recovery_run.c has the steps.
 */
#ifndef TAILRACE_STORAGE_RECOVERY_PARTS_H
#define TAILRACE_STORAGE_RECOVERY_PARTS_H

#include "storage/catalog_scan.h"
#include "storage/epoch_file.h"
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

/* --- Journals (recovery_journals.c) ----------------------------------------------------------- */

/* What an orderly stop has left, of all cores together. */
struct clean_mark recovery_read_marks(const struct recovery *recovery);

/* The scans of all journals, and whether a commit is missing in one. They keep up to half of the
 * memory that the logs will have when the stores begin. */
enum status recovery_read_journals(struct recovery *recovery);

/* Every entry of every journal, in the order of its core. */
enum status recovery_visit_journals(struct recovery *recovery, struct journal_visitor *visitor);

/* Makes durable what has been read, before anything is built on it. The process before may have
 * been killed between a write and its sync; if the power goes while this recovery is under way, and
 * the next one does not find those entries, then what the logs got from them would be left over
 * behind their ends, and be taken for good when they have grown beyond it. */
enum status recovery_sync_journals(struct recovery *recovery);

void recovery_forget_journals(struct recovery *recovery);

/* Removes journals of cores that this run does not have, and files beyond the end of its rings. */
enum status recovery_remove_strangers(struct recovery *recovery);

/* --- Logs (recovery_logs.c, recovery_lost.c) -------------------------------------------------- */

void recovery_logs_init(struct recovery *recovery);
void recovery_logs_deinit(struct recovery *recovery);

/* The log becomes one of those that are recovered, and is destroyed with them. */
void recovery_add_log(struct recovery *recovery, struct recovered_log *log);

/* Brings the logs that the journals mention to their clean state, on disk and in the catalog. */
enum status recovery_recover_logs(struct recovery *recovery);

/* When states may be missing in the catalog, directories say which logs there are: those of which
 * nothing is known are built anew from their segments, and get a place in the catalog. */
enum status recovery_find_lost_logs(struct recovery *recovery);

/* Renames the directories of logs that the catalog says have been removed, and drops them there. */
enum status recovery_bury_removed(struct recovery *recovery);

/* --- The next run (recovery_next.c) ----------------------------------------------------------- */

/* Makes what recovery has led to the beginning of a run of its own: from then on nothing that was
 * recorded before has a meaning. */
enum status recovery_begin_next_run(struct recovery *recovery);

#endif
