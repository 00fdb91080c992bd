/* The suite of the seam on io_uring. Where the machine refuses it there is nothing to test, which
 * the exit code for "skipped" says. */
#include "io/uring_setup.h"
#include "tests/io/real_harness.h"

#include <stdio.h>

enum { EXIT_SKIPPED = 77 };

int main(void)
{
    const char *refusal = uring_refusal();
    if (refusal != NULL) {
        printf("skipped: %s\n", refusal);
        return EXIT_SKIPPED;
    }
    struct real_harness real;
    real_harness_init(&real, "uring-seam", IO_BACKEND_URING);
    int failed = seam_suite_run(&real.harness);
    real_harness_deinit(&real);
    return failed;
}
