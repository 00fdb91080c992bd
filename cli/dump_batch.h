/* A record batch in a dump, and its records if they are wanted. */
#ifndef TAILRACE_CLI_DUMP_BATCH_H
#define TAILRACE_CLI_DUMP_BATCH_H

#include "cli/tool.h"

struct dump_options {
    struct tool *tool;
    bool has_records; /* --print-data */
};

/* One line for a whole batch, right or not, that begins at `position` of its file. */
void dump_batch(const struct dump_options *options, uint32_t depth, struct bytes batch,
                uint64_t position);

/* The same for batches that stand back to back, as far as they can be told apart. */
void dump_batches(const struct dump_options *options, uint32_t depth, struct bytes batches,
                  uint64_t position);

#endif
