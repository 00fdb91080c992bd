/* The suite of the seam on epoll and worker threads. */
#include "tests/io/real_harness.h"

int main(void)
{
    struct real_harness real;
    real_harness_init(&real, "posix-seam", IO_BACKEND_POSIX);
    int failed = seam_suite_run(&real.harness);
    real_harness_deinit(&real);
    return failed;
}
