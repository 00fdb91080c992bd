#include "base/text.h"

#include "tests/base/check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Numbers are whole, in range, and nothing else. */
static void test_parse_i64(void **state)
{
    static const struct {
        const char *text;
        int64_t min;
        int64_t max;
        enum status status;
        int64_t value;
    } cases[] = {
        {"0", 0, 10, STATUS_OK, 0},
        {"-5", -5, 5, STATUS_OK, -5},
        {"007", 0, 10, STATUS_OK, 7},
        {"9223372036854775807", 0, INT64_MAX, STATUS_OK, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, 0, STATUS_OK, INT64_MIN},
        {"9223372036854775808", 0, INT64_MAX, STATUS_OUT_OF_RANGE, 0},
        {"-9223372036854775809", INT64_MIN, 0, STATUS_OUT_OF_RANGE, 0},
        {"99999999999999999999999", 0, INT64_MAX, STATUS_OUT_OF_RANGE, 0},
        {"11", 0, 10, STATUS_OUT_OF_RANGE, 0},
        {"-1", 0, 10, STATUS_OUT_OF_RANGE, 0},
        {"", 0, 10, STATUS_INVALID, 0},
        {"-", -9, 10, STATUS_INVALID, 0},
        {"+1", 0, 10, STATUS_INVALID, 0},
        {" 1", 0, 10, STATUS_INVALID, 0},
        {"1 ", 0, 10, STATUS_INVALID, 0},
        {"1.0", 0, 10, STATUS_INVALID, 0},
        {"0x1", 0, 10, STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 12345;
        enum status status =
            text_parse_i64(bytes_of_text(cases[i].text), cases[i].min, cases[i].max, &value);
        assert_int_equal(status, cases[i].status);
        assert_true(value == (status == STATUS_OK ? cases[i].value : 12345));
    }
}

/* Sizes are plain bytes or one number with a binary unit; 64-bit overflow is out of range. */
static void test_parse_size(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        int64_t value;
    } cases[] = {
        {"0", STATUS_OK, 0},
        {"1048576", STATUS_OK, 1048576},
        {"64KiB", STATUS_OK, 65536},
        {"3MiB", STATUS_OK, 3 << 20},
        {"2GiB", STATUS_OK, 2ll << 30},
        {"1TiB", STATUS_OK, 1ll << 40},
        {"17B", STATUS_OK, 17},
        {"8388608TiB", STATUS_OUT_OF_RANGE, 0},
        {"9223372036854775808", STATUS_OUT_OF_RANGE, 0},
        {"", STATUS_INVALID, 0},
        {"KiB", STATUS_INVALID, 0},
        {"64kib", STATUS_INVALID, 0},
        {"64 KiB", STATUS_INVALID, 0},
        {"1KiB1", STATUS_INVALID, 0},
        {"-1", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = -7;
        enum status status = text_parse_size(bytes_of_text(cases[i].text), &value);
        assert_int_equal(status, cases[i].status);
        assert_true(value == (status == STATUS_OK ? cases[i].value : -7));
    }
}

/* Durations are plain milliseconds or parts that each have a unit. */
static void test_parse_duration(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        int64_t value;
    } cases[] = {
        {"0", STATUS_OK, 0},
        {"1500", STATUS_OK, 1500},
        {"1h30m", STATUS_OK, 5400000},
        {"2d", STATUS_OK, 172800000},
        {"1m30s250ms", STATUS_OK, 90250},
        {"5s", STATUS_OK, 5000},
        {"106751991168d", STATUS_OUT_OF_RANGE, 0},
        {"106751991167d24h", STATUS_OUT_OF_RANGE, 0},
        {"", STATUS_INVALID, 0},
        {"1h30", STATUS_INVALID, 0},
        {"h", STATUS_INVALID, 0},
        {"1y", STATUS_INVALID, 0},
        {"-1s", STATUS_INVALID, 0},
        {"1.5s", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = -7;
        enum status status = text_parse_duration_ms(bytes_of_text(cases[i].text), &value);
        assert_int_equal(status, cases[i].status);
        assert_true(value == (status == STATUS_OK ? cases[i].value : -7));
    }
}

/* Fractions are plain decimals; what strtod would read besides is refused. */
static void test_parse_f64(void **state)
{
    double value = 7;
    assert_int_equal(text_parse_f64(bytes_of_text("0.5"), 0, 1, &value), STATUS_OK);
    assert_true(value == 0.5);
    assert_int_equal(text_parse_f64(bytes_of_text("1e-3"), 0, 1, &value), STATUS_OK);
    assert_true(value == 1e-3);
    assert_int_equal(text_parse_f64(bytes_of_text("1.5"), 0, 1, &value), STATUS_OUT_OF_RANGE);
    assert_int_equal(text_parse_f64(bytes_of_text("1e999"), 0, 1, &value), STATUS_OUT_OF_RANGE);
    static const char *const refused[] = {"", "nan", "inf", "0x1p3", " 1", "1 ", "1,5", "--1"};
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_int_equal(text_parse_f64(bytes_of_text(refused[i]), 0, 1, &value), STATUS_INVALID);
    assert_true(value == 1e-3);
}

/* Booleans are true and false in any case, as Kafka reads them. */
static void test_parse_bool(void **state)
{
    bool value = false;
    assert_int_equal(text_parse_bool(bytes_of_text("True"), &value), STATUS_OK);
    assert_true(value);
    assert_int_equal(text_parse_bool(bytes_of_text("FALSE"), &value), STATUS_OK);
    assert_false(value);
    assert_int_equal(text_parse_bool(bytes_of_text("yes"), &value), STATUS_INVALID);
    assert_int_equal(text_parse_bool((struct bytes){0}, &value), STATUS_INVALID);
}

/* A list is cut at its separator and each item trimmed. */
static void test_items(void **state)
{
    struct bytes rest = bytes_of_text(" a:1 ,, b\t,");
    struct bytes item;
    assert_true(text_next_item(&rest, ',', &item));
    assert_true(bytes_equal_text(item, "a:1"));
    assert_true(text_next_item(&rest, ',', &item));
    assert_true(bytes_equal_text(item, ""));
    assert_true(text_next_item(&rest, ',', &item));
    assert_true(bytes_equal_text(item, "b"));
    assert_false(text_next_item(&rest, ',', &item));
    rest = bytes_of_text("");
    assert_false(text_next_item(&rest, ',', &item));
    assert_true(bytes_are_null(text_trim((struct bytes){0})));
    assert_int_equal(text_trim(bytes_of_text(" \r\n\t ")).size, 0);
}

static void check_size(int64_t value, const char *expected)
{
    char text[TEXT_FORMAT_SIZE];
    int64_t again = -1;
    text_format_size(value, text);
    assert_string_equal(text, expected);
    assert_int_equal(text_parse_size(bytes_of_text(text), &again), STATUS_OK);
    assert_true(again == value);
}

static void check_duration(int64_t value, const char *expected)
{
    char text[TEXT_FORMAT_SIZE];
    int64_t again = -1;
    text_format_duration_ms(value, text);
    assert_string_equal(text, expected);
    assert_int_equal(text_parse_duration_ms(bytes_of_text(text), &again), STATUS_OK);
    assert_true(again == value);
}

/* What is formatted can be parsed again, and gives the same number. */
static void test_format(void **state)
{
    check_size(0, "0B");
    check_size(1500, "1500B");
    check_size(65536, "64KiB");
    check_size(3 << 20, "3MiB");
    check_size(INT64_MAX, "9223372036854775807B");
    check_duration(0, "0ms");
    check_duration(250, "250ms");
    check_duration(5400000, "1h30m");
    check_duration(604800000, "7d");
    check_duration(INT64_MAX, "106751991167d7h12m55s807ms");
}

/* Times are right around leap days and before 1970, and stay four-digit years. */
static void test_format_time(void **state)
{
    static const struct {
        int64_t time_ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1709251199999, "2024-02-29T23:59:59.999Z"},
        {1709251200000, "2024-03-01T00:00:00.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0001-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[TEXT_FORMAT_SIZE];
        text_format_time_ms(cases[i].time_ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* Digits in either case, and none of their neighbours in the alphabet. */
static void test_hex_digits(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++)
        assert_int_equal(text_hex_digit((uint8_t)digits[i]), i);
    for (int i = 10; i < 16; i++)
        assert_int_equal(text_hex_digit((uint8_t)('A' + i - 10)), i);
    static const uint8_t others[] = {'/', ':', '@', 'G', '`', 'g', 0, 0x10, 0x19, 0xff};
    for (size_t i = 0; i < sizeof others; i++)
        assert_int_equal(text_hex_digit(others[i]), -1);
}

/* Only shortest forms of real characters are UTF-8. */
static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        uint32_t code_point;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xa9", 2, 0xe9},
        {"\xe2\x82\xac!", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"", 0, 0},
        {"\x80", 0, 0},
        {"\xc3", 0, 0},
        {"\xc3(", 0, 0},
        {"\xc0\xaf", 0, 0},
        {"\xe0\x80\xaf", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xf8\x88\x80\x80\x80", 0, 0},
        {"\xff", 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t code_point = 0;
        assert_int_equal(text_utf8_character(bytes_of_text(cases[i].text), &code_point),
                         cases[i].size);
        assert_true(cases[i].size == 0 || code_point == cases[i].code_point);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_i64),      cmocka_unit_test(test_parse_size),
        cmocka_unit_test(test_parse_duration), cmocka_unit_test(test_parse_f64),
        cmocka_unit_test(test_parse_bool),     cmocka_unit_test(test_items),
        cmocka_unit_test(test_format),         cmocka_unit_test(test_format_time),
        cmocka_unit_test(test_hex_digits),     cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
