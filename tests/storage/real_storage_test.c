/* The storage suite on a real backend: `posix` or `uring`, by the program's argument. Where the
 * machine refuses io_uring there is nothing to test, which the exit code for "skipped" says. */
#include "base/assert.h"
#include "tests/storage/real_harness.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_SKIPPED = 77 };

static bool backend_is_refused(struct real_harness *real)
{
    const struct io_cores_options options = {.backend = real->backend, .core_count = 1};
    struct io_cores *cores = NULL;
    if (io_cores_create(&options, &real->logger, &cores) != STATUS_OK)
        return true;
    io_cores_destroy(cores);
    return false;
}

int main(int argument_count, char **arguments)
{
    struct real_harness real;
    assert(argument_count == 2);
    bool is_uring = strcmp(arguments[1], "uring") == 0;
    real_harness_init(&real, is_uring ? IO_BACKEND_URING : IO_BACKEND_POSIX, arguments[1]);
    if (is_uring && backend_is_refused(&real)) {
        real_harness_deinit(&real);
        printf("skipped: this machine refuses %s\n", arguments[1]);
        return EXIT_SKIPPED;
    }
    int failed_count = storage_suite_run(&real.harness) + retention_suite_run(&real.harness) +
                       transaction_suite_run(&real.harness);
    real_harness_deinit(&real);
    return failed_count;
}
