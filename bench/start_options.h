/* What measurements are told that start brokers themselves. */
#ifndef TAILRACE_BENCH_START_OPTIONS_H
#define TAILRACE_BENCH_START_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { START_RUNS_MAX = 1000, START_WORDS_MAX = 256 };

struct start_options {
    const char *const *command; /* that starts a broker; {port} and {data} are filled in */
    uint32_t word_count;        /* 0: none */
    uint32_t runs;
    uint32_t pid;       /* of a broker that runs already, for bench_idle without a command */
    const char *folder; /* under which brokers keep their data */
    bool is_verbose;    /* show what a broker says */
};

#endif
