/* Expressions over topic names: what they match, what is refused and where, and that no expression
 * takes more than time linear in the name. */
#include "consumer-groups/topic_pattern.h"
#include "tests/consumer-groups/check.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_LIMIT = 64 * 1024 * 1024 };

struct match_row {
    const char *expression;
    const char *matching;     /* names, separated by spaces; an empty one is written as ~ */
    const char *not_matching; /* the same */
};

static const struct match_row match_rows[] = {
    {"", "~", "a"},
    {"orders", "orders", "order orderss xorders ~"},
    {"orders-.*", "orders- orders-eu orders--", "orders xorders-"},
    {"a.c", "abc a.c a-c", "ac abbc"},
    {"a\\.c", "a.c", "abc"},
    {"a|bc|", "a bc ~", "b abc"},
    {"(a|b)*c", "c ac abbac", "ab ca"},
    {"a+b?", "a aa aab", "b ~ abb"},
    {"a{2}", "aa", "a aaa"},
    {"a{2,}", "aa aaaaa", "a"},
    {"a{1,3}", "a aa aaa", "~ aaaa"},
    {"(ab){0,2}x", "x abx ababx", "abababx"},
    {"a{,3}", "a{,3}", "a aaa"},
    {"a{x}", "a{x}", "a"},
    {"a*?b+?c??", "b aabbc", "c"},
    {"[a-c]+", "abc", "abd ~"},
    {"[^a-c]+", "xyz 019", "xaz"},
    {"[]a]+", "] a]", "b"},
    {"[a-]+", "a- -", "b"},
    {"[\\d_]+x", "1_2x", "ax"},
    {"[[:digit:][:upper:]]+", "A1", "a1"},
    {"[[:^digit:]]+", "abc", "a1"},
    {"[^[:alpha:]]", "1 -", "a"},
    {"\\d\\D\\w\\W\\S", "1aa-x", "aaa-x 1aaax"},
    {"(?i)Orders", "orders ORDERS oRdErS", "order"},
    {"(?i:a)b", "ab Ab", "aB"},
    {"(a(?i)b)c", "abc aBc", "abC Abc"},
    {"(?i)[a-c]", "A c", "d"},
    {"(?i)[^a]", "b", "a A"},
    {"(?i)a(?-i)b", "Ab ab", "aB"},
    {"(?:x)(?P<name>y)(?<other>z)", "xyz", "xy"},
    {"(?sU)a.b", "axb", "ab"},
    {"^a$", "a", "aa"},
    {"a^b", "", "ab a^b"},
    {"\\Aa\\z", "a", "b"},
    {"(^a|b)+", "ab a b abb", "aab ba"},
    {"a\\b-b", "a-b", "ab"},
    {"a\\Bb", "ab", "a-b"},
    {"a\\bb", "", "ab"},
    {"\\Qa.b*\\Ec*", "a.b* a.b*cc", "axb*"},
    {"\\Qa\\E", "a", "\\Qa\\E"},
    {"\\Qab", "ab", "abb"},
    {"\\x61\\x{62}\\0143", "abc", "ab"},
    {"\\t|\\_|\\-", "_ -", "t"},
    {"()", "~", "a"},
    {"(a*)*", "~ a aaa", "b"},
    {"(a*)+b", "b aab", "a"},
    {"(|a)+", "~ a aa", "b"},
    {"(a|)*b", "b ab", "a"},
    {"x{0}y", "y", "xy"},
    {"((((((){1000}){1000}){1000}){1000}){1000}){1000}", "~", "a"}, /* of nothing, no time */
    {"(a(()|b{0}){2}(c{0}){1000}){2}", "aa", "a aaa"},
    {"]}", "]}", "]"},
};

static struct topic_pattern *compile(struct arena *arena, const char *expression)
{
    struct topic_pattern *pattern = NULL;
    struct topic_pattern_error error;
    enum status status = topic_pattern_compile(bytes_of_text(expression), arena, &pattern, &error);
    if (status != STATUS_OK)
        fail_msg("%s: %s at %u", expression, error.reason, error.offset_bytes);
    return pattern;
}

static void check_names(struct topic_pattern *pattern, const char *expression, const char *names,
                        bool wanted)
{
    char copy[256];
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        bool got =
            topic_pattern_matches(pattern, bytes_of_text(strcmp(name, "~") == 0 ? "" : name));
        if (got != wanted)
            fail_msg("'%s' %s '%s'", expression, got ? "matches" : "does not match", name);
    }
}

/* A whole name matches, or it does not. */
static void names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof match_rows / sizeof *match_rows; i++) {
        const struct match_row *row = &match_rows[i];
        struct arena arena;
        arena_init(&arena, ARENA_LIMIT);
        struct topic_pattern *pattern = compile(&arena, row->expression);
        check_names(pattern, row->expression, row->matching, true);
        check_names(pattern, row->expression, row->not_matching, false);
        arena_deinit(&arena);
    }
}

