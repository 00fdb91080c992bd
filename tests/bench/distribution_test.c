/* Sizes are drawn as often as the words say. */
#include "bench/distribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DRAWS = 20000, BYTES_MAX = 100000 };

static enum status parse(const char *text, struct distribution *distribution)
{
    return distribution_parse(bytes_of_text(text), 1, BYTES_MAX, distribution);
}

/* A single size is always drawn. */
static void test_fixed(void **state)
{
    struct distribution sizes;
    struct prng prng;
    prng_init(&prng, 1);
    assert_int_equal(parse("1KiB", &sizes), STATUS_OK);
    assert_true(distribution_is_fixed(&sizes));
    assert_int_equal(distribution_max(&sizes), 1024);
    for (int i = 0; i < 100; i++)
        assert_int_equal(distribution_draw(&sizes, &prng), 1024);
}

/* A range gives every size in it, its ends included, about equally often. */
static void test_range(void **state)
{
    struct distribution sizes;
    struct prng prng;
    uint32_t counts[4] = {0};
    prng_init(&prng, 2);
    assert_int_equal(parse("100-103", &sizes), STATUS_OK);
    assert_false(distribution_is_fixed(&sizes));
    for (int i = 0; i < DRAWS; i++) {
        uint32_t size = distribution_draw(&sizes, &prng);
        assert_in_range(size, 100, 103);
        counts[size - 100]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(counts[i], DRAWS / 4 - DRAWS / 40, DRAWS / 4 + DRAWS / 40);
}

/* Parts of a list come in proportion to their weights, one of which may be left out. */
static void test_weights(void **state)
{
    struct distribution sizes;
    struct prng prng;
    uint32_t small = 0;
    uint32_t large = 0;
    prng_init(&prng, 3);
    assert_int_equal(parse("10:8, 20-29 ,64KiB:1", &sizes), STATUS_OK);
    assert_int_equal(distribution_max(&sizes), 65536);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t size = distribution_draw(&sizes, &prng);
        small += size == 10;
        large += size == 65536;
    }
    assert_in_range(small, DRAWS * 78 / 100, DRAWS * 82 / 100);
    assert_in_range(large, DRAWS * 9 / 100, DRAWS * 11 / 100);
}

/* What is not of the form, or beyond a limit, is refused and changes nothing. */
static void test_refusals(void **state)
{
    static const char *const texts[] = {
        "",      "x",   "0",        "10-",        "-10",
        "20-10", "10:", "10:0",     "10:x",       "10:-1",
        "1MiB",  ",10", "10-20-30", "10:1000001", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
    };
    struct distribution sizes = {.part_count = 7};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_not_equal(parse(texts[i], &sizes), STATUS_OK);
    assert_int_equal(sizes.part_count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
