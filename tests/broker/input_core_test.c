/* How much room the next receive of a connection finds. */
#include "broker/input_core.h"
#include "broker/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What came last is expected again, doubled where there may have been more, within the limits. */
static void what_came_last_is_expected_again(void **state)
{
    static const struct {
        uint32_t received;
        bool has_filled;
        uint32_t likely;
    } rows[] = {
        {0, false, LIMIT_INPUT_BYTES_LEAST},
        {100, false, LIMIT_INPUT_BYTES_LEAST},
        {100, true, LIMIT_INPUT_BYTES_LEAST},
        {1180, false, 1180},
        {1180, true, 2360},
        {20000, false, 20000},
        {20000, true, LIMIT_INPUT_BYTES_AT_ONCE},
        {LIMIT_INPUT_BYTES_AT_ONCE, false, LIMIT_INPUT_BYTES_AT_ONCE},
        {UINT32_MAX, true, LIMIT_INPUT_BYTES_AT_ONCE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(input_core_likely(rows[i].received, rows[i].has_filled), rows[i].likely);
}

/* A client that sends 20 KB at a time is soon received in one piece, and stays so. */
static void requests_in_a_row_are_soon_received_together(void **state)
{
    const uint32_t sent = 20000;
    uint32_t room = LIMIT_INPUT_BYTES_FIRST;
    for (uint32_t i = 0; i < 3; i++)
        room = input_core_likely(room, true);
    assert_true(room >= sent);
    assert_int_equal(input_core_likely(sent, false), sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_last_is_expected_again),
        cmocka_unit_test(requests_in_a_row_are_soon_received_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
