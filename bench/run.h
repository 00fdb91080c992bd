/* A run: roles on the connections of some threads, for a time, and what came of it.
 *
 *     WARM UP ──▶ MEASURE ──▶ DRAIN
 *
 * A request belongs to the measurement if it was meant to start in MEASURE; in DRAIN nothing new
 * begins, but what has begun is waited for, up to a limit. The main thread only watches: each
 * second it adds up what the workers have counted, and it decides when all is done. */
#ifndef TAILRACE_BENCH_RUN_H
#define TAILRACE_BENCH_RUN_H

#include "bench/control.h"
#include "bench/result.h"
#include "bench/role.h"

#include <stdbool.h>
#include <stdint.h>

struct run {
    const struct load *load;
    struct address address;
    struct role *roles[RESULT_ROLES_MAX];
    uint32_t role_count;
    uint32_t main_role;
    uint32_t cost_role;

    /* Whether those who follow have got everything; NULL without them. */
    bool (*is_caught_up)(const struct run *run);
    void *context;
};

/* Runs it to the end and fills `result`, whose conditions are there already. */
void run_all(struct run *run, struct result *result);

#endif
