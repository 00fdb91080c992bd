/* A seeded generator of pseudo-random numbers (xoshiro256**, Blackman and Vigna 2018). The same
 * seed gives the same numbers on every machine. Not for secrets: those come from io_secret. */
#ifndef TAILRACE_BASE_PRNG_H
#define TAILRACE_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_u64(struct prng *prng);

/* Uniform in [0, bound); bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

/* Uniform in [low, high], both included. */
uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high);

/* True in `numerator` of `denominator` cases. */
bool prng_chance(struct prng *prng, uint32_t numerator, uint32_t denominator);

/* A seed for a generator of its own, so that parts draw without disturbing each other. */
uint64_t prng_fork(struct prng *prng);

#endif
