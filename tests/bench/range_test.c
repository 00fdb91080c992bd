/* Several measurements are a median and a range, and a ratio counts only where all rounds agree. */
#include "bench/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct range_case {
    double values[4];
    uint32_t count;
    struct range expected;
};

/* The median is the middle one, or lies between the two in the middle, whatever the order was. */
static void test_range(void **state)
{
    static const struct range_case cases[] = {
        {{7}, 1, {7, 7, 7}},
        {{3, 1, 2}, 3, {2, 1, 3}},
        {{10, 1, 4, 2}, 4, {3, 1, 10}},
        {{5, 5, 5, 5}, 4, {5, 5, 5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct range range = range_of(cases[i].values, cases[i].count);
        assert_true(range.median == cases[i].expected.median);
        assert_true(range.min == cases[i].expected.min);
        assert_true(range.max == cases[i].expected.max);
    }
}

/* Rounds are compared with each other: a machine that was slow in one was so for both. */
static void test_ratios_pair_rounds(void **state)
{
    const double a[] = {200, 20, 2};
    const double b[] = {100, 10, 1};
    struct range ratios;
    assert_true(range_of_ratios(a, b, 3, &ratios));
    assert_true(ratios.min == 2);
    assert_true(ratios.max == 2);
    assert_true(range_is_decided(&ratios));
}

/* A round in which the other has nothing says nothing. */
static void test_ratios_without_divisor(void **state)
{
    const double a[] = {3, 8};
    const double b[] = {0, 2};
    const double nothing[] = {0, 0};
    struct range ratios = {0};
    assert_true(range_of_ratios(a, b, 2, &ratios));
    assert_true(ratios.min == 4);
    assert_false(range_of_ratios(a, nothing, 2, &ratios));
}

/* One round that says the opposite leaves it open. */
static void test_decided(void **state)
{
    assert_true(range_is_decided(&(struct range){1.5, 1.1, 2}));
    assert_true(range_is_decided(&(struct range){0.5, 0.4, 0.9}));
    assert_false(range_is_decided(&(struct range){1.5, 0.9, 2}));
    assert_false(range_is_decided(&(struct range){1, 1, 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_ratios_pair_rounds),
        cmocka_unit_test(test_ratios_without_divisor),
        cmocka_unit_test(test_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
