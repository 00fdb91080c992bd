/* What a result says about a broker. */
#include "bench/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A broker keeps up if it answers what was meant in about the time that it was meant in; that the
 * last answer is a moment late, which counts for much in a short run, does not matter. */
static void test_keeps_up(void **state)
{
    static const struct {
        uint64_t requests;
        double seconds;
        bool keeps_up;
    } cases[] = {
        {500, 1.0, true},  {500, 1.03, true}, {500, 1.2, false},
        {400, 1.0, false}, {5000, 10, true},  {5000, 10.2, true},
        {5000, 11, false}, {4800, 10, false}, {0, 0.05, false},
    };
    struct result_role *role = calloc(1, sizeof *role);
    assert_non_null(role);
    role->intended_rate = 500;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        role->tally.requests = cases[i].requests;
        role->seconds = cases[i].seconds;
        assert_int_equal(result_role_keeps_up(role), cases[i].keeps_up);
    }
    free(role);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keeps_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
