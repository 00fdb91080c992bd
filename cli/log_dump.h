/* The dumps of single kinds of files, each in a file of its own; `log dump` (log_dump.c) chooses
 * among them. */
#ifndef TAILRACE_CLI_LOG_DUMP_H
#define TAILRACE_CLI_LOG_DUMP_H

#include "cli/dump_batch.h"
#include "cli/file_window.h"

struct dump {
    struct dump_options options;
    const char *path;
    struct file_window window;
    bool is_damaged; /* something in the file is not what was written */
};

void dump_segment(struct dump *dump);
void dump_journal(struct dump *dump);
void dump_index(struct dump *dump);
void dump_metadata_state(struct dump *dump);
void dump_metadata_log(struct dump *dump);
void dump_metadata_snapshot(struct dump *dump);
void dump_epoch(struct dump *dump);
void dump_meta_properties(struct dump *dump);
void dump_opaque(struct dump *dump); /* the reserve, the lock */

/* A line of its own for what is not as it should be. */
void dump_damage(struct dump *dump, uint32_t depth, uint64_t position, uint64_t size_bytes,
                 const char *what);

#endif
