/* How often each latency was seen, in a fixed amount of memory.
 *
 * Buckets are linear inside each power of two and double from one to the next, as in HdrHistogram:
 * 128 to a power, so a percentile is at most 0.8 % above the truth, from nanoseconds to centuries.
 * Single-threaded; does not fail. */
#ifndef TAILRACE_BENCH_HISTOGRAM_H
#define TAILRACE_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 7,
    HISTOGRAM_SUB_COUNT = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_BUCKET_COUNT = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB_COUNT,
};

/* All zero is an empty one. About 60 KiB. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKET_COUNT];
    uint64_t count;
    uint64_t max;
};

void histogram_reset(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);

/* A value that `fraction`, 0 to 1, of all values do not exceed: the upper end of its bucket, and
 * never more than the largest value seen. 0 for an empty histogram. */
uint64_t histogram_percentile(const struct histogram *histogram, double fraction);

#endif
