/* Results of several brokers side by side: the figures of compare.h, worked out from results. */
#ifndef TAILRACE_BENCH_COMPARISON_H
#define TAILRACE_BENCH_COMPARISON_H

#include <jansson.h>

enum { COMPARE_CONTENDERS_MAX = 8, COMPARE_ROUNDS_MAX = 100 };

/* `results` is {name: [result, ...]}, with as many results for each name, within the limits above;
 * the caller owns what comes out. Ratios are those of the first name to the others. */
json_t *comparison_figures(json_t *results);

#endif
