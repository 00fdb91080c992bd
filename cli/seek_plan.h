/* What `group seek` will commit, worked out before anything is changed. */
#ifndef TAILRACE_CLI_SEEK_PLAN_H
#define TAILRACE_CLI_SEEK_PLAN_H

#include "cli/group_view.h"
#include "cli/seek_core.h"
#include "cli/topic_choice.h"

struct seek_row {
    struct group_partition at;
    int64_t number; /* of the mode; from a file each has its own */
    int64_t committed;
    int64_t target;
    int16_t error_code; /* of committing it */
};

struct seek {
    struct tool *tool;
    struct coordinators coordinators;
    struct bytes group;
    enum seek_mode mode;
    int64_t number;
    const char *file;
    struct topic_choice *choices;
    uint32_t choice_count;
    bool is_all_topics;

    struct seek_row *rows; /* the plan, by topic and partition */
    uint32_t row_count;
};

/* Fills the rows. False, after saying why, unless all of it can be carried out. */
bool seek_plan(struct seek *seek);

/* The order of the rows, for qsort and bsearch. */
int seek_rows_compare(const void *left, const void *right);

#endif
