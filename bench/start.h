/* What a broker costs before anybody uses it: the time from exec to its first answers, on an empty
 * folder and on one that it has left, and the memory that it takes when nothing happens. Both
 * answer a flat JSON object of figures whose names end with their units, which the caller owns. */
#ifndef TAILRACE_BENCH_START_H
#define TAILRACE_BENCH_START_H

#include "bench/start_options.h"

#include <jansson.h>

json_t *bench_start(const struct start_options *options);
json_t *bench_idle(const struct start_options *options);

#endif
