/* SipHash with one round for each word and three at the end (half the rounds of SipHash-2-4, enough
 * for tables and no claim to more), and with two and four where the hash stands for the key. */
#include "base/hash.h"

#include "base/assert.h"

struct siphash {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate_left(uint64_t value, int count)
{
    return value << count | value >> (64 - count);
}

static void siphash_round(struct siphash *hash)
{
    hash->v0 += hash->v1;
    hash->v1 = rotate_left(hash->v1, 13) ^ hash->v0;
    hash->v0 = rotate_left(hash->v0, 32);
    hash->v2 += hash->v3;
    hash->v3 = rotate_left(hash->v3, 16) ^ hash->v2;
    hash->v0 += hash->v3;
    hash->v3 = rotate_left(hash->v3, 21) ^ hash->v0;
    hash->v2 += hash->v1;
    hash->v1 = rotate_left(hash->v1, 17) ^ hash->v2;
    hash->v2 = rotate_left(hash->v2, 32);
}

static void siphash_rounds(struct siphash *hash, int count)
{
    for (int i = 0; i < count; i++)
        siphash_round(hash);
}

static struct siphash siphash_begin(struct hash_seed seed)
{
    return (struct siphash){
        .v0 = seed.words[0] ^ 0x736f6d6570736575u,
        .v1 = seed.words[1] ^ 0x646f72616e646f6du,
        .v2 = seed.words[0] ^ 0x6c7967656e657261u,
        .v3 = seed.words[1] ^ 0x7465646279746573u,
    };
}

static inline void siphash_word(struct siphash *hash, uint64_t word, int rounds)
{
    hash->v3 ^= word;
    siphash_rounds(hash, rounds);
    hash->v0 ^= word;
}

static inline void siphash_take(struct siphash *hash, struct bytes bytes, int rounds)
{
    assert(bytes.data != NULL || bytes.size == 0);
    size_t position = 0;
    uint64_t word;
    for (; bytes.size - position >= sizeof word; position += sizeof word) {
        memcpy(&word, bytes.data + position, sizeof word);
        siphash_word(hash, word, rounds);
    }
    assert(bytes.size - position < sizeof word);
    /* The last word: what is left, and the size in its top byte. */
    word = 0;
    if (bytes.size > position)
        memcpy(&word, bytes.data + position, bytes.size - position);
    siphash_word(hash, word | (uint64_t)bytes.size << 56, rounds);
}

static uint64_t siphash_fold(const struct siphash *hash)
{
    return hash->v0 ^ hash->v1 ^ hash->v2 ^ hash->v3;
}

uint64_t hash_bytes(struct hash_seed seed, struct bytes bytes)
{
    struct siphash hash = siphash_begin(seed);
    siphash_take(&hash, bytes, 1);
    hash.v2 ^= 0xff;
    siphash_rounds(&hash, 3);
    return siphash_fold(&hash);
}

struct hash128 hash128_bytes(struct hash_seed seed, struct bytes bytes)
{
    struct hash128 result;
    struct siphash hash = siphash_begin(seed);
    hash.v1 ^= 0xee;
    siphash_take(&hash, bytes, 2);
    hash.v2 ^= 0xee;
    siphash_rounds(&hash, 4);
    result.words[0] = siphash_fold(&hash);
    hash.v1 ^= 0xdd;
    siphash_rounds(&hash, 4);
    result.words[1] = siphash_fold(&hash);
    return result;
}

uint64_t hash_u64(struct hash_seed seed, uint64_t value)
{
    return hash_bytes(seed, bytes_of(&value, sizeof value));
}
