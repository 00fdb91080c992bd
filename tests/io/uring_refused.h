/* Where a machine refuses io_uring there is nothing to test on it, which a program's exit code
 * says. */
#ifndef TAILRACE_TESTS_IO_URING_REFUSED_H
#define TAILRACE_TESTS_IO_URING_REFUSED_H

#include "io/uring_setup.h"

#include <stdbool.h>
#include <stdio.h>

enum { EXIT_SKIPPED = 77 };

/* Says why, if so. */
static inline bool uring_is_refused(void)
{
    const char *refusal = uring_refusal();
    if (refusal != NULL)
        printf("skipped: %s\n", refusal);
    return refusal != NULL;
}

#endif
