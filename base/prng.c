#include "base/prng.h"

#include "base/assert.h"

/* splitmix64 spreads a small seed over the whole state, which must not be all zero. */
void prng_init(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        prng->state[i] = z ^ z >> 31;
    }
    assert((prng->state[0] | prng->state[1] | prng->state[2] | prng->state[3]) != 0);
}

static uint64_t rotate_left(uint64_t value, int count)
{
    return value << count | value >> (64 - count);
}

uint64_t prng_u64(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire's multiplication; the bias of at most bound / 2^64 does not matter here. */
uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0);
    return (uint64_t)((unsigned __int128)prng_u64(prng) * bound >> 64);
}

uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high)
{
    assert(low <= high);
    assert(high - low < UINT64_MAX);
    return low + prng_below(prng, high - low + 1);
}

bool prng_chance(struct prng *prng, uint32_t numerator, uint32_t denominator)
{
    assert(denominator > 0);
    return prng_below(prng, denominator) < numerator;
}

uint64_t prng_fork(struct prng *prng)
{
    return prng_u64(prng);
}
