#include "cli/batch_stats.h"

#include "base/assert.h"
#include "protocol/batch.h"

enum { UNPACKED_BYTES_MAX = 1 << 30, PIECE_SIZE = 16 * 1024 };

void batch_stats_init(struct batch_stats *stats)
{
    *stats = (struct batch_stats){.min_timestamp_ms = INT64_MAX, .max_timestamp_ms = INT64_MIN};
}

/* Decompressed piece by piece: only the size is of interest. */
static bool add_unpacked(struct batch_stats *stats, enum compression compression,
                         struct bytes records)
{
    struct decompressor *decompressor;
    uint8_t piece[PIECE_SIZE];
    size_t size;
    if (decompressor_create(compression, records, UNPACKED_BYTES_MAX, NULL, &decompressor) !=
        STATUS_OK)
        return false;
    enum status status;
    do {
        status = decompressor_read(decompressor, piece, sizeof piece, &size);
        stats->unpacked_bytes += status == STATUS_OK ? size : 0;
    } while (status == STATUS_OK && size > 0);
    decompressor_destroy(decompressor);
    stats->packed_bytes += records.size;
    return status == STATUS_OK;
}

static void add_time(struct batch_stats *stats, int64_t timestamp_ms)
{
    if (timestamp_ms < stats->min_timestamp_ms)
        stats->min_timestamp_ms = timestamp_ms;
    if (timestamp_ms > stats->max_timestamp_ms)
        stats->max_timestamp_ms = timestamp_ms;
}

bool batch_stats_add(struct batch_stats *stats, struct bytes batch)
{
    struct batch_header header;
    enum compression compression;
    if (batch_header_read(batch, &header) != STATUS_OK || header.record_count < 0 ||
        !batch_compression(&header, &compression))
        return false;
    stats->batch_count++;
    stats->record_count += (uint64_t)header.record_count;
    stats->bytes += batch.size;
    stats->codec_batches[compression]++;
    if (batch_delete_horizon_ms(&header) == NO_TIMESTAMP) /* else the base is no record's time */
        add_time(stats, header.base_timestamp);
    add_time(stats, header.max_timestamp);
    if (compression == COMPRESSION_NONE)
        return true;
    return add_unpacked(stats, compression,
                        bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE));
}

void batch_stats_merge(struct batch_stats *stats, const struct batch_stats *other)
{
    stats->batch_count += other->batch_count;
    stats->record_count += other->record_count;
    stats->bytes += other->bytes;
    stats->packed_bytes += other->packed_bytes;
    stats->unpacked_bytes += other->unpacked_bytes;
    for (uint32_t i = 0; i < COMPRESSION_COUNT; i++)
        stats->codec_batches[i] += other->codec_batches[i];
    add_time(stats, other->min_timestamp_ms);
    add_time(stats, other->max_timestamp_ms);
}

double batch_stats_seconds(const struct batch_stats *stats)
{
    if (stats->max_timestamp_ms <= stats->min_timestamp_ms)
        return 0;
    return ((double)stats->max_timestamp_ms - (double)stats->min_timestamp_ms) / 1000;
}

double batch_stats_ratio(const struct batch_stats *stats)
{
    assert(stats->packed_bytes > 0 || stats->unpacked_bytes == 0);
    return stats->packed_bytes == 0 ? 0
                                    : (double)stats->unpacked_bytes / (double)stats->packed_bytes;
}
