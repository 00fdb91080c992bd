/* The load generator of the tool: `tailrace bench`. One call runs one load and answers what came of
 * it. What makes a measurement impossible (no broker, a broken connection, silence) is said on
 * stderr and ends the program with code 1. */
#ifndef TAILRACE_BENCH_BENCH_H
#define TAILRACE_BENCH_BENCH_H

#include "bench/load.h"
#include "bench/result.h"

/* Runs the load, which load_check has settled and which must outlive the result. The caller frees
 * the result by bench_free. */
struct result *bench_run(const struct load *load);
void bench_free(struct result *result);

/* Puts so many bytes into the topic, in batches of 63 KiB, so that there is something to fetch;
 * makes it, with these settings if there are any, if it is missing. */
void bench_fill(const char *brokers, const char *topic, uint32_t partitions,
                const struct topic_configs *configs, uint64_t bytes);

#endif
