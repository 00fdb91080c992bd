/* The controller keeps its promises on io_uring. Where the machine refuses it there is nothing to
 * test, which the exit code for "skipped" says. */
#include "tests/cluster/controller_suite.h"
#include "tests/io/real_harness.h"
#include "tests/io/uring_refused.h"

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
