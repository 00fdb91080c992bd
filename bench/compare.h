/* The same load on several brokers, in turns: A B, B A, A B ... The machine drifts, and whatever it
 * does falls on all of them alike. Ratios are taken round by round, from the first broker to each
 * of the others.
 *
 *   {"tool": {"version", "mode": "compare"}, "rounds", "load": {every option by its name},
 *    "contenders": [name, ...],
 *    "figures": [{"name", "title", "more_is_better",
 *                 "values": {name: {"median", "min", "max"}},
 *                 "ratios": {name: {"median", "min", "max", "is_decided"}}}],
 *    "results": {name: [what each round gave, as result.h has it, ...]}}
 *
 * A figure that some broker does not have (of a server without pid) is left out. A ratio says how
 * many times the first broker's figure is the other's; it is decided if all rounds say the same. */
#ifndef TAILRACE_BENCH_COMPARE_H
#define TAILRACE_BENCH_COMPARE_H

#include "bench/comparison.h"
#include "bench/load.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct compare_options {
    struct load load;              /* settled, but for whom to load */
    const char *const *contenders; /* "NAME=HOST:PORT[,PID]" or "NAME=COMMAND" */
    uint32_t contender_count;
    uint32_t rounds;
    uint64_t fill_bytes; /* produced into the topic before fetches */
    const char *folder;  /* under which brokers that are started keep their data */
    bool is_verbose;
};

/* Why the names and the number of contenders cannot be; NULL if they can. */
const char *compare_problem(const struct compare_options *options);

/* Runs all of it. The caller owns the document. */
json_t *bench_compare(const struct compare_options *options, const char *version);

/* The figures as a table, to stdout. */
void compare_print(json_t *document);

#endif
