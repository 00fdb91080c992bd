/* How far acknowledgements may run ahead of the disk: tables and stories. */
#include "storage/loose_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MS = 1000 * 1000 };

static struct loose_core core_of(int64_t messages, int64_t ms)
{
    struct loose_core core = {0};
    loose_core_configure(&core, messages, ms);
    return core;
}

/* Only numbers that leave room for something not on disk loosen; one record, and no time, do not.
 */
static void settings_that_loosen(void **state)
{
    static const struct {
        int64_t messages;
        int64_t ms;
        bool is_wanted;
    } rows[] = {
        {INT64_MAX, INT64_MAX, false},
        {1, INT64_MAX, false},
        {INT64_MAX, 0, false},
        {1, 1000, false},
        {1000, 0, false},
        {2, INT64_MAX, true},
        {INT64_MAX, 1, true},
        {10, 10, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(loose_core_is_wanted(rows[i].messages, rows[i].ms), rows[i].is_wanted);
        struct loose_core core = core_of(rows[i].messages, rows[i].ms);
        loose_core_note(&core, 5, 7);
        assert_int_equal(loose_core_limit(&core, 5, 6, 7), rows[i].is_wanted ? 6 : 5);
    }
}

/* Fewer than flush.messages records may be acknowledged and not be on disk. */
static void records_ahead_of_the_disk_are_counted(void **state)
{
    struct loose_core core = core_of(100, INT64_MAX);
    assert_int_equal(loose_core_limit(&core, 0, 0, 0), 0);
    assert_int_equal(loose_core_limit(&core, 0, 99, 0), 99);
    assert_int_equal(loose_core_limit(&core, 0, 100, 0), 99);
    assert_int_equal(loose_core_limit(&core, 1000, 5000, 0), 1099);
    assert_int_equal(loose_core_limit(&core, 5000, 5000, 0), 5000);
}

/* While the oldest record that is not on disk is as old as flush.ms, nothing more is acknowledged
 * early; once it is on disk, the next oldest counts. */
static void old_records_stop_it(void **state)
{
    struct loose_core core = core_of(INT64_MAX, 80);
    loose_core_note(&core, 0, 0);
    loose_core_note(&core, 10, 9 * MS); /* within the eighth: counts as of 0 */
    loose_core_note(&core, 20, 40 * MS);
    loose_core_note(&core, 30, 60 * MS);
    assert_int_equal(loose_core_limit(&core, 0, 40, 79 * MS), 40);
    assert_int_equal(loose_core_limit(&core, 0, 40, 80 * MS), 0);
    assert_int_equal(loose_core_limit(&core, 15, 40, 80 * MS), 15);
    assert_int_equal(loose_core_limit(&core, 20, 40, 119 * MS), 40);
    assert_int_equal(loose_core_limit(&core, 20, 40, 120 * MS), 20);
    assert_int_equal(loose_core_limit(&core, 40, 40, 999 * MS), 40);
}

/* Of records so far behind that their mark has gone nobody takes them for young. */
static void what_has_no_mark_is_old(void **state)
{
    struct loose_core core = core_of(INT64_MAX, 8);
    for (int64_t i = 0; i < 100; i++)
        loose_core_note(&core, i, (uint64_t)i * MS);
    assert_int_equal(loose_core_limit(&core, 0, 100, 99 * MS), 0);
    assert_int_equal(loose_core_limit(&core, 50, 100, 99 * MS), 50);
    assert_int_equal(loose_core_limit(&core, 95, 100, 99 * MS), 100);
}

/* Settings that change begin anew: what was appended before has no mark, and is not young. */
static void new_settings_begin_anew(void **state)
{
    struct loose_core core = core_of(INT64_MAX, 1000);
    loose_core_note(&core, 0, 0);
    assert_int_equal(loose_core_limit(&core, 0, 5, MS), 5);
    loose_core_configure(&core, INT64_MAX, 500);
    assert_int_equal(loose_core_limit(&core, 0, 5, MS), 0);
    loose_core_note(&core, 5, MS);
    assert_int_equal(loose_core_limit(&core, 0, 6, MS), 0);
    assert_int_equal(loose_core_limit(&core, 5, 6, MS), 6);
    loose_core_configure(&core, INT64_MAX, INT64_MAX);
    assert_int_equal(loose_core_limit(&core, 0, 5, MS), 0);
    loose_core_configure(&core, 4, INT64_MAX);
    assert_int_equal(loose_core_limit(&core, 0, 5, MS), 3);
}

/* What is acknowledged may stay in memory while it is less than a quarter of what flush.messages
 * allows; where nothing is acknowledged early nothing may, nor where a quarter is no record. */
static void few_records_linger(void **state)
{
    static const struct {
        int64_t messages;
        int64_t ms;
        int64_t undurable_max; /* that may linger; -1: not even none */
    } rows[] = {
        {INT64_MAX, INT64_MAX, -1}, {1, 1000, -1}, {3, 1000, -1}, {4, INT64_MAX, 0},
        {8, INT64_MAX, 1},          {11, 5, 1},    {1000, 0, -1}, {1000, 1, 249},
        {INT64_MAX, 1, 1ll << 60},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct loose_core core = core_of(rows[i].messages, rows[i].ms);
        int64_t most = rows[i].undurable_max;
        assert_int_equal(loose_core_may_linger(&core, 7, 7), most >= 0);
        if (most > 0)
            assert_true(loose_core_may_linger(&core, 7, 7 + most));
        if (rows[i].messages < INT64_MAX)
            assert_false(loose_core_may_linger(&core, 7, 7 + most + 1));
    }
}

/* For a quarter of flush.ms, and never for long. */
static void records_linger_for_a_moment(void **state)
{
    static const struct {
        int64_t ms;
        uint64_t linger_ns;
    } rows[] = {
        {1, MS / 4},
        {10, 5 * MS / 2},
        {199, 199 * MS / 4},
        {200, LOOSE_LINGER_MAX_NS},
        {INT64_MAX - 1, LOOSE_LINGER_MAX_NS},
        {INT64_MAX, LOOSE_LINGER_MAX_NS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct loose_core core = core_of(1000, rows[i].ms);
        assert_int_equal(loose_core_linger_ns(&core), rows[i].linger_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_loosen),
        cmocka_unit_test(records_ahead_of_the_disk_are_counted),
        cmocka_unit_test(old_records_stop_it),
        cmocka_unit_test(what_has_no_mark_is_old),
        cmocka_unit_test(new_settings_begin_anew),
        cmocka_unit_test(few_records_linger),
        cmocka_unit_test(records_linger_for_a_moment),
    };
    return cmocka_run_group_tests_name("loose_core", tests, NULL, NULL);
}
