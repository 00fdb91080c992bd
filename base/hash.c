/* SipHash-1-3: one round for each word, three at the end. Half the rounds of SipHash-2-4, which is
 * enough for tables and no claim to more. */
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

static void siphash_word(struct siphash *hash, uint64_t word)
{
    hash->v3 ^= word;
    siphash_round(hash);
    hash->v0 ^= word;
}

uint64_t hash_bytes(struct hash_seed seed, struct bytes bytes)
{
    assert(bytes.data != NULL || bytes.size == 0);
    struct siphash hash = {
        .v0 = seed.words[0] ^ 0x736f6d6570736575u,
        .v1 = seed.words[1] ^ 0x646f72616e646f6du,
        .v2 = seed.words[0] ^ 0x6c7967656e657261u,
        .v3 = seed.words[1] ^ 0x7465646279746573u,
    };
    size_t position = 0;
    uint64_t word;
    for (; bytes.size - position >= sizeof word; position += sizeof word) {
        memcpy(&word, bytes.data + position, sizeof word);
        siphash_word(&hash, word);
    }
    assert(bytes.size - position < sizeof word);
    /* The last word: what is left, and the size in its top byte. */
    word = 0;
    if (bytes.size > position)
        memcpy(&word, bytes.data + position, bytes.size - position);
    siphash_word(&hash, word | (uint64_t)bytes.size << 56);

    hash.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        siphash_round(&hash);
    return hash.v0 ^ hash.v1 ^ hash.v2 ^ hash.v3;
}

uint64_t hash_u64(struct hash_seed seed, uint64_t value)
{
    return hash_bytes(seed, bytes_of(&value, sizeof value));
}
