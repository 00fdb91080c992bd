/* Stolen time is read from the first line of /proc/stat and counted as a share of all. */
#include "bench/machine_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The sum of all processors is taken, whatever stands behind it; guests are not counted twice. */
static void test_parse(void **state)
{
    struct machine_time time;
    assert_true(machine_time_parse(
        "cpu  10 20 30 400 5 6 7 22 100 200\ncpu0 1 2 3 4 5 6 7 8 9 10\n", &time));
    assert_int_equal(time.total_ticks, 500);
    assert_int_equal(time.stolen_ticks, 22);
}

/* What is something else, or from a kernel that does not count it, is refused. */
static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "cpu0 1 2 3 4 5 6 7 8 9 10\n",
        "cpu  1 2 3 4 5 6 7\n",
        "cpu  1 2 x 4 5 6 7 8\n",
        "cpu  1 2 3 4 5 6 7 -8\n",
        "cpu  1 2 3 4 5 6 7 9223372036854775807\n",
        "intr 5\ncpu  1 2 3 4 5 6 7 8\n",
    };
    struct machine_time time;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(machine_time_parse(texts[i], &time));
}

/* The share is that of the time between two moments, and stays one whatever the counts do. */
static void test_share(void **state)
{
    static const struct {
        struct machine_time before;
        struct machine_time now;
        double percent;
    } cases[] = {
        {{1000, 500}, {1200, 550}, 25}, {{1000, 500}, {1200, 500}, 0},
        {{1000, 500}, {1000, 500}, 0},  {{1000, 500}, {1200, 499}, 0},
        {{1000, 500}, {999, 501}, 0},   {{1000, 500}, {1010, 520}, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_float_equal(machine_time_stolen_percent(&cases[i].now, &cases[i].before),
                           cases[i].percent, 1e-9);
}

/* This machine tells, and its time goes on. */
static void test_own(void **state)
{
    struct machine_time before;
    struct machine_time now;
    assert_true(machine_time_read(&before));
    assert_true(before.total_ticks > 0);
    do
        assert_true(machine_time_read(&now));
    while (now.total_ticks <= before.total_ticks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
