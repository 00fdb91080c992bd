/* Hashes for tables that strangers can fill: SipHash-1-3 (Aumasson and Bernstein 2012) with a seed
 * that clients do not know, so that nobody can choose keys which all fall into one bucket. The same
 * seed and bytes give the same hash on every machine. Not for storage and not for secrets. */
#ifndef TAILRACE_BASE_HASH_H
#define TAILRACE_BASE_HASH_H

#include "base/bytes.h"

#include <stdint.h>

struct hash_seed {
    uint64_t words[2];
};

/* Null and empty bytes have the same hash. */
uint64_t hash_bytes(struct hash_seed seed, struct bytes bytes);

/* The hash of the value's eight bytes, little-endian. */
uint64_t hash_u64(struct hash_seed seed, uint64_t value);

#endif
