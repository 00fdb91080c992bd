/* Figures are written so that people can compare them at a glance. */
#include "bench/figure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Three digits, or all in front of the point, and the same where rounding makes one digit more. */
static void test_digits(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0.00"},       {1.234, "1.23"},        {9.994, "9.99"},   {9.996, "10.0"},
        {12.34, "12.3"},   {99.94, "99.9"},        {99.96, "100"},    {123.4, "123"},
        {999.4, "999"},    {999.6, "1,000"},       {1234.5, "1,234"}, {999999.6, "1,000,000"},
        {56789, "56,789"}, {1234567, "1,234,567"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[FIGURE_TEXT_SIZE];
        figure_format(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
