/* What a run of record batches looks like, added up: how large, how full, how well compressed, and
 * over which time. Pure. */
#ifndef TAILRACE_CLI_BATCH_STATS_H
#define TAILRACE_CLI_BATCH_STATS_H

#include "base/bytes.h"
#include "protocol/compression.h"

struct batch_stats {
    uint64_t batch_count;
    uint64_t record_count;
    uint64_t bytes;
    uint64_t codec_batches[COMPRESSION_COUNT];
    uint64_t packed_bytes;    /* of the records of compressed batches */
    uint64_t unpacked_bytes;  /* the same, decompressed */
    int64_t min_timestamp_ms; /* of all records; INT64_MAX and INT64_MIN without any */
    int64_t max_timestamp_ms;
};

void batch_stats_init(struct batch_stats *stats);

/* A whole batch; false if it is not one, or cannot be decompressed. */
bool batch_stats_add(struct batch_stats *stats, struct bytes batch);

/* All that `other` has seen as well. */
void batch_stats_merge(struct batch_stats *stats, const struct batch_stats *other);

/* From the first record to the last; 0 for fewer than two different times. */
double batch_stats_seconds(const struct batch_stats *stats);

/* How many times smaller compression has made the records that are compressed; 0 if none are. */
double batch_stats_ratio(const struct batch_stats *stats);

#endif
