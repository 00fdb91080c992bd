/* What all cores have counted, gathered: each copies its share, and core 0 adds them up. */
#ifndef TAILRACE_BROKER_SCRAPE_H
#define TAILRACE_BROKER_SCRAPE_H

#include "base/metrics.h"
#include "base/op.h"
#include "broker/limits.h"
#include "broker/roster.h"

struct partition_sample {
    struct uuid topic_id;
    int32_t index;
    struct log_facts log;
    struct partition_traffic traffic;
};

/* One core's share, or all of them together. */
struct core_sample {
    struct metrics metrics;
    struct metric_histogram request_times[API_COUNT]; /* in the order of api_at */
    struct partition_sample *partitions;              /* NULL: there are too many to show each */
    uint32_t partition_count;
};

struct scrape {
    struct op op;
    const struct roster *roster;
    struct core_sample *samples; /* one of each core; the first becomes the sum */
    struct completion *gathered;
};

/* On core 0; `gathered` lands with STATUS_OK or STATUS_NO_MEMORY. Then scrape_sum, and in any case
 * scrape_deinit. */
void scrape_start(struct scrape *scrape, const struct roster *roster, struct completion *gathered);

/* Partitions in the order of topic ids and indexes. */
struct core_sample *scrape_sum(const struct scrape *scrape);

void scrape_deinit(struct scrape *scrape);

#endif
