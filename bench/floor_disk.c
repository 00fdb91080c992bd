#include "bench/floor_disk.h"

#include "base/assert.h"
#include "bench/histogram.h"
#include "bench/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SMALL_BYTES = 4 << 10,
    LARGE_BYTES = 64 << 10,
    SYNCS_MIN = 5, /* of each size, however slow */
};

static struct floor_syncs measure_syncs(const struct floor_file *file, uint32_t size,
                                        int64_t time_ns)
{
    struct histogram *waits_ns = calloc(1, sizeof *waits_ns);
    int64_t begin_ns = now_ns();
    int64_t end_ns = begin_ns + time_ns;
    uint32_t offset = 0;
    if (waits_ns == NULL)
        fail("no memory for the figures");
    for (uint32_t count = 0; count < SYNCS_MIN || begin_ns < end_ns; count++) {
        floor_file_write(file, file->piece, size, offset);
        floor_file_sync(file);
        int64_t landed_ns = now_ns();
        histogram_add(waits_ns, (uint64_t)(landed_ns - begin_ns), 1);
        begin_ns = landed_ns;
        offset = (offset + size) % file->size_bytes;
    }
    struct floor_syncs syncs = {
        .p50_us = (double)histogram_percentile(waits_ns, 0.5) / 1e3,
        .p99_us = (double)histogram_percentile(waits_ns, 0.99) / 1e3,
    };
    free(waits_ns);
    return syncs;
}

static double mb_per_s(uint64_t bytes, int64_t time_ns)
{
    return time_ns > 0 ? (double)bytes * 1e3 / (double)time_ns : 0;
}

static double measure_writing(const struct floor_file *file, int64_t time_ns)
{
    int64_t begin_ns = now_ns();
    uint64_t bytes = 0;
    do {
        floor_file_write(file, file->piece, FLOOR_PIECE_BYTES,
                         (uint32_t)(bytes % file->size_bytes));
        bytes += FLOOR_PIECE_BYTES;
    } while (now_ns() < begin_ns + time_ns);
    floor_file_sync(file);
    return mb_per_s(bytes, now_ns() - begin_ns);
}

static double measure_reading(const struct floor_file *file, int64_t time_ns)
{
    int64_t begin_ns = now_ns();
    uint64_t bytes = 0;
    do {
        off_t offset = (off_t)(bytes % file->size_bytes);
        ssize_t size = pread(file->handle, file->piece, FLOOR_PIECE_BYTES, offset);
        if (size != FLOOR_PIECE_BYTES)
            fail("cannot read from the disk: %s", size < 0 ? strerror(errno) : "too little");
        bytes += FLOOR_PIECE_BYTES;
    } while (now_ns() < begin_ns + time_ns);
    return mb_per_s(bytes, now_ns() - begin_ns);
}

void floor_disk_measure(const struct floor_file *file, int64_t time_ns, struct floor_disk *disk)
{
    assert(time_ns > 0);
    assert(file->size_bytes >= FLOOR_PIECE_BYTES);
    disk->small = measure_syncs(file, SMALL_BYTES, time_ns * 50 / 100);
    disk->large = measure_syncs(file, LARGE_BYTES, time_ns * 24 / 100);
    disk->write_mb_per_s = measure_writing(file, time_ns * 13 / 100);
    disk->read_mb_per_s = measure_reading(file, time_ns * 13 / 100);
}
