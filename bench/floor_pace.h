/* The plainest durable server under a steady load: requests of 1 KiB on one connection, each at its
 * time whatever the server does (open loop), to a thread that writes what has come, syncs, and only
 * then answers; what came meanwhile is written together next. What a broker adds to these latencies
 * is its own, what is in them already is the machine's: its disk at this pace, its wake-ups. */
#ifndef TAILRACE_BENCH_FLOOR_PACE_H
#define TAILRACE_BENCH_FLOOR_PACE_H

#include "bench/floor_file.h"

#include <stdint.h>

enum { FLOOR_PACE_PER_S_MAX = 100 * 1000 };

/* From the moment when a request was meant to be sent until its answer was read. */
struct floor_pace {
    uint64_t request_count;
    double p50_us;
    double p99_us;
};

/* Sends for `time_ns`, some requests at the least, and waits for all answers. Whatever goes wrong
 * ends the program. */
void floor_pace_measure(const struct floor_file *file, int64_t time_ns, uint32_t requests_per_s,
                        struct floor_pace *pace);

#endif
