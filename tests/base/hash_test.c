/* The hashes equal what their inventors published. */
#include "base/hash.h"

#include "base/prng.h"
#include "tests/base/check.h"

#include <string.h>

/* The key of the published vectors: the bytes 0 to 15. */
static const struct hash_seed seed = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

static void fill_rising(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)i;
}

/* SipHash-2-4-128 of the bytes 0, 1, 2, ... */
static void long_hash_equals_the_vectors(void **state)
{
    static const struct {
        size_t size;
        uint8_t hash[16];
    } cases[] = {
        {0,
         {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02,
          0x93}},
        {1,
         {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc,
          0x45}},
        {7,
         {0xa1, 0xf1, 0xeb, 0xbe, 0xd8, 0xdb, 0xc1, 0x53, 0xc0, 0xb8, 0x4a, 0xa6, 0x1f, 0xf0, 0x82,
          0x39}},
        {8,
         {0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61, 0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14, 0x97,
          0xb4}},
        {15,
         {0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3,
          0xd9}},
        {63,
         {0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a, 0x97, 0x3f, 0xbd,
          0x7c}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        fill_rising(bytes, cases[i].size);
        struct hash128 hash = hash128_bytes(seed, bytes_of(bytes, cases[i].size));
        assert_memory_equal(hash.words, cases[i].hash, sizeof cases[i].hash);
    }
}

/* Another seed, another hash: neither half of it stays. */
static void seed_decides(void **state)
{
    struct hash_seed other = {{seed.words[0] ^ 1, seed.words[1]}};
    struct hash128 a = hash128_bytes(seed, bytes_of_text("key"));
    struct hash128 b = hash128_bytes(other, bytes_of_text("key"));
    assert_true(a.words[0] != b.words[0]);
    assert_true(a.words[1] != b.words[1]);
    assert_true(hash_bytes(seed, bytes_of_text("key")) != hash_bytes(other, bytes_of_text("key")));
}

/* The hash of a number is that of its bytes, and null is hashed as empty. */
static void forms_agree(void **state)
{
    uint64_t value = 0x1122334455667788;
    assert_true(hash_u64(seed, value) == hash_bytes(seed, bytes_of(&value, sizeof value)));
    assert_true(hash_bytes(seed, (struct bytes){0}) == hash_bytes(seed, bytes_of_text("")));
}

/* As random_uuid draws them: version 4, so six bits are the same in all. */
static struct uuid draw_uuid(struct prng *random)
{
    uint64_t words[2] = {prng_u64(random), prng_u64(random)};
    struct uuid uuid;
    memcpy(uuid.bytes, words, sizeof uuid.bytes);
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

/* Ids spread over the buckets, however few numbers each has, and the numbers of one id do not meet
 * before there are as many as buckets. */
static void drawn_ids_spread(void **state)
{
    enum { BUCKETS = 1024, NUMBERS_MAX = 64 };
    for (uint32_t numbers = 1; numbers <= NUMBERS_MAX; numbers *= 4) {
        uint32_t counts[BUCKETS] = {0};
        struct prng random;
        prng_init(&random, numbers);
        for (uint32_t i = 0; i < 2 * BUCKETS / numbers; i++) {
            struct uuid uuid = draw_uuid(&random);
            for (uint32_t number = 0; number < numbers; number++)
                counts[hash_drawn_uuid(seed, uuid, number) % BUCKETS]++;
        }
        for (uint32_t i = 0; i < BUCKETS; i++)
            assert_in_range(counts[i], 0, 12);
    }
    bool is_taken[BUCKETS] = {false};
    for (uint32_t number = 0; number < BUCKETS; number++) {
        uint64_t bucket = hash_drawn_uuid(seed, UUID_NONE, number) % BUCKETS;
        assert_false(is_taken[bucket]);
        is_taken[bucket] = true;
    }
}

/* Each byte of the id counts, and so does the seed. */
static void every_byte_of_a_drawn_id_counts(void **state)
{
    struct hash_seed other = {{seed.words[0], seed.words[1] ^ 1}};
    struct uuid uuid = UUID_NONE;
    uint64_t hash = hash_drawn_uuid(seed, uuid, 7);
    assert_true(hash != hash_drawn_uuid(other, uuid, 7));
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        uuid.bytes[i] = 1;
        assert_true(hash != hash_drawn_uuid(seed, uuid, 7));
        uuid.bytes[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_hash_equals_the_vectors),
        cmocka_unit_test(seed_decides),
        cmocka_unit_test(forms_agree),
        cmocka_unit_test(drawn_ids_spread),
        cmocka_unit_test(every_byte_of_a_drawn_id_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
