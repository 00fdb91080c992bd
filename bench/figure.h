/* The figures that results are compared by: where each stands in the JSON of a result, what it is
 * called, and how it is written. */
#ifndef TAILRACE_BENCH_FIGURE_H
#define TAILRACE_BENCH_FIGURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { FIGURE_TEXT_SIZE = 32, FIGURE_RANGE_SIZE = 4 * FIGURE_TEXT_SIZE };

struct figure {
    const char *name;     /* "p99_us" */
    const char *title;    /* for people, with the unit */
    const char *parts[3]; /* where it stands; NULL behind the last */
    double scale;         /* from the result to the unit of the title */
    bool more_is_better;
};

const struct figure *figure_all(uint32_t *count);

/* False if the result does not have it. */
bool figure_find(const struct figure *figure, const json_t *result, double *value);

/* Three digits or so, thousands apart: 0.52, 14.6, 48,151. */
void figure_format(double value, char text[static FIGURE_TEXT_SIZE]);

/* An object of median, min and max as "median (min-max)". */
void figure_format_range(const json_t *range, char text[static FIGURE_RANGE_SIZE]);

#endif
