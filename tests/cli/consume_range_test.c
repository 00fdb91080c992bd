#include "cli/base64.h"
#include "cli/consume_range.h"
#include "cli/time_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000000 };

static const int64_t NOON_MS = 1795348800000; /* 2026-11-22T12:00:00Z */

static void test_times_as_people_write_them(void **state)
{
    /* Each text is this moment, in milliseconds since 1970. */
    static const struct {
        const char *text;
        int64_t time_ms;
    } cases[] = {
        {"now", NOW_MS},
        {"-1h", NOW_MS - 3600000},
        {"-1m30s", NOW_MS - 90000},
        {"1795348800000", 1795348800000},
        {"1795348800", 1795348800000},
        {"5", 5},
        {"1970-01-01", 0},
        {"2000-02-29", 951782400000},
        {"2026-11-22", 1795305600000},
        {"2026-11-22T12:00:00Z", 1795348800000},
        {"2026-11-22T12:00Z", 1795348800000},
        {"2026-11-22 12:00:00", 1795348800000},
        {"2026-11-22T12:00:00.5Z", 1795348800500},
        {"2026-11-22T12:00:00.123456Z", 1795348800123},
        {"2026-11-22T14:00:00+02:00", 1795348800000},
        {"2026-11-22T06:30:00-0530", 1795348800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t time_ms = -1;
        assert_true(time_text_parse(bytes_of_text(cases[i].text), NOW_MS, &time_ms));
        assert_int_equal(time_ms, cases[i].time_ms);
    }
}

static void test_what_is_no_time_is_refused(void **state)
{
    /* And the result keeps what it held. */
    static const char *const texts[] = {"",
                                        "soon",
                                        "-",
                                        "-x",
                                        "2026-13-01",
                                        "2026-11-32",
                                        "2026-11-22T",
                                        "2026-11-22T25:00",
                                        "2026-11-22T12:00:00.Z",
                                        "2026-1-2",
                                        "2026-11-22T12:00:00Zx"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t time_ms = 77;
        assert_false(time_text_parse(bytes_of_text(texts[i]), NOW_MS, &time_ms));
        assert_int_equal(time_ms, 77);
    }
}

static void test_ranges(void **state)
{
    /* Each text is these two points; a range without an end goes on for ever. */
    static const struct {
        const char *text;
        struct consume_range want;
    } cases[] = {
        {"start", {{POINT_START, 0}, {0}, false}},
        {"end", {{POINT_END, 0}, {0}, false}},
        {"42", {{POINT_OFFSET, 42}, {0}, false}},
        {"+5", {{POINT_START, 5}, {0}, false}},
        {"-5", {{POINT_END, -5}, {0}, false}},
        {"3:9", {{POINT_OFFSET, 3}, {POINT_OFFSET, 9}, true}},
        {":9", {{POINT_START, 0}, {POINT_OFFSET, 9}, true}},
        {":end", {{POINT_START, 0}, {POINT_END, 0}, true}},
        {"start:-1", {{POINT_START, 0}, {POINT_END, -1}, true}},
        {"-5:end", {{POINT_END, -5}, {POINT_END, 0}, true}},
        {"@5", {{POINT_TIME, 5}, {0}, false}},
        {"@-1s", {{POINT_TIME, NOW_MS - 1000}, {0}, false}},
        {"@1:2", {{POINT_TIME, 1}, {POINT_TIME, 2}, true}},
        {"@-1s:end", {{POINT_TIME, NOW_MS - 1000}, {POINT_END, 0}, true}},
        {"@2026-11-22T12:00:00Z", {{POINT_TIME, 1795348800000}, {0}, false}},
        {"@2026-11-22T12:00:00Z:2026-11-22T12:00:01Z",
         {{POINT_TIME, 1795348800000}, {POINT_TIME, 1795348801000}, true}},
        {"@1970-01-01:2026-11-22T12:00:00+00:00",
         {{POINT_TIME, 0}, {POINT_TIME, 1795348800000}, true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct consume_range range;
        assert_true(consume_range_parse(&range, cases[i].text, NOW_MS));
        assert_int_equal(range.from.kind, cases[i].want.from.kind);
        assert_int_equal(range.from.number, cases[i].want.from.number);
        assert_int_equal(range.has_end, cases[i].want.has_end);
        assert_int_equal(range.to.kind, cases[i].want.to.kind);
        assert_int_equal(range.to.number, cases[i].want.to.number);
    }
    assert_true(NOON_MS > NOW_MS);
}

static void test_what_is_no_range_is_refused(void **state)
{
    /* None of these says where to start. */
    static const char *const texts[] = {"",   "now",   "5:",  "x:y", "@",
                                        "@x", "1:2:3", "--5", "@1:", "3:@5"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct consume_range range;
        assert_false(consume_range_parse(&range, texts[i], NOW_MS));
    }
}

static void test_base64_there_and_back(void **state)
{
    /* The vectors of RFC 4648, and what is not base64 is refused. */
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    static const char *const wrong[] = {"Z", "Zm9vY", "Zg=x", "Z g=", "\x01m9v"};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[32];
        uint8_t decoded[32];
        size_t size;
        base64_encode(bytes_of_text(pairs[i][0]), text);
        assert_string_equal(text, pairs[i][1]);
        assert_true(base64_decode(bytes_of_text(text), decoded, &size));
        assert_int_equal(size, strlen(pairs[i][0]));
        assert_memory_equal(decoded, pairs[i][0], size);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t decoded[32];
        size_t size;
        assert_false(base64_decode(bytes_of_text(wrong[i]), decoded, &size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_as_people_write_them),
        cmocka_unit_test(test_what_is_no_time_is_refused),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_what_is_no_range_is_refused),
        cmocka_unit_test(test_base64_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
