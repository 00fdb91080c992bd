/* What the files of opening a metadata log share; only metadata_log_open.c and metadata_log_load.c
 * include this. */
#ifndef TAILRACE_CLUSTER_METADATA_LOG_OPENING_H
#define TAILRACE_CLUSTER_METADATA_LOG_OPENING_H

#include "cluster/metadata_log_parts.h"

struct opening {
    struct metadata_log *log;
    struct arena *arena;
    struct metadata_loaded *loaded;
    struct io_request request;
    const struct io_entry *names;
    uint32_t name_count;
    uint64_t *firsts; /* of the log files, in order */
    uint32_t first_count;
    struct metadata_entry *entries;
    uint32_t entry_capacity;
    uint64_t entries_from; /* index of the first entry gathered */
    uint64_t next_index;   /* of the entry expected next; 0: none was read yet */
    uint64_t last_term;
    bool has_synced_folder;
};

/* Runs until the request has landed. */
enum status opening_await(struct opening *opening);

/* Says what is wrong with the file; answers STATUS_CORRUPT. */
enum status opening_damaged(struct opening *opening, const char *file, const char *what,
                            uint64_t offset);

/* Makes durable the names in the folder. Not only after making them: a process that was killed may
 * have made names that are not on disk yet, and what is built on them would be lost with them. So
 * nothing is removed, and nothing answered, before it. */
enum status opening_sync_folder(struct opening *opening);

enum status opening_remove_file(struct opening *opening, const char *name);

/* Gathers the entries of all log files that the snapshot has not replaced, adopts the last file,
 * and removes those that were replaced, with older snapshots. The state and the snapshot have been
 * read. */
enum status opening_read_files(struct opening *opening);

/* There is no state file, and no snapshot. Of the two names that the first start gives at once, a
 * power cut may leave the log file's alone: it holds the first entry at most, for which nobody was
 * answered, so the start does all of it again. With anything behind it the state file had been
 * there, and is lost. */
enum status opening_find_out_if_begun(struct opening *opening, bool *has_begun);

#endif
