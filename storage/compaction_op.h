/* One pass of a core's cleaner (compaction.h) over a log. Each core has one, and the struct is used
 * again from pass to pass. */
#ifndef TAILRACE_STORAGE_COMPACTION_OP_H
#define TAILRACE_STORAGE_COMPACTION_OP_H

#include "storage/compaction_core.h"
#include "storage/compaction_group.h"

struct compaction {
    struct op op;
    struct store *store;
    struct timer backoff;
    struct log *log; /* in the pass; NULL: none runs */
    struct compaction_pace pace;
    struct compaction_pass pass;
    struct offset_map map;
    struct chunk *map_memory;
    struct log_aborted aborted; /* transactions that have something below the end of the pass */
    struct compaction_transactions transactions;
    struct segment **segments; /* from the start of the log to the end of the pass, retained */
    uint32_t segment_count;
    uint32_t segment_done;            /* of them: exchanged */
    struct compaction_segment *facts; /* about each of them, and where the one behind begins */
    struct segment_reader reader;
    struct bytes rest; /* batches of the present frame that are to come */
    struct arena arena;
    struct compaction_group group;
    struct completion landed; /* of reader and group */
    struct compaction_tally tally;
    uint64_t begun_ns;
    uint32_t dirty_ppm_max; /* of the logs that were looked at last */
    enum status status;
};

/* What deciding has to know about a segment. */
struct compaction_segment compaction_facts_of(const struct segment *segment);

/* Takes the log through a pass; none may be under way. The log counts as used until the pass is
 * over, and how it went is told the logger. Then the backoff begins again. */
void compaction_begin_pass(struct compaction *compaction, struct log *log,
                           const struct compaction_need *need);

/* Starts the backoff, after which the cleaner looks for a log, unless it runs. */
void compaction_look_after(struct compaction *compaction, int64_t delay_ms);

/* Gives back what a pass has that is under way: the node was killed. */
void compaction_drop_pass(struct compaction *compaction);

#endif
