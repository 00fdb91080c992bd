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

enum { VALUE_COUNT = 20000, ERROR_DIVISOR = 1023 };

struct setup {
    struct histogram histogram;
    struct histogram before;
    struct histogram difference;
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
        histogram_add(&setup->histogram, value, 1);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.005), 1);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.5), 100);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.99), 198);
    assert_int_equal(histogram_percentile(&setup->histogram, 1), 200);
}

/* A percentile is never below the true one, and at most one part in 1,023 above it, at any scale.
 */
static void test_percentiles_are_close(void **state)
{
    static const double fractions[] = {0.01, 0.5, 0.9, 0.99, 0.999, 1};
    struct setup *setup = *state;
    struct prng prng;
    prng_init(&prng, 7);
    for (uint32_t i = 0; i < VALUE_COUNT; i++) {
        setup->values[i] = prng_u64(&prng) >> prng_between(&prng, 24, 62);
        histogram_add(&setup->histogram, setup->values[i], 1);
    }
    qsort(setup->values, VALUE_COUNT, sizeof setup->values[0], compare);
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++) {
        uint64_t truth = setup->values[(size_t)(fractions[i] * VALUE_COUNT) - 1];
        uint64_t found = histogram_percentile(&setup->histogram, fractions[i]);
        assert_true(found >= truth);
        assert_true(found - truth <= truth / ERROR_DIVISOR);
    }
}

/* What is beyond the range counts as the end of the range, and a reset forgets all. */
static void test_extremes(void **state)
{
    struct setup *setup = *state;
    histogram_add(&setup->histogram, UINT64_MAX, 1);
    histogram_add(&setup->histogram, 0, 1);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.5), 0);
    assert_true(histogram_percentile(&setup->histogram, 1) == HISTOGRAM_VALUE_MAX);
    histogram_reset(&setup->histogram);
    assert_int_equal(histogram_count(&setup->histogram), 0);
    assert_int_equal(histogram_percentile(&setup->histogram, 1), 0);
}

/* The figures of one second are those of the values that came in it, whatever was before. */
static void test_difference(void **state)
{
    struct setup *setup = *state;
    histogram_add(&setup->histogram, 1000000, 500);
    histogram_add_all(&setup->before, &setup->histogram);
    histogram_add(&setup->histogram, 100, 98);
    histogram_add(&setup->histogram, 700, 2);
    histogram_difference(&setup->histogram, &setup->before, &setup->difference);
    assert_int_equal(histogram_count(&setup->difference), 100);
    assert_int_equal(histogram_percentile(&setup->difference, 0.5), 100);
    assert_int_equal(histogram_percentile(&setup->difference, 0.99), 700);
    assert_int_equal(setup->difference.max, 700);
    assert_true(histogram_mean(&setup->difference) == 112);
}

/* Adding up the histograms of threads gives what one for all would have. */
static void test_sum(void **state)
{
    struct setup *setup = *state;
    histogram_add(&setup->histogram, 10, 90);
    histogram_add(&setup->before, 20, 10);
    histogram_add_all(&setup->histogram, &setup->before);
    assert_int_equal(histogram_count(&setup->histogram), 100);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.9), 10);
    assert_int_equal(histogram_percentile(&setup->histogram, 0.91), 20);
    assert_int_equal(setup->histogram.max, 20);
    assert_true(histogram_mean(&setup->histogram) == 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, create, destroy),
        cmocka_unit_test_setup_teardown(test_small_values_are_exact, create, destroy),
        cmocka_unit_test_setup_teardown(test_percentiles_are_close, create, destroy),
        cmocka_unit_test_setup_teardown(test_extremes, create, destroy),
        cmocka_unit_test_setup_teardown(test_difference, create, destroy),
        cmocka_unit_test_setup_teardown(test_sum, create, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
