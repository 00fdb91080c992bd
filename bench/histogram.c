#include "bench/histogram.h"

#include "base/assert.h"

#include <string.h>

void histogram_reset(struct histogram *histogram)
{
    assert(histogram != NULL);
    memset(histogram, 0, sizeof *histogram);
}

/* A reader in another thread must not see half a number; there is one writer, so no more is needed,
 * and both become plain moves. */
static void store(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static uint64_t load(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* Below two sub-counts a value is its own bucket; above, the top bits choose within the power of
 * two, and the power chooses the group. */
static uint32_t bucket_of(uint64_t value)
{
    assert(value <= HISTOGRAM_VALUE_MAX);
    if (value < HISTOGRAM_SUB_COUNT)
        return (uint32_t)value;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return shift * HISTOGRAM_SUB_COUNT + (uint32_t)(value >> shift);
}

uint64_t histogram_bucket_top(uint32_t bucket)
{
    assert(bucket < HISTOGRAM_BUCKET_COUNT);
    if (bucket < 2 * HISTOGRAM_SUB_COUNT)
        return bucket;
    uint32_t shift = bucket / HISTOGRAM_SUB_COUNT - 1;
    uint64_t top = bucket - shift * HISTOGRAM_SUB_COUNT;
    return (top << shift) + ((1ull << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times)
{
    uint64_t kept = value < HISTOGRAM_VALUE_MAX ? value : HISTOGRAM_VALUE_MAX;
    uint32_t bucket = bucket_of(kept);
    assert(bucket < HISTOGRAM_BUCKET_COUNT);
    store(&histogram->counts[bucket], histogram->counts[bucket] + times);
    store(&histogram->sum, histogram->sum + kept * times);
    if (kept > histogram->max && times > 0)
        store(&histogram->max, kept);
}

void histogram_add_all(struct histogram *histogram, const struct histogram *from)
{
    assert(histogram != from);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++)
        histogram->counts[i] += load(&from->counts[i]);
    histogram->sum += load(&from->sum);
    uint64_t max = load(&from->max);
    if (max > histogram->max)
        histogram->max = max;
}

void histogram_difference(const struct histogram *now, const struct histogram *before,
                          struct histogram *difference)
{
    assert(now != difference);
    assert(before != difference);
    histogram_reset(difference);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        assert(now->counts[i] >= before->counts[i]);
        difference->counts[i] = now->counts[i] - before->counts[i];
        if (difference->counts[i] > 0)
            difference->max = histogram_bucket_top(i);
    }
    assert(now->sum >= before->sum);
    assert(now->max >= before->max);
    difference->sum = now->sum - before->sum;
    if (difference->max > now->max)
        difference->max = now->max;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++)
        count += histogram->counts[i];
    return count;
}

double histogram_mean(const struct histogram *histogram)
{
    uint64_t count = histogram_count(histogram);
    return count > 0 ? (double)histogram->sum / (double)count : 0;
}

uint64_t histogram_percentile(const struct histogram *histogram, double fraction)
{
    assert(fraction >= 0);
    assert(fraction <= 1);
    double wanted = fraction * (double)histogram_count(histogram);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t top = histogram_bucket_top(i);
            return top < histogram->max ? top : histogram->max;
        }
    }
    return histogram->max;
}
