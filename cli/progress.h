/* How far a long produce or consume is: a line on the terminal's stderr that rewrites itself a few
 * times a second, and a summary at the end. Without a terminal there is no line; with --quiet there
 * is neither. */
#ifndef TAILRACE_CLI_PROGRESS_H
#define TAILRACE_CLI_PROGRESS_H

#include "cli/tool.h"

struct progress {
    const struct tool *tool;
    const char *verb; /* "produced" */
    uint64_t record_count;
    uint64_t byte_count;
    int64_t start_ns;
    int64_t shown_ns;
    bool is_line; /* something stands on the line */
    bool is_live;
};

/* `is_live` false: no line, only the summary (stdout is the same terminal). */
void progress_start(struct progress *progress, const struct tool *tool, const char *verb,
                    bool is_live);

/* Counts records; now and then shows them. */
void progress_add(struct progress *progress, uint64_t records, uint64_t bytes);

/* Takes the line away and prints the summary, with `what` behind the count ("to demo"). */
void progress_finish(struct progress *progress, const char *what);

#endif
