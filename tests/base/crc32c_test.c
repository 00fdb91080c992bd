#include "base/crc32c.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SMALL_SIZE_MAX = 512, ALIGNMENTS = 64, LARGE_SIZE_MAX = 300000, LARGE_ROUNDS = 200 };

/* The definition, one bit at a time; too slow for anything but this. */
static uint32_t crc32c_by_definition(uint32_t crc, const uint8_t *data, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (uint32_t bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static uint8_t *random_bytes(struct prng *prng, size_t size)
{
    uint8_t *data = malloc(size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)prng_u64(prng);
    return data;
}

/* The published check value and the vectors of RFC 3720 come out of every method. */
static void test_published_values(void **state)
{
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t rising[32];
    for (uint32_t i = 0; i < 32; i++) {
        ones[i] = 0xff;
        rising[i] = (uint8_t)i;
    }
    for (enum crc32c_method method = 0; method < CRC32C_METHOD_COUNT; method++) {
        if (!crc32c_has(method))
            continue;
        assert_int_equal(crc32c_by(method, 0, "123456789", 9), 0xE3069283);
        assert_int_equal(crc32c_by(method, 0, zeros, 32), 0x8A9136AA);
        assert_int_equal(crc32c_by(method, 0, ones, 32), 0x62A8AB43);
        assert_int_equal(crc32c_by(method, 0, rising, 32), 0x46DD794E);
        assert_int_equal(crc32c_by(method, 0, NULL, 0), 0);
    }
}

/* Every method equals the definition for every length up to 512 at every alignment. */
static void test_all_lengths_and_alignments(void **state)
{
    struct prng prng;
    prng_init(&prng, 1);
    uint8_t *data = random_bytes(&prng, SMALL_SIZE_MAX + ALIGNMENTS);
    for (size_t size = 0; size <= SMALL_SIZE_MAX; size++) {
        for (size_t start = 0; start < ALIGNMENTS; start++) {
            uint32_t seed = (uint32_t)(size * start);
            uint32_t expected = crc32c_by_definition(seed, data + start, size);
            assert_int_equal(crc32c(seed, data + start, size), expected);
            for (enum crc32c_method method = 0; method < CRC32C_METHOD_COUNT; method++)
                if (crc32c_has(method))
                    assert_int_equal(crc32c_by(method, seed, data + start, size), expected);
        }
    }
    free(data);
}

/* Every method equals the table for random large inputs, in one call or chained from two. */
static void test_large_and_chained(void **state)
{
    struct prng prng;
    prng_init(&prng, 2);
    uint8_t *data = random_bytes(&prng, LARGE_SIZE_MAX);
    for (uint32_t round = 0; round < LARGE_ROUNDS; round++) {
        size_t start = prng_below(&prng, 128);
        size_t size = prng_below(&prng, LARGE_SIZE_MAX - start);
        size_t cut = prng_below(&prng, size + 1);
        uint32_t expected = crc32c_by(CRC32C_TABLE, 0, data + start, size);
        uint32_t first = crc32c(0, data + start, cut);
        assert_int_equal(crc32c(first, data + start + cut, size - cut), expected);
        for (enum crc32c_method method = 0; method < CRC32C_METHOD_COUNT; method++)
            if (crc32c_has(method))
                assert_int_equal(crc32c_by(method, 0, data + start, size), expected);
    }
    free(data);
}

#if defined(__x86_64__)

#include <cpuid.h>

enum { STATE_IN_USE = 1, UPPER_PARTS_OF_VECTORS = 1 << 2 | 1 << 6 };

/* What of the processor's state is in use, a bit for each component; false if it does not say. */
static bool state_in_use(uint32_t *components)
{
    uint32_t features[4];
    uint32_t high;
    bool is_told = __get_cpuid_count(0xd, STATE_IN_USE, &features[0], &features[1], &features[2],
                                     &features[3]) != 0;
    if (!is_told || (features[0] & 1 << 2) == 0)
        return false;
    __asm__ volatile("xgetbv" : "=a"(*components), "=d"(high) : "c"(STATE_IN_USE));
    return true;
}

#else

enum { UPPER_PARTS_OF_VECTORS = 0 };

static bool state_in_use(uint32_t *components)
{
    (void)components;
    return false;
}

#endif

/* The upper parts of vectors are clean afterwards: code that does not know of them, which is all
 * other code, would be slow until somebody cleans them. */
static void test_upper_parts_of_vectors_are_left_clean(void **state)
{
    static const uint8_t data[2048];
    for (enum crc32c_method method = 0; method < CRC32C_METHOD_COUNT; method++) {
        if (!crc32c_has(method))
            continue;
        uint32_t crc = crc32c_by(method, 0, data, sizeof data);
        uint32_t components = 0;
        if (!state_in_use(&components))
            skip();
        assert_int_equal(components & UPPER_PARTS_OF_VECTORS, 0);
        assert_int_equal(crc, crc32c_by(CRC32C_TABLE, 0, data, sizeof data));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_all_lengths_and_alignments),
        cmocka_unit_test(test_large_and_chained),
        cmocka_unit_test(test_upper_parts_of_vectors_are_left_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
