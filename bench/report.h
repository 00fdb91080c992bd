/* What was measured: numbers with names, as a table for people or as JSON for programs. A name ends
 * with its unit. */
#ifndef TAILRACE_BENCH_REPORT_H
#define TAILRACE_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum { REPORT_ROWS_MAX = 40 };

struct report_row {
    const char *name;
    double value;
    int decimals;
};

struct report {
    const char *title;
    struct report_row rows[REPORT_ROWS_MAX];
    uint32_t row_count;
};

/* The title and names are constants. */
void report_init(struct report *report, const char *title);
void report_add(struct report *report, const char *name, double value, int decimals);

/* To stdout. */
void report_print(const struct report *report, bool is_json);

#endif
