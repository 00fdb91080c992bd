#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct option_row common[] = {
    {'q', "quiet", NULL, ""},
    {'p', "profile", "NAME", ""},
};
static const struct option_row own[] = {
    {'p', "partitions", "LIST", ""},
    {'X', "set", "KEY=VALUE", ""},
    {0, "dry", NULL, ""},
};

static void start(struct options *options)
{
    options_init(options);
    options_add_table(options, (struct option_table){common, 2});
    options_add_table(options, (struct option_table){own, 3});
}

static bool parse(struct options *options, const char *const *words, uint32_t count)
{
    uint32_t taken;
    start(options);
    return options_parse(options, words, count, false, &taken);
}

static void test_flags_stand_anywhere_and_in_every_form(void **state)
{
    /* Every accepted spelling gives the same values, whatever stands around it. */
    static const char *const forms[][4] = {{"-p", "3", "--dry", "name"},
                                           {"name", "--dry", "-p3"},
                                           {"--partitions=3", "name", "--dry"},
                                           {"--partitions", "3", "--dry", "name"}};
    static const uint32_t counts[] = {4, 3, 3, 4};
    for (size_t i = 0; i < 4; i++) {
        struct options options;
        assert_true(parse(&options, forms[i], counts[i]));
        assert_string_equal(options_text(&options, "partitions"), "3");
        assert_true(options_has(&options, "dry"));
        assert_int_equal(options.argument_count, 1);
        assert_string_equal(options.arguments[0], "name");
    }
}

static void test_what_cannot_be_parsed_says_why(void **state)
{
    /* Each mistake has a sentence that names the flag. */
    static const struct {
        const char *word;
        const char *problem;
    } cases[] = {
        {"--partition", "no such flag: --partition"},
        {"-z", "no such flag: -z"},
        {"-qz", "no such flag: -z"},
        {"--dry=1", "--dry takes no value"},
        {"-p", "--partitions needs a value: LIST"},
        {"--set", "--set needs a value: KEY=VALUE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        assert_false(parse(&options, &cases[i].word, 1));
        assert_string_equal(options.problem, cases[i].problem);
    }
}

static void test_two_dashes_end_the_flags(void **state)
{
    /* After `--`, and for a single dash, words are arguments. */
    static const char *const words[] = {"-", "--", "-p", "--dry"};
    struct options options;
    assert_true(parse(&options, words, 4));
    assert_int_equal(options.argument_count, 3);
    assert_string_equal(options.arguments[0], "-");
    assert_string_equal(options.arguments[2], "--dry");
    assert_false(options_has(&options, "dry"));
}

static void test_a_flag_may_be_repeated(void **state)
{
    /* The last value counts; all of them can be walked. */
    static const char *const words[] = {"-X", "a=1", "-X", "b=2"};
    struct options options;
    uint32_t position = 0;
    assert_true(parse(&options, words, 4));
    assert_string_equal(options_text(&options, "set"), "b=2");
    assert_string_equal(options_next(&options, "set", &position), "a=1");
    assert_string_equal(options_next(&options, "set", &position), "b=2");
    assert_null(options_next(&options, "set", &position));
}

static void test_a_commands_letter_goes_before_the_common_one(void **state)
{
    /* -p is the partitions of this command, not the profile of all. */
    static const char *const words[] = {"-qp", "5"};
    struct options options;
    assert_true(parse(&options, words, 2));
    assert_string_equal(options_text(&options, "partitions"), "5");
    assert_null(options_text(&options, "profile"));
    assert_true(options_has(&options, "quiet"));
}

static void test_common_flags_stop_at_the_first_argument(void **state)
{
    /* `tailrace -q topic list -d` gives `-d` to the command, not to the program. */
    static const char *const words[] = {"-q", "topic", "list", "-d"};
    struct options options;
    uint32_t taken;
    start(&options);
    assert_true(options_parse(&options, words, 4, true, &taken));
    assert_int_equal(taken, 1);
    assert_int_equal(options.argument_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_stand_anywhere_and_in_every_form),
        cmocka_unit_test(test_what_cannot_be_parsed_says_why),
        cmocka_unit_test(test_two_dashes_end_the_flags),
        cmocka_unit_test(test_a_flag_may_be_repeated),
        cmocka_unit_test(test_a_commands_letter_goes_before_the_common_one),
        cmocka_unit_test(test_common_flags_stop_at_the_first_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
