/* The files of many logs during recovery: scanned, cut and written with many requests in flight,
 * for each of them waits for the disk and little else. So many files at a time are open, and no
 * more. Blocking.
 *
 * All of it may be begun again after a crash: the journals hold what is written here until the
 * store's next epoch, and that begins when names, too, are durable. */
#ifndef TAILRACE_STORAGE_RECOVERED_FILES_H
#define TAILRACE_STORAGE_RECOVERED_FILES_H

#include "storage/recovered_log.h"

/* Those of a topic stand together. */
struct recovered_logs {
    struct recovered_log **logs;
    uint32_t count;
};

/* Scans those that have not been, with about so much memory for what is read ahead. */
enum status recovered_files_scan(struct io *io, const struct recovered_logs *logs,
                                 size_t memory_bytes);

/* Everything behind the last good frame is taken away, not left to be overwritten: a stale frame
 * that happens to fit would be believed after the next crash. */
enum status recovered_files_cut(struct io *io, const struct recovered_logs *logs);

/* Writes and syncs what has gathered. */
enum status recovered_files_write(struct io *io, const struct recovered_logs *logs);

/* Makes durable the names of the files that were made, and of the directories above them. */
enum status recovered_files_sync_names(struct io *io, const char *store_directory,
                                       const struct recovered_logs *logs);

#endif
