#include "cli/record_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct record example(void)
{
    static struct record_header headers[2];
    headers[0] = (struct record_header){bytes_of_text("a"), bytes_of_text("1")};
    headers[1] = (struct record_header){bytes_of_text("b"), bytes_of(NULL, 0)};
    return (struct record){
        .topic = bytes_of_text("orders"),
        .key = bytes_of_text("k"),
        .value = bytes_of("\0\xffz", 3),
        .headers = headers,
        .header_count = 2,
        .partition = 3,
        .leader_epoch = -1,
        .offset = 258,
        .time_ms = 1700000000123,
        .index = 7,
    };
}

/* What a format makes of the example; to be freed. */
static char *print(const char *text, size_t *size)
{
    struct arena arena;
    struct record_format format;
    struct record record = example();
    char *out = NULL;
    arena_init(&arena, 1 << 20);
    assert_true(record_format_parse(&format, text, &arena));
    FILE *file = open_memstream(&out, size);
    record_format_print(&format, &record, file);
    fclose(file);
    arena_deinit(&arena);
    return out;
}

static void test_every_field_and_escape(void **state)
{
    /* A format prints exactly these bytes. */
    static const struct {
        const char *format;
        const char *want;
        size_t size;
    } cases[] = {
        {"%t %T", "orders 6", 8},
        {"%k/%K", "k/1", 3},
        {"%v", "\0\xffz", 3},
        {"%V %H %p %o %e %i", "3 2 3 258 -1 7", 14},
        {"%d", "1700000000123", 13},
        {"%d{rfc3339}", "2023-11-14T22:13:20.123Z", 24},
        {"%d{strftime[%F %H:%M]}!", "2023-11-14 22:13!", 17},
        {"%v{hex}", "00ff7a", 6},
        {"%v{base64}", "AP96", 4},
        {"%o{hex}", "102", 3},
        {"%o{big32}", "\0\0\1\2", 4},
        {"%o{little16}", "\2\1", 2},
        {"%o{big8}", "\2", 1},
        {"%o{ascii}", "258", 3},
        {"a\\tb\\n\\r\\\\\\x41", "a\tb\n\r\\A", 7},
        {"\\q", "\\q", 2},
        {"%%%{%}", "%{}", 3},
        {"<%h{%k=%v;}>", "<a=1;b=;>", 9},
        {"%h{%K%V,}\\n", "11,1-1,\n", 8},
        {"%h{%k%}}%p", "a}b}3", 5},
        {"", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size;
        char *text = print(cases[i].format, &size);
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(text, cases[i].want, size);
        free(text);
    }
}

static void test_what_is_no_format_says_where(void **state)
{
    /* The problem names what is wrong and shows the place. */
    static const struct {
        const char *format;
        const char *problem;
    } cases[] = {
        {"%v %z", "unknown field at '%z'"},
        {"100%", "unknown field at '%'"},
        {"%v{big32}", "unknown way to write the field at 'big32}'"},
        {"%o{base64}", "unknown way to write the field at 'base64}'"},
        {"%h", "%h needs {...} with what to print for each header at ''"},
        {"%h{%k", "no end of %h{...} at ''"},
        {"%h{%o}", "a header has only %k %v %K %V at '%o}'"},
        {"%d{strftime[%F}", "no end of the pattern at 'strftime[%F}'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct record_format format;
        arena_init(&arena, 1 << 20);
        assert_false(record_format_parse(&format, cases[i].format, &arena));
        assert_string_equal(format.problem, cases[i].problem);
        arena_deinit(&arena);
    }
}

static void test_null_is_nothing_and_minus_1(void **state)
{
    /* A null key prints as nothing and has size -1; an empty one has size 0. */
    struct arena arena;
    struct record_format format;
    struct record record = {.value = bytes_of_text("")};
    char *out = NULL;
    size_t size;
    arena_init(&arena, 1 << 20);
    assert_true(record_format_parse(&format, "[%k]%K[%v]%V%k{base64}", &arena));
    FILE *file = open_memstream(&out, &size);
    record_format_print(&format, &record, file);
    fclose(file);
    assert_string_equal(out, "[]-1[]0");
    free(out);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_and_escape),
        cmocka_unit_test(test_what_is_no_format_says_where),
        cmocka_unit_test(test_null_is_nothing_and_minus_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
