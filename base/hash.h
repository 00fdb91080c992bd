/* Hashes for tables that strangers can fill: SipHash (Aumasson and Bernstein 2012) with a seed that
 * clients do not know, so that nobody can choose keys which all fall into one bucket. The same seed
 * and bytes give the same hash on every machine. Not for storage and not for secrets.
 *
 * The short hash is SipHash-1-3, for tables that compare the keys themselves. The long one is
 * SipHash-2-4 with 128 bits, for tables that keep the hash in place of the key. */
#ifndef TAILRACE_BASE_HASH_H
#define TAILRACE_BASE_HASH_H

#include "base/bytes.h"

#include <stdint.h>
#include <string.h>

struct hash_seed {
    uint64_t words[2];
};

struct hash128 {
    uint64_t words[2];
};

/* Null and empty bytes have the same hash. */
uint64_t hash_bytes(struct hash_seed seed, struct bytes bytes);

/* The hash of the value's eight bytes, little-endian. */
uint64_t hash_u64(struct hash_seed seed, uint64_t value);

/* As hash_bytes, with so many bits that two keys with the same hash need not be reckoned with: with
 * a thousand million keys the chance is one in 10^20, and nobody can search for them without the
 * seed. */
struct hash128 hash128_bytes(struct hash_seed seed, struct bytes bytes);

/* For tables by ids that this cluster has drawn at random, and a number: the id's own bits are as
 * good as a hash of them, and numbers that follow each other fall into neighbouring buckets. Not
 * for ids that somebody else may choose. */
static inline uint64_t hash_drawn_uuid(struct hash_seed seed, struct uuid uuid, uint32_t number)
{
    uint64_t words[2];
    _Static_assert(sizeof words == sizeof uuid.bytes, "an id is two words");
    memcpy(words, uuid.bytes, sizeof words);
    return (words[0] ^ seed.words[0]) + (words[1] ^ seed.words[1]) + number;
}

#endif
