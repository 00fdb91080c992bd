/* What loopback can do between two threads that do nothing else. */
#ifndef TAILRACE_BENCH_FLOOR_LOOPBACK_H
#define TAILRACE_BENCH_FLOOR_LOOPBACK_H

#include <stdint.h>

struct floor_loopback {
    double round_trip_p50_us; /* 100 bytes there and back, one at a time */
    double round_trip_p99_us;
    double round_trip_cpu_us; /* of both threads */
    double gb_per_s;          /* one way, 64 KiB in a call */
    double send_cpu_s_per_gb; /* soft interrupts fall on the sender */
    double receive_cpu_s_per_gb;
};

void floor_loopback_measure(int64_t time_ns, struct floor_loopback *loopback);

#endif
