/* The controller keeps its promises on io_uring. Where the machine refuses it there is nothing to
 * test, which the exit code for "skipped" says. */
#include "io/cores.h"
#include "tests/cluster/controller_suite.h"
#include "tests/io/real_harness.h"

enum { EXIT_SKIPPED = 77 };

static bool uring_is_refused(void)
{
    struct log_keeper log;
    struct io_cores *cores;
    const struct io_cores_options options = {.backend = IO_BACKEND_URING, .core_count = 1};
    log_keeper_init(&log);
    if (io_cores_create(&options, &log.logger, &cores) != STATUS_OK)
        return true;
    io_cores_destroy(cores);
    return false;
}

int main(void)
{
    if (uring_is_refused())
        return EXIT_SKIPPED;
    struct real_harness real;
    real_harness_init(&real, "uring-controller", IO_BACKEND_URING);
    int failed = controller_suite_run(&real.harness);
    real_harness_deinit(&real);
    return failed;
}
