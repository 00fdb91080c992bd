/* The server suite in the simulator: in a quiet world, and in one where transfers come in pieces
 * and everything is now and then slow. An argument chooses cases by a pattern. */
#include "tests/broker/sim_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct faults quiet;

static const struct faults rough = {
    .disk = {.short_count = 200000, .stall = 10000, .stall_ns_max = 5000000},
    .network = {.window_bytes = 3000, .split = 500000, .slow = 100000, .slow_ns_max = 2000000},
    .node = {.wall_error_ms_max = 60000, .clock_drift_ppm = 500},
};

static int run(const char *name, uint64_t seed, const struct faults *faults)
{
    struct sim_harness sim;
    sim_harness_init(&sim, name, seed, faults);
    int failed_count = server_suite_run(&sim.harness);
    sim_harness_deinit(&sim);
    return failed_count;
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 1)
        cmocka_set_test_filter(arguments[1]);
    return run("sim", 1, &quiet) + run("sim in pieces", 1000, &rough);
}
