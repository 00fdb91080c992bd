/* The role of producers: each connection sends batches that were made before the run, one in a
 * request. Without keys it takes turns over all partitions; with one it stays with its own. */
#ifndef TAILRACE_BENCH_PRODUCE_H
#define TAILRACE_BENCH_PRODUCE_H

#include "bench/load.h"
#include "bench/role.h"
#include "bench/template.h"

#include <stdbool.h>
#include <stdint.h>

/* What a connection keeps. */
struct producer {
    uint8_t head[TEMPLATE_HEAD_SIZE_MAX];
    uint8_t *batch; /* its own copy, where something is written into it; NULL else */
    uint32_t partition;
    int64_t id;
    int16_t epoch;
    int32_t *sequences;                    /* of each partition; NULL unless it is idempotent */
    uint32_t variants[LOAD_IN_FLIGHT_MAX]; /* of the requests in flight, a ring */
};

struct produce {
    struct role role;
    const struct load *load;
    uint64_t run_id;        /* in the stamps; 0: batches carry no time */
    struct templates *sets; /* one for all, or one for each key */
    uint32_t set_count;
    struct producer *producers;
    uint64_t taken_batches; /* acknowledged ones of the window, in all threads */
};

/* Makes the batches, and asks the broker for producer ids if they are needed. */
void produce_init(struct produce *produce, const struct load *load, uint64_t run_id,
                  struct control *control);
void produce_deinit(struct produce *produce);

#endif
