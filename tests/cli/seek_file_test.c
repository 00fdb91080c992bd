#include "cli/seek_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum seek_line_kind take(const char *text, struct seek_line *line)
{
    struct bytes rest = bytes_of_text(text);
    return seek_file_next(&rest, bytes_of_text("mine"), line);
}

/* A line is a partition of the group, something to pass over, or broken. */
static void test_kinds_of_lines(void **state)
{
    static const struct {
        const char *text;
        enum seek_line_kind kind;
    } cases[] = {
        {"orders,0,10", SEEK_LINE},
        {"orders,0,10\r\n", SEEK_LINE},
        {" orders , 0 , 10 ", SEEK_LINE},
        {"\"orders\",\"0\",\"10\"", SEEK_LINE},
        {"mine,orders,0,10", SEEK_LINE},
        {"\"mine\",orders,0,10", SEEK_LINE},
        {"orders,2147483647,9223372036854775807", SEEK_LINE},
        {"theirs,orders,0,10", SEEK_LINE_OTHER},
        {"\n", SEEK_LINE_OTHER},
        {"  \r\n", SEEK_LINE_OTHER},
        {"", SEEK_LINES_END},
        {"orders,0", SEEK_LINE_BROKEN},
        {"mine,orders,0,10,11", SEEK_LINE_BROKEN},
        {"orders,-1,10", SEEK_LINE_BROKEN},
        {"orders,0,-1", SEEK_LINE_BROKEN},
        {"orders,2147483648,10", SEEK_LINE_BROKEN},
        {"orders,zero,10", SEEK_LINE_BROKEN},
        {"orders,0,9223372036854775808", SEEK_LINE_BROKEN},
        {",0,10", SEEK_LINE_BROKEN},
        {"theirs,orders,0,ten", SEEK_LINE_BROKEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seek_line line;
        if (take(cases[i].text, &line) != cases[i].kind)
            print_message("'%s'\n", cases[i].text);
        assert_int_equal(take(cases[i].text, &line), cases[i].kind);
    }
}

/* Lines follow each other, the last one with or without an end. */
static void test_a_file_of_several_lines(void **state)
{
    struct bytes rest = bytes_of_text("orders,0,10\n\ntheirs,returns,1,5\nmine,returns,2,7");
    struct seek_line line;
    const struct bytes group = bytes_of_text("mine");
    assert_int_equal(seek_file_next(&rest, group, &line), SEEK_LINE);
    assert_true(bytes_equal_text(line.topic, "orders"));
    assert_int_equal(line.partition, 0);
    assert_int_equal(line.offset, 10);
    assert_int_equal(seek_file_next(&rest, group, &line), SEEK_LINE_OTHER);
    assert_int_equal(seek_file_next(&rest, group, &line), SEEK_LINE_OTHER);
    assert_int_equal(seek_file_next(&rest, group, &line), SEEK_LINE);
    assert_true(bytes_equal_text(line.topic, "returns"));
    assert_int_equal(line.partition, 2);
    assert_int_equal(line.offset, 7);
    assert_int_equal(seek_file_next(&rest, group, &line), SEEK_LINES_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_lines),
        cmocka_unit_test(test_a_file_of_several_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
