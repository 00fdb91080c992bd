/* The curves of a report: latency by percentile, and throughput and latency over time. */
#ifndef TAILRACE_BENCH_REPORT_PLOTS_H
#define TAILRACE_BENCH_REPORT_PLOTS_H

#include <jansson.h>
#include <stdio.h>

/* `results` is {name: [result, ...]}; a picture that nobody has anything for is left out. Colours
 * are by place in `names`. */
void report_plots_write(FILE *out, json_t *results, json_t *names);

#endif
