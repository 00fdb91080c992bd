#include "bench/histogram.h"

#include "base/assert.h"

#include <string.h>

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

/* Below two sub-counts a value is its own bucket; above, the top eight bits choose within the power
 * of two, and the power chooses the group. */
static uint32_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_SUB_COUNT)
        return (uint32_t)value;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return shift * HISTOGRAM_SUB_COUNT + (uint32_t)(value >> shift);
}

static uint64_t bucket_top(uint32_t bucket)
{
    assert(bucket < HISTOGRAM_BUCKET_COUNT);
    if (bucket < 2 * HISTOGRAM_SUB_COUNT)
        return bucket;
    uint32_t shift = bucket / HISTOGRAM_SUB_COUNT - 1;
    uint64_t top = bucket - shift * HISTOGRAM_SUB_COUNT;
    return (top << shift) + ((1ull << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    uint32_t bucket = bucket_of(value);
    assert(bucket < HISTOGRAM_BUCKET_COUNT);
    histogram->counts[bucket]++;
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double fraction)
{
    assert(fraction >= 0);
    assert(fraction <= 1);
    double wanted = fraction * (double)histogram->count;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && (double)seen >= wanted)
            return bucket_top(i) < histogram->max ? bucket_top(i) : histogram->max;
    }
    return histogram->max;
}