struct error_row {
    const char *expression;
    const char *reason;
    uint32_t offset_bytes;
};

static const struct error_row error_rows[] = {
    {"a(b", "missing )", 1},
    {"a)b", "unexpected )", 1},
    {"x[ab", "missing ]", 1},
    {"x[]", "missing ]", 1},
    {"*a", "no argument for repetition operator", 0},
    {"a|+", "no argument for repetition operator", 2},
    {"(?i)*", "no argument for repetition operator", 4},
    {"a**", "bad repetition operator", 2},
    {"a{2}{3}", "bad repetition operator", 4},
    {"a+??", "bad repetition operator", 3},
    {"a{1001}", "invalid repetition size", 1},
    {"a{3,2}", "invalid repetition size", 1},
    {"[b-a]", "invalid character class range", 1},
    {"[[:nothing:]]", "invalid character class range", 1},
    {"a\\", "trailing \\", 1},
    {"[\\", "trailing \\", 1},
    {"(a)\\1", "invalid escape sequence", 3},
    {"\\y", "invalid escape sequence", 0},
    {"\\pL", "invalid escape sequence", 0},
    {"\\xg1", "invalid escape sequence", 0},
    {"(?=a)", "invalid group syntax", 0},
    {"(?!a)", "invalid group syntax", 0},
    {"(?<=a)", "invalid named capture group", 0},
    {"(?P<a", "invalid named capture group", 0},
    {"(?i", "invalid group syntax", 0},
    {"(?)", "invalid group syntax", 0},
    {"(?i-)", "invalid group syntax", 0},
};

/* What RE2 refuses is refused, with the reason and the place. */
static void errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof error_rows / sizeof *error_rows; i++) {
        const struct error_row *row = &error_rows[i];
        struct arena arena;
        struct topic_pattern *pattern;
        struct topic_pattern_error error;
        arena_init(&arena, ARENA_LIMIT);
        if (topic_pattern_compile(bytes_of_text(row->expression), &arena, &pattern, &error) !=
            STATUS_INVALID)
            fail_msg("'%s' is taken", row->expression);
        if (strcmp(error.reason, row->reason) != 0 || error.offset_bytes != row->offset_bytes)
            fail_msg("'%s': %s at %u", row->expression, error.reason, error.offset_bytes);
        arena_deinit(&arena);
    }
}

static enum status status_of(struct bytes expression, size_t memory_limit_bytes)
{
    struct arena arena;
    struct topic_pattern *pattern;
    struct topic_pattern_error error;
    arena_init(&arena, memory_limit_bytes);
    enum status status = topic_pattern_compile(expression, &arena, &pattern, &error);
    arena_deinit(&arena);
    return status;
}

/* Size, depth and memory have limits, which answer and do not crash. */
static void limits(void **state)
{
    (void)state;
    char text[TOPIC_PATTERN_BYTES_MAX + 1];
    memset(text, 'a', sizeof text);
    assert_int_equal(status_of(bytes_of(text, sizeof text - 1), ARENA_LIMIT), STATUS_OK);
    assert_int_equal(status_of(bytes_of(text, sizeof text), ARENA_LIMIT), STATUS_TOO_LARGE);
    assert_int_equal(status_of(bytes_of_text("a{1000}"), ARENA_LIMIT), STATUS_OK);
    assert_int_equal(status_of(bytes_of_text("(a{1000}){1000}"), ARENA_LIMIT), STATUS_TOO_LARGE);
    assert_int_equal(status_of(bytes_of_text("((a{900}){900}){900}"), ARENA_LIMIT),
                     STATUS_TOO_LARGE);
    assert_int_equal(status_of(bytes_of("a\0b", 3), ARENA_LIMIT), STATUS_INVALID);
    memset(text, '(', sizeof text);
    assert_int_equal(status_of(bytes_of(text, sizeof text - 1), ARENA_LIMIT), STATUS_INVALID);
    for (size_t memory = 1; memory < 32 * 1024; memory += 4096)
        assert_int_equal(status_of(bytes_of_text("(a{100}){10}"), memory), STATUS_NO_MEMORY);
}

/* Expressions that drive a backtracking matcher mad cost a step for each instruction and character
 * at most. */
static void linear_time(void **state)
{
    (void)state;
    static const char *const hard[] = {"(a*)*b", "(a|a)*b", "(a|aa)+b", "((a*)*)*b",
                                       "(a?){200}a{200}"};
    char name[249];
    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        struct arena arena;
        arena_init(&arena, ARENA_LIMIT);
        struct topic_pattern *pattern = compile(&arena, hard[i]);
        topic_pattern_matches(pattern, bytes_of(name, sizeof name));
        /* Twice: a thread is added, and it advances. 700 instructions is the largest of them. */
        assert_true(topic_pattern_steps(pattern) <= 2 * 700 * (sizeof name + 1));
        assert_true(topic_pattern_steps(pattern) > sizeof name);
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(errors),
        cmocka_unit_test(limits),
        cmocka_unit_test(linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
