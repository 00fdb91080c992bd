/* The open loop asks for requests at the rate that was wanted, whatever happens. */
#include "bench/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND = 1000000000 };

/* Connections take turns, and all of them together start evenly spaced. */
static void test_turns(void **state)
{
    struct schedule schedule;
    schedule_init(&schedule, 5000, 1000, 4);
    assert_int_equal(schedule_start_ns(&schedule, 0, 0), 5000);
    assert_int_equal(schedule_start_ns(&schedule, 1, 0), 5000 + 1000000);
    assert_int_equal(schedule_start_ns(&schedule, 3, 0), 5000 + 3000000);
    assert_int_equal(schedule_start_ns(&schedule, 0, 1), 5000 + 4000000);
    assert_int_equal(schedule_start_ns(&schedule, 2, 250), 5000 + 1002 * 1000000ll);
}

/* After an hour at a rate whose interval is no whole number nothing has drifted. */
static void test_no_drift(void **state)
{
    struct schedule schedule;
    schedule_init(&schedule, 0, 30000, 1);
    int64_t hour_ns = schedule_start_ns(&schedule, 0, 30000ull * 3600);
    assert_in_range(hour_ns, 3600ll * SECOND - 1000, 3600ll * SECOND + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_no_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
