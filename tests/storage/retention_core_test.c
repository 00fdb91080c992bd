/* Which segments may go, as a table, and what a clock is believed. */
#include "storage/retention_core.h"
#include "tests/storage/check.h"

#include <string.h>

enum { COUNT = 4, DAY_MS = 86400000 };

/* Segments of 100 bytes and 10 records each, one day apart: the newest is a day old. */
static const struct retention_segment segments[COUNT] = {
    {.next_offset = 10, .size_bytes = 100, .max_timestamp_ms = 1 * DAY_MS, .appended_ms = -1},
    {.next_offset = 20, .size_bytes = 100, .max_timestamp_ms = 2 * DAY_MS, .appended_ms = -1},
    {.next_offset = 30, .size_bytes = 100, .max_timestamp_ms = 3 * DAY_MS, .appended_ms = -1},
    {.next_offset = 40, .size_bytes = 100, .max_timestamp_ms = 4 * DAY_MS, .appended_ms = -1},
};

struct row {
    const char *name;
    bool keeps; /* cleanup.policy without delete */
    int64_t retention_ms;
    int64_t retention_bytes;
    int64_t start_offset;
    int64_t limit_offset;
    int64_t now_ms;
    const char *reasons; /* of the segments that go, in order */
};

static const struct row rows[] = {
    {"nothing is asked for", false, -1, -1, 0, 40, 5 * DAY_MS, ""},
    {"by time", false, 2 * DAY_MS, -1, 0, 40, 5 * DAY_MS, "tt"},
    {"as old as may be is not too old", false, 3 * DAY_MS, -1, 0, 40, 4 * DAY_MS, ""},
    {"a millisecond older is", false, 3 * DAY_MS, -1, 0, 40, 4 * DAY_MS + 1, "t"},
    {"the active one too", false, 0, -1, 0, 40, 5 * DAY_MS, "tttt"},
    {"the clock is in doubt", false, 0, -1, 0, 40, -1, ""},
    {"by size", false, -1, 150, 0, 40, 5 * DAY_MS, "ss"},
    {"exactly the size stays", false, -1, 200, 0, 40, 5 * DAY_MS, "ss"},
    {"one byte more stays", false, -1, 201, 0, 40, 5 * DAY_MS, "s"},
    {"as large as may be", false, -1, 400, 0, 40, 5 * DAY_MS, ""},
    {"nothing may stay", false, -1, 0, 0, 40, 5 * DAY_MS, "ssss"},
    {"size first, then time", false, 2 * DAY_MS - 1, 300, 0, 40, 5 * DAY_MS, "stt"},
    {"the limit", false, 0, 0, 0, 29, 5 * DAY_MS, "ss"},
    {"the limit, exactly", false, 0, 0, 0, 30, 5 * DAY_MS, "sss"},
    {"no limit is known", false, 0, 0, 0, 0, 5 * DAY_MS, ""},
    {"below the start", false, -1, -1, 20, 40, 5 * DAY_MS, "oo"},
    {"not all of it below the start", false, -1, -1, 19, 40, 5 * DAY_MS, "o"},
    {"below the start, and compacted", true, 0, 0, 10, 40, 5 * DAY_MS, "o"},
    {"compacted only", true, 0, 0, 0, 40, 5 * DAY_MS, ""},
    {"the log begins at its end", false, -1, -1, 40, 40, 5 * DAY_MS, "oooo"},
};

static struct retention_log log_of(const struct row *row)
{
    return (struct retention_log){
        .deletes = !row->keeps,
        .retention_ms = row->retention_ms,
        .retention_bytes = row->retention_bytes,
        .size_bytes = COUNT * 100,
        .start_offset = row->start_offset,
        .limit_offset = row->limit_offset,
        .now_ms = row->now_ms,
    };
}

/* The oldest segments go for Kafka's reasons, in Kafka's order, and the first that stays ends it.
 */
static void judge_table(void **state)
{
    static const char letters[] = {
        [RETENTION_START_OFFSET] = 'o', [RETENTION_SIZE] = 's', [RETENTION_TIME] = 't'};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct retention_log log = log_of(&rows[i]);
        char reasons[COUNT + 1] = "";
        for (uint32_t s = 0; s < COUNT; s++) {
            enum retention_reason reason = retention_core_judge(&log, &segments[s]);
            if (reason == RETENTION_KEEP)
                break;
            reasons[s] = letters[reason];
            log.size_bytes -= segments[s].size_bytes;
        }
        if (strcmp(reasons, rows[i].reasons) != 0)
            fail_msg("%s: %s instead of %s", rows[i].name, reasons, rows[i].reasons);
    }
}

