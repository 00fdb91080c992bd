/* Loads of consumer groups: the members do what consumers do, less the reading, and every answer is
 * checked. What is wrong ends the program: an error that no client would expect, a partition with
 * two owners, an offset that is not the last that was acknowledged. */
#ifndef TAILRACE_BENCH_GROUPS_H
#define TAILRACE_BENCH_GROUPS_H

#include "bench/load.h"
#include "bench/start.h"

#include <jansson.h>

/* Runs a load of groups, which load_check has settled. LOAD_GROUPS_RESTART starts its brokers
 * itself, from `start`; the others take none. Answers a flat object of figures, whose names end
 * with their units; the caller owns it. */
json_t *bench_groups(const struct load *load, const struct start_options *start);

#endif
