/* The storage suite on a real backend: `posix` or `uring`, by the program's argument. Where the
 * machine refuses io_uring there is nothing to test, which the exit code for "skipped" says. */
#include "base/assert.h"
#include "tests/io/uring_refused.h"
#include "tests/storage/real_harness.h"

#include <string.h>

int main(int argument_count, char **arguments)
{
    struct real_harness real;
    assert(argument_count == 2);
    bool is_uring = strcmp(arguments[1], "uring") == 0;
    if (is_uring && uring_is_refused())
        return EXIT_SKIPPED;
    real_harness_init(&real, is_uring ? IO_BACKEND_URING : IO_BACKEND_POSIX, arguments[1]);
    int failed_count = storage_suite_run(&real.harness) + retention_suite_run(&real.harness) +
                       transaction_suite_run(&real.harness);
    real_harness_deinit(&real);
    return failed_count;
}
