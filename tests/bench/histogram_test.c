/* Percentiles are what a measurement says in the end; these tests compare them with sorted values.
 */
#include "bench/histogram.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUE_COUNT = 20000, ERROR_DIVISOR = 127 };

struct setup {
    struct histogram histogram;
    uint64_t values[VALUE_COUNT];
};

static int create(void **state)
{
    *state = calloc(1, sizeof(struct setup));
    return *state == NULL ? -1 : 0;
}

static int destroy(void **state)
{
    free(*state);
    return 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* An empty histogram answers zero for every percentile. */
static void test_empty(void **state)
{
    struct setup *setup = *state;
    assert_int_equal(histogram_percentile(&setup->histogram, 0), 0);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.5), 0);
    assert_int_equal(histogram_percentile(&setup->histogram, 1), 0);
}

/* Small values are kept exactly. */
static void test_small_values_are_exact(void **state)
{
    struct setup *setup = *state;
    for (uint64_t value = 1; value <= 200; value++)
        histogram_add(&setup->histogram, value);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.005), 1);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.5), 100);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.99), 198);
    assert_int_equal(histogram_percentile(&setup->histogram, 1), 200);
}

/* A percentile is never below the true one, and at most one part in 127 above it, at any scale. */
static void test_percentiles_are_close(void **state)
{
    static const double fractions[] = {0.01, 0.5, 0.9, 0.99, 0.999, 1};
    struct setup *setup = *state;
    struct prng prng;
    prng_init(&prng, 7);
    for (uint32_t i = 0; i < VALUE_COUNT; i++) {
        setup->values[i] = prng_u64(&prng) >> prng_below(&prng, 60);
        histogram_add(&setup->histogram, setup->values[i]);
    }
    qsort(setup->values, VALUE_COUNT, sizeof setup->values[0], compare);
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++) {
        uint64_t truth = setup->values[(size_t)(fractions[i] * VALUE_COUNT) - 1];
        uint64_t found = histogram_percentile(&setup->histogram, fractions[i]);
        assert_true(found >= truth);
        assert_true(found - truth <= truth / ERROR_DIVISOR);
    }
}

/* The largest number has a bucket, and a reset forgets it. */
static void test_extremes(void **state)
{
    struct setup *setup = *state;
    histogram_add(&setup->histogram, UINT64_MAX);
    histogram_add(&setup->histogram, 0);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.5), 0);
    assert_true(histogram_percentile(&setup->histogram, 1) == UINT64_MAX);
    histogram_reset(&setup->histogram);
    assert_int_equal(setup->histogram.count, 0);
    assert_int_equal(histogram_percentile(&setup->histogram, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, create, destroy),
        cmocka_unit_test_setup_teardown(test_small_values_are_exact, create, destroy),
        cmocka_unit_test_setup_teardown(test_percentiles_are_close, create, destroy),
        cmocka_unit_test_setup_teardown(test_extremes, create, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
