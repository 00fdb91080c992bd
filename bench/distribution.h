/* Sizes that are drawn: always the same, anything between two, or one of a list by weight.
 *
 *   1KiB                     always that
 *   100-4000                 each of them equally often
 *   100:80,1KiB:15,64KiB:5   the number behind the colon says how often, 1 if there is none;
 *                            the parts may be ranges */
#ifndef TAILRACE_BENCH_DISTRIBUTION_H
#define TAILRACE_BENCH_DISTRIBUTION_H

#include "base/bytes.h"
#include "base/prng.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISTRIBUTION_PARTS_MAX = 16, DISTRIBUTION_WEIGHT_MAX = 1000000 };

struct distribution_part {
    uint32_t low;
    uint32_t high; /* included */
    uint32_t weight;
};

struct distribution {
    struct distribution_part parts[DISTRIBUTION_PARTS_MAX];
    uint32_t part_count;
};

/* STATUS_OUT_OF_RANGE for a size outside `min` to `max`, STATUS_INVALID for what is not of the
 * forms above, a range the wrong way round, a weight beyond its limit or too many parts. */
enum status distribution_parse(struct bytes text, uint32_t min, uint32_t max,
                               struct distribution *distribution);

bool distribution_is_fixed(const struct distribution *distribution);
uint32_t distribution_min(const struct distribution *distribution);
uint32_t distribution_max(const struct distribution *distribution);
uint32_t distribution_draw(const struct distribution *distribution, struct prng *prng);

#endif