static bool is_expired(int64_t max_timestamp_ms, int64_t appended_ms, int64_t now_ms)
{
    struct retention_log log = {.deletes = true,
                                .retention_ms = DAY_MS,
                                .retention_bytes = -1,
                                .size_bytes = 100,
                                .limit_offset = 10,
                                .now_ms = now_ms};
    struct retention_segment segment = {10, 100, max_timestamp_ms, appended_ms};
    return retention_core_judge(&log, &segment) == RETENTION_TIME;
}

/* Timestamps in the far future, or none at all, do not keep a segment for ever: it is at most as
 * new as its last append. Old timestamps make it old however late they came. */
static void odd_timestamps(void **state)
{
    int64_t nanoseconds = INT64_C(1700000000000000000);
    assert_false(is_expired(nanoseconds, 10 * DAY_MS, 11 * DAY_MS));
    assert_true(is_expired(nanoseconds, 10 * DAY_MS, 11 * DAY_MS + 1));
    assert_false(is_expired(nanoseconds, -1, 1000 * (int64_t)DAY_MS));
    assert_false(is_expired(INT64_MAX, -1, 1));
    assert_false(is_expired(-1, 10 * DAY_MS, 11 * DAY_MS));
    assert_true(is_expired(-1, 10 * DAY_MS, 11 * DAY_MS + 1));
    assert_false(is_expired(-1, -1, INT64_MAX));
    assert_true(is_expired(0, 10 * DAY_MS, 10 * DAY_MS));
    assert_false(is_expired(10 * DAY_MS, 10 * DAY_MS, 5 * DAY_MS));
}

/* The age at which a segment is closed lies within the jitter, and is the same each time. */
static void jitter(void **state)
{
    assert_int_equal(retention_core_segment_ms(1000, 0, 77), 1000);
    bool differs = false;
    for (uint64_t hash = 1; hash < 1000; hash++) {
        int64_t age = retention_core_segment_ms(1000, 100, hash * UINT64_C(0x9e3779b97f4a7c15));
        assert_in_range(age, 901, 1000);
        differs = differs || age != 1000;
    }
    assert_true(differs);
    assert_in_range(retention_core_segment_ms(10, INT64_MAX, UINT64_MAX), 1, 10);
}

static int64_t check_clock(struct retention_clock *clock, int64_t wall_ms, int64_t steady_ms,
                           int64_t expected_jump)
{
    int64_t jumped_ms;
    int64_t now_ms = retention_clock_check(clock, wall_ms, steady_ms, &jumped_ms);
    assert_int_equal(jumped_ms, expected_jump);
    return now_ms;
}

/* After a jump forward the clock is not believed for an hour, however often it is looked at; a
 * second jump begins the hour again; slow drift and jumps back do not matter. */
static void clock_jumps(void **state)
{
    struct retention_clock clock = {0};
    int64_t year = INT64_C(365) * DAY_MS;
    int64_t wall = 50 * year;
    assert_int_equal(check_clock(&clock, wall, 1000, 0), wall);
    wall += 300000 + RETENTION_DRIFT_MS;
    assert_int_equal(check_clock(&clock, wall, 301000, 0), wall);

    wall += year + 300000;
    assert_int_equal(check_clock(&clock, wall, 601000, year), -1);
    int64_t jump_ms = 601000;
    assert_int_equal(check_clock(&clock, wall + 300000, jump_ms + 300000, 0), -1);
    int64_t last = RETENTION_DOUBT_MS - 1;
    assert_int_equal(check_clock(&clock, wall + last, jump_ms + last, 0), -1);
    assert_int_equal(check_clock(&clock, wall + last + 1, jump_ms + last + 1, 0), wall + last + 1);

    int64_t later = jump_ms + last + 1 + 300000;
    assert_int_equal(check_clock(&clock, wall - year, later, 0), wall - year);
    assert_int_equal(check_clock(&clock, wall, later + 10, year - 10), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_table),
        cmocka_unit_test(odd_timestamps),
        cmocka_unit_test(jitter),
        cmocka_unit_test(clock_jumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
