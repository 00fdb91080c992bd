/* The file is written with zeroes first, for a sync in fresh space also waits for the file system's
 * own notes of where that space is; brokers that care prepare their files likewise. */
#include "bench/floor_disk.h"

#include "base/assert.h"
#include "bench/histogram.h"
#include "bench/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 32 << 20,
    PIECE_BYTES = 1 << 20,
    SMALL_BYTES = 4 << 10,
    LARGE_BYTES = 64 << 10,
    SYNCS_MIN = 5, /* of each size, however slow */
};

struct floor_file {
    int handle;
    uint8_t *piece;      /* PIECE_BYTES */
    uint32_t size_bytes; /* zeroed so far; whole pieces */
};

static void write_at(const struct floor_file *file, uint32_t size, uint32_t offset)
{
    assert(size <= PIECE_BYTES);
    assert(offset % SMALL_BYTES == 0);
    ssize_t written = pwrite(file->handle, file->piece, size, offset);
    if (written != (ssize_t)size)
        fail("cannot write to the disk: %s", written < 0 ? strerror(errno) : "no space");
}

static void sync_data(const struct floor_file *file)
{
    if (fdatasync(file->handle) != 0)
        fail("cannot sync the disk: %s", strerror(errno));
}

/* The file has no name from the beginning, so that nothing can leave it behind. That the file
 * system refuses O_DIRECT shows here; some leave a file there if they are asked when it is made. */
static bool open_file(struct floor_file *file, const char *folder)
{
    char *path = NULL;
    if (asprintf(&path, "%s/tailrace-floor-XXXXXX", folder) < 0)
        fail("no memory for a path");
    file->handle = mkostemp(path, O_CLOEXEC);
    if (file->handle < 0)
        fail("cannot make a file in %s: %s", folder, strerror(errno));
    unlink(path);
    free(path);
    if (posix_memalign((void **)&file->piece, SMALL_BYTES, PIECE_BYTES) != 0)
        fail("no memory for what is written");
    memset(file->piece, 0, PIECE_BYTES);
    return fcntl(file->handle, F_SETFL, O_DIRECT) == 0;
}

static void close_file(struct floor_file *file)
{
    close(file->handle);
    free(file->piece);
}

/* At least a piece, and as many as there is time for. */
static void zero(struct floor_file *file, int64_t time_ns)
{
    int64_t end_ns = now_ns() + time_ns;
    do {
        write_at(file, PIECE_BYTES, file->size_bytes);
        file->size_bytes += PIECE_BYTES;
    } while (file->size_bytes < FILE_BYTES_MAX && now_ns() < end_ns);
    sync_data(file);
}

/* What follows must not be zeroes: hosts may keep no such blocks. */
static void fill(struct floor_file *file)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < PIECE_BYTES; i++) {
        state = state * 1664525 + 1013904223;
        file->piece[i] = (uint8_t)(state >> 24);
    }
}

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
        write_at(file, size, offset);
        sync_data(file);
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
        write_at(file, PIECE_BYTES, (uint32_t)(bytes % file->size_bytes));
        bytes += PIECE_BYTES;
    } while (now_ns() < begin_ns + time_ns);
    sync_data(file);
    return mb_per_s(bytes, now_ns() - begin_ns);
}

static double measure_reading(const struct floor_file *file, int64_t time_ns)
{
    int64_t begin_ns = now_ns();
    uint64_t bytes = 0;
    do {
        off_t offset = (off_t)(bytes % file->size_bytes);
        ssize_t size = pread(file->handle, file->piece, PIECE_BYTES, offset);
        if (size != PIECE_BYTES)
            fail("cannot read from the disk: %s", size < 0 ? strerror(errno) : "too little");
        bytes += PIECE_BYTES;
    } while (now_ns() < begin_ns + time_ns);
    return mb_per_s(bytes, now_ns() - begin_ns);
}

void floor_disk_measure(const char *folder, int64_t time_ns, struct floor_disk *disk)
{
    struct floor_file file = {0};
    assert(time_ns > 0);
    disk->is_direct = open_file(&file, folder);
    zero(&file, time_ns * 15 / 100);
    fill(&file);
    disk->small = measure_syncs(&file, SMALL_BYTES, time_ns * 40 / 100);
    disk->large = measure_syncs(&file, LARGE_BYTES, time_ns * 20 / 100);
    disk->write_mb_per_s = measure_writing(&file, time_ns * 12 / 100);
    disk->read_mb_per_s = measure_reading(&file, time_ns * 12 / 100);
    close_file(&file);
}
