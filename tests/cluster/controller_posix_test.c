/* The controller keeps its promises on epoll and worker threads. */
#include "tests/cluster/controller_suite.h"
#include "tests/io/real_harness.h"

int main(void)
{
    struct real_harness real;
    real_harness_init(&real, "posix-controller", IO_BACKEND_POSIX);
    int failed = controller_suite_run(&real.harness);
    real_harness_deinit(&real);
    return failed;
}
