#include "cli/seek_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NONE = -1, REFUSED = -2 };

/* Every mode, within the log, at both of its ends and beyond them, and with nothing committed. */
static void test_where_a_group_is_put(void **state)
{
    static const struct {
        enum seek_mode mode;
        int64_t number;
        struct seek_facts facts; /* committed, log start, log end, by time */
        int64_t offset;
    } cases[] = {
        {SEEK_EARLIEST, 0, {30, 10, 50, NONE}, 10},
        {SEEK_EARLIEST, 0, {NONE, 10, 10, NONE}, 10},
        {SEEK_LATEST, 0, {30, 10, 50, NONE}, 50},
        {SEEK_OFFSET, 20, {NONE, 10, 50, NONE}, 20},
        {SEEK_OFFSET, 10, {NONE, 10, 50, NONE}, 10},
        {SEEK_OFFSET, 9, {NONE, 10, 50, NONE}, 10},
        {SEEK_OFFSET, 50, {NONE, 10, 50, NONE}, 50},
        {SEEK_OFFSET, 51, {NONE, 10, 50, NONE}, 50},
        {SEEK_TIME, 0, {30, 10, 50, 25}, 25},
        {SEEK_TIME, 0, {30, 10, 50, NONE}, 50},
        {SEEK_SHIFT, 5, {30, 10, 50, NONE}, 35},
        {SEEK_SHIFT, -5, {30, 10, 50, NONE}, 25},
        {SEEK_SHIFT, 21, {30, 10, 50, NONE}, 50},
        {SEEK_SHIFT, -21, {30, 10, 50, NONE}, 10},
        {SEEK_SHIFT, INT64_MAX, {30, 10, 50, NONE}, 50},
        {SEEK_SHIFT, INT64_MIN, {30, 10, 50, NONE}, 10},
        {SEEK_SHIFT, 1, {5, 10, 50, NONE}, 10}, /* the log's start has overtaken it */
        {SEEK_SHIFT, 0, {0, 0, 0, NONE}, 0},
        {SEEK_SHIFT, 5, {NONE, 10, 50, NONE}, REFUSED},
        {SEEK_CURRENT, 0, {30, 10, 50, NONE}, 30},
        {SEEK_CURRENT, 0, {5, 10, 50, NONE}, 5},
        {SEEK_CURRENT, 0, {NONE, 10, 50, NONE}, 50},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t offset = REFUSED;
        seek_resolve(cases[i].mode, cases[i].number, &cases[i].facts, &offset);
        if (offset != cases[i].offset)
            print_message("case %zu\n", i);
        assert_int_equal(offset, cases[i].offset);
    }
}

/* Only what is not committed cannot be shifted; the answer says so. */
static void test_a_refusal_is_told(void **state)
{
    const struct seek_facts committed = {0, 0, 50, NONE};
    const struct seek_facts nothing = {NONE, 0, 50, NONE};
    int64_t offset;
    assert_true(seek_resolve(SEEK_SHIFT, 1, &committed, &offset));
    assert_false(seek_resolve(SEEK_SHIFT, 1, &nothing, &offset));
    assert_true(seek_resolve(SEEK_CURRENT, 0, &nothing, &offset));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_a_group_is_put),
        cmocka_unit_test(test_a_refusal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
