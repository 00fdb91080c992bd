/* When requests are meant to start, under an open loop: evenly spaced over all connections, which
 * take turns, whatever the broker does meanwhile. Latency counts from these moments, so a request
 * that had to wait because the broker stalled shows all of its wait (no coordinated omission).
 *
 * Pure arithmetic; times are nanoseconds of any clock. */
#ifndef TAILRACE_BENCH_SCHEDULE_H
#define TAILRACE_BENCH_SCHEDULE_H

#include <stdint.h>

struct schedule {
    int64_t began_ns;
    double interval_ns; /* between two requests of all connections together */
    uint32_t connection_count;
};

/* `rate` is requests a second, above 0. */
void schedule_init(struct schedule *schedule, int64_t began_ns, double rate,
                   uint32_t connection_count);

/* The start of request `number`, from 0, of a connection. */
int64_t schedule_start_ns(const struct schedule *schedule, uint32_t connection, uint64_t number);

#endif
