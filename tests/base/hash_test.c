/* The hashes equal what their inventors published. */
#include "base/hash.h"

#include "tests/base/check.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_hash_equals_the_vectors),
        cmocka_unit_test(seed_decides),
        cmocka_unit_test(forms_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
