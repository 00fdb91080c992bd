/* What several measurements of one thing say: the median, and how far they lie apart. Pure. */
#ifndef TAILRACE_BENCH_RANGE_H
#define TAILRACE_BENCH_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum { RANGE_VALUES_MAX = 1000 };

struct range {
    double median;
    double min;
    double max;
};

/* Of 1 to RANGE_VALUES_MAX values, in any order. */
struct range range_of(const double *values, uint32_t count);

/* Of the ratios a[i] / b[i]: rounds are compared with each other, so that what the machine did in a
 * round falls on both. False if no round has a ratio, because each b is zero. */
bool range_of_ratios(const double *a, const double *b, uint32_t count, struct range *ratios);

/* True if all ratios say the same: larger, or smaller. */
bool range_is_decided(const struct range *ratios);

#endif
