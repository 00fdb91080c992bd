#include "base/prng.h"

#include "tests/base/check.h"

/* The numbers of a seed are the published algorithm's (splitmix64 into xoshiro256**). */
static void test_known_numbers(void **state)
{
    static const uint64_t expected[] = {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1,
                                        0xecb8ad4703b360a1};
    struct prng prng;
    prng_init(&prng, 42);
    for (int i = 0; i < 4; i++)
        assert_true(prng_u64(&prng) == expected[i]);
}

/* Draws stay in their bounds and reach both ends. */
static void test_bounds(void **state)
{
    struct prng prng;
    uint32_t seen[6] = {0};
    prng_init(&prng, 7);
    for (int i = 0; i < 6000; i++) {
        uint64_t value = prng_between(&prng, 10, 15);
        assert_in_range(value, 10, 15);
        seen[value - 10]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 850, 1150);
    for (int i = 0; i < 100; i++)
        assert_true(prng_below(&prng, 1) == 0);
    assert_int_equal(prng_between(&prng, 5, 5), 5);
}

/* Never and always are exact, and a chance is about as good as it says. */
static void test_chance(void **state)
{
    struct prng prng;
    int count = 0;
    prng_init(&prng, 0);
    for (int i = 0; i < 10000; i++) {
        assert_false(prng_chance(&prng, 0, 5));
        assert_true(prng_chance(&prng, 5, 5));
        count += prng_chance(&prng, 1, 5);
    }
    assert_in_range(count, 1850, 2150);
}

/* A fork is a generator of its own: drawing from it does not disturb the other. */
static void test_fork(void **state)
{
    struct prng a;
    struct prng b;
    struct prng child;
    prng_init(&a, 3);
    prng_init(&b, 3);
    prng_init(&child, prng_fork(&a));
    prng_fork(&b);
    for (int i = 0; i < 10; i++) {
        uint64_t of_child = prng_u64(&child);
        uint64_t of_a = prng_u64(&a);
        assert_true(of_a == prng_u64(&b));
        assert_true(of_a != of_child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_numbers),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
