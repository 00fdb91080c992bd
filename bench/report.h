/* Results as a page that people can look at: one HTML file with pictures in it and nothing from
 * outside. It takes what the modes of `tailrace bench` print as JSON: several results of single
 * runs make one section, each comparison one of its own.
 *
 * The files come from anywhere: what they lack is left out, what cannot be shown is refused with a
 * sentence. */
#ifndef TAILRACE_BENCH_REPORT_H
#define TAILRACE_BENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { REPORT_PROBLEM_SIZE = 256 };

struct report {
    json_t *sections; /* comparisons, in the order in which they came */
    json_t *singles;  /* {label: [result]}; they come first, as one comparison */
};

void report_init(struct report *report);
void report_deinit(struct report *report);

/* Takes one document over; `label` names it if it is a single result. False with a sentence if it
 * is of no known form. */
bool report_add(struct report *report, json_t *document, const char *label,
                char problem[static REPORT_PROBLEM_SIZE]);

/* All of it as a page. */
void report_write(const struct report *report, FILE *out);

/* Only bars of the figure with that name, one group for each section that has it, as an SVG file.
 * False if none has. */
bool report_write_bars(const struct report *report, const char *figure, FILE *out);

#endif
