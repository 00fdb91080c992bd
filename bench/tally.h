/* What one thread has counted for one role. The thread writes, the main thread reads meanwhile, so
 * numbers are stored and loaded whole; both compile to plain moves. */
#ifndef TAILRACE_BENCH_TALLY_H
#define TAILRACE_BENCH_TALLY_H

#include "bench/histogram.h"
#include "protocol/errors.h"

#include <stdint.h>

enum { TALLY_ERRORS_COUNT = KAFKA_ERROR_MAX - KAFKA_ERROR_MIN + 1 };

struct tally {
    struct histogram latencies_ns;
    uint64_t requests; /* answered without an error */
    uint64_t records;
    uint64_t bytes;      /* of batches */
    uint64_t unanswered; /* given up */
    int64_t last_ns;     /* the last answer, be it an error; read when the thread has ended */
    uint64_t errors[TALLY_ERRORS_COUNT];
};

static inline void counter_add(uint64_t *counter, uint64_t count)
{
    uint64_t now = __atomic_load_n(counter, __ATOMIC_RELAXED);
    __atomic_store_n(counter, now + count, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void tally_add_records(struct tally *tally, uint64_t records, uint64_t bytes, int64_t now_ns);
void tally_add_error(struct tally *tally, int16_t code, int64_t now_ns);
uint64_t tally_errors(const struct tally *tally);

/* Adds what another thread has counted so far. */
void tally_add_all(struct tally *tally, const struct tally *from);

#endif
