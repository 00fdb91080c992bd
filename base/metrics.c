#include "base/metrics.h"

#include "base/assert.h"

const struct metric_row metric_rows[METRIC_COUNT] = {
#define X(key, name, type, help) {name, METRIC_##type, "", help},
    METRIC_ROWS(X)
#undef X
};

const struct metric_row metric_histogram_rows[METRIC_HISTOGRAM_COUNT] = {
#define X(key, name, help) {name, METRIC_HISTOGRAM, "", help},
    METRIC_HISTOGRAM_ROWS(X)
#undef X
};

const struct metric_row metric_labelled_rows[METRIC_LABELLED_COUNT] = {
#define X(key, name, type, labels, help) {name, METRIC_##type, labels, help},
    METRIC_LABELLED_ROWS(X)
#undef X
};

/* Up to 3 each microsecond has a bucket of its own; from then on each power of two has four. */
static uint32_t bucket_of(uint64_t duration_us)
{
    const uint64_t longest = (1ull << METRIC_POWER_MAX) - 1;
    uint64_t value = duration_us < longest ? duration_us : longest;
    if (value < METRIC_SUB_COUNT)
        return (uint32_t)value;
    uint32_t power = 63 - (uint32_t)__builtin_clzll(value);
    uint32_t shift = power - METRIC_SUB_BITS;
    uint32_t sub = (uint32_t)(value >> shift) & (METRIC_SUB_COUNT - 1);
    return (shift + 1) * METRIC_SUB_COUNT + sub;
}

void metric_histogram_add_ns(struct metric_histogram *histogram, uint64_t duration_ns)
{
    uint64_t duration_us = duration_ns / 1000;
    uint32_t bucket = bucket_of(duration_us);
    assert(bucket < METRIC_BUCKET_COUNT);
    histogram->counts[bucket]++;
    histogram->sum_us += duration_us;
}

void metrics_raise(struct metrics *metrics, enum metric metric, int64_t value)
{
    assert(metric_rows[metric].type == METRIC_GAUGE_MAX);
    if (metrics->values[metric] < value)
        metrics->values[metric] = value;
}

void metrics_observe_ns(struct metrics *metrics, enum metric_histogram_key key,
                        uint64_t duration_ns)
{
    assert(key < METRIC_HISTOGRAM_COUNT);
    if (metrics != NULL)
        metric_histogram_add_ns(&metrics->histograms[key], duration_ns);
}

void metric_histogram_merge(struct metric_histogram *histogram,
                            const struct metric_histogram *other)
{
    for (uint32_t i = 0; i < METRIC_BUCKET_COUNT; i++)
        histogram->counts[i] += other->counts[i];
    histogram->sum_us += other->sum_us;
}

static uint64_t count_up_to(const struct metric_histogram *histogram, uint32_t bucket_count)
{
    uint64_t count = 0;
    assert(bucket_count <= METRIC_BUCKET_COUNT);
    for (uint32_t i = 0; i < bucket_count; i++)
        count += histogram->counts[i];
    return count;
}

uint64_t metric_histogram_count(const struct metric_histogram *histogram)
{
    return count_up_to(histogram, METRIC_BUCKET_COUNT);
}

uint64_t metric_histogram_count_below(const struct metric_histogram *histogram, uint32_t power)
{
    assert(power < METRIC_POWER_MAX);
    return count_up_to(histogram, bucket_of(1ull << power));
}

void metrics_merge(struct metrics *metrics, const struct metrics *other)
{
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        if (metric_rows[i].type == METRIC_GAUGE_MAX)
            metrics_raise(metrics, (enum metric)i, other->values[i]);
        else
            metrics->values[i] += other->values[i];
    }
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++)
        metric_histogram_merge(&metrics->histograms[i], &other->histograms[i]);
}
