/* How often each latency was seen, in a fixed amount of memory.
 *
 * Buckets are linear inside each power of two and double from one to the next, as in HdrHistogram:
 * 1,024 to a power, so a percentile is at most 0.1 % above the truth. Values are nanoseconds, up to
 * 36 minutes; larger ones count as that.
 *
 * One thread writes. Others may read meanwhile through histogram_add_all, which sees each bucket as
 * it is or was a moment ago: that is how the figures of each second come about without locks. */
#ifndef TAILRACE_BENCH_HISTOGRAM_H
#define TAILRACE_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 10,
    HISTOGRAM_SUB_COUNT = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_VALUE_BITS = 41,
    HISTOGRAM_BUCKET_COUNT = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB_COUNT,
};

#define HISTOGRAM_VALUE_MAX ((1ull << HISTOGRAM_VALUE_BITS) - 1)

/* All zero is an empty one. About 260 KiB. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKET_COUNT];
    uint64_t sum;
    uint64_t max;
};

void histogram_reset(struct histogram *histogram);

/* The same value `times` times. */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times);

/* Adds all that is in `from`, which another thread may be writing to. */
void histogram_add_all(struct histogram *histogram, const struct histogram *from);

/* What came to `now` since it was `before`. The maximum is the upper end of the highest bucket that
 * grew, for the largest value itself may be older. */
void histogram_difference(const struct histogram *now, const struct histogram *before,
                          struct histogram *difference);

uint64_t histogram_count(const struct histogram *histogram);

/* 0 for an empty histogram. */
double histogram_mean(const struct histogram *histogram);

/* A value that `fraction`, 0 to 1, of all values do not exceed: the upper end of its bucket, and
 * never more than the largest value seen. 0 for an empty histogram. */
uint64_t histogram_percentile(const struct histogram *histogram, double fraction);

/* The largest value that a bucket holds. */
uint64_t histogram_bucket_top(uint32_t bucket);

#endif
