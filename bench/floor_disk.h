/* What the disk below a folder can do for somebody who waits for each call. */
#ifndef TAILRACE_BENCH_FLOOR_DISK_H
#define TAILRACE_BENCH_FLOOR_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct floor_syncs {
    double p50_us;
    double p99_us;
};

struct floor_disk {
    bool is_direct; /* O_DIRECT; otherwise through the page cache, for the file system has no other
                     */
    struct floor_syncs small; /* 4 KiB written into zeroed space, then fdatasync */
    struct floor_syncs large; /* 64 KiB */
    double write_mb_per_s;    /* 1 MiB after the other, with one sync at the end */
    double read_mb_per_s;
};

/* On a file of its own that is gone afterwards, whatever happens. Ends the program if the folder
 * takes no file, or not so much of one. */
void floor_disk_measure(const char *folder, int64_t time_ns, struct floor_disk *disk);

#endif
