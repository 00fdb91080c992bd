/* Numbers about what a core does, for those who watch it. Each core has its own and counts without
 * locks; whoever wants to know asks every core for a copy by mail and adds them up. What exists is
 * listed in metric_rows.h. */
#ifndef TAILRACE_BASE_METRICS_H
#define TAILRACE_BASE_METRICS_H

#include "base/metric_rows.h"

#include <stddef.h>
#include <stdint.h>

enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_GAUGE_MAX,       /* of several cores the greatest counts */
    METRIC_COUNTER_SECONDS, /* kept in microseconds */
    METRIC_GAUGE_SECONDS,
    METRIC_HISTOGRAM,
};

enum metric {
#define X(key, name, type, help) METRIC_##key,
    METRIC_ROWS(X)
#undef X
        METRIC_COUNT
};

enum metric_histogram_key {
#define X(key, name, help) METRIC_HISTOGRAM_##key,
    METRIC_HISTOGRAM_ROWS(X)
#undef X
        METRIC_HISTOGRAM_COUNT
};

enum metric_labelled {
#define X(key, name, type, labels, help) METRIC_LABELLED_##key,
    METRIC_LABELLED_ROWS(X)
#undef X
        METRIC_LABELLED_COUNT
};

/* A row, for those who print it. */
struct metric_row {
    const char *name;
    enum metric_type type;
    const char *labels; /* "" for none */
    const char *help;
};

extern const struct metric_row metric_rows[METRIC_COUNT];
extern const struct metric_row metric_histogram_rows[METRIC_HISTOGRAM_COUNT];
extern const struct metric_row metric_labelled_rows[METRIC_LABELLED_COUNT];

/* Durations by how often they were seen. Buckets are linear inside each power of two, four to a
 * power, from a microsecond to more than a minute: a percentile is at most a quarter above the
 * truth. All zero is an empty one. */
enum {
    METRIC_SUB_BITS = 2,
    METRIC_SUB_COUNT = 1 << METRIC_SUB_BITS,
    METRIC_POWER_MAX = 27, /* of microseconds; what is longer counts as the longest */
    METRIC_BUCKET_COUNT = (METRIC_POWER_MAX - METRIC_SUB_BITS + 1) * METRIC_SUB_COUNT,
};

struct metric_histogram {
    uint64_t counts[METRIC_BUCKET_COUNT];
    uint64_t sum_us;
};

struct metrics {
    int64_t values[METRIC_COUNT];
    struct metric_histogram histograms[METRIC_HISTOGRAM_COUNT];
};

/* Whoever counts may have been given nothing to count in. */
static inline void metrics_add(struct metrics *metrics, enum metric metric, int64_t amount)
{
    if (metrics != NULL)
        metrics->values[metric] += amount;
}

/* For what is so, and of several the greatest counts. */
void metrics_raise(struct metrics *metrics, enum metric metric, int64_t value);

void metrics_observe_ns(struct metrics *metrics, enum metric_histogram_key key,
                        uint64_t duration_ns);

void metric_histogram_add_ns(struct metric_histogram *histogram, uint64_t duration_ns);
void metric_histogram_merge(struct metric_histogram *histogram,
                            const struct metric_histogram *other);
uint64_t metric_histogram_count(const struct metric_histogram *histogram);

/* How many were shorter than 2^power microseconds; power < METRIC_POWER_MAX. */
uint64_t metric_histogram_count_below(const struct metric_histogram *histogram, uint32_t power);

/* Adds what another core has counted. */
void metrics_merge(struct metrics *metrics, const struct metrics *other);

#endif
