/* What a broker costs before anybody uses it: the time from exec to its first answers, on an empty
 * folder and on one that it has left, and the memory that it takes when nothing happens. Both
 * answer a flat JSON object of figures whose names end with their units, which the caller owns. */
#ifndef TAILRACE_BENCH_START_H
#define TAILRACE_BENCH_START_H

#include "bench/launch.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { START_RUNS_MAX = 1000 };

struct start_options {
    const char *const *command; /* that starts a broker; {port} and {data} are filled in */
    uint32_t word_count;        /* 0: none */
    uint32_t runs;
    uint32_t pid;       /* of a broker that runs already, for bench_idle without a command */
    const char *folder; /* under which brokers keep their data */
    bool is_verbose;    /* show what a broker says */
};

json_t *bench_start(const struct start_options *options);
json_t *bench_idle(const struct start_options *options);

#endif
