/* What the disk below a file can do for somebody who waits for each call. */
#ifndef TAILRACE_BENCH_FLOOR_DISK_H
#define TAILRACE_BENCH_FLOOR_DISK_H

#include "bench/floor_file.h"

#include <stdint.h>

struct floor_syncs {
    double p50_us;
    double p99_us;
};

struct floor_disk {
    struct floor_syncs small; /* 4 KiB written into zeroed space, then fdatasync */
    struct floor_syncs large; /* 64 KiB */
    double write_mb_per_s;    /* 1 MiB after the other, with one sync at the end */
    double read_mb_per_s;
};

/* Ends the program if the disk refuses a call. */
void floor_disk_measure(const struct floor_file *file, int64_t time_ns, struct floor_disk *disk);

#endif
