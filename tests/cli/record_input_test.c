#include "cli/record_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Input that can be read from a descriptor: a temporary file. */
static FILE *file_of(const char *text, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    rewind(file);
    return file;
}

/* "[topic|key|value|partition]..." of all records, "~" for null; then "!" and the problem if input
 * is broken. */
static void read_all(const char *format, const char *text, size_t size, char *out, size_t out_size)
{
    struct arena arena;
    struct record_input input;
    struct input_record record;
    enum input_result result;
    FILE *file = file_of(text, size);
    FILE *sink = fmemopen(out, out_size, "w");
    arena_init(&arena, 1 << 20);
    assert_true(record_input_open(&input, format, fileno(file), -1, &arena));
    while ((result = record_input_next(&input, &record)) == INPUT_RECORD) {
        const struct bytes parts[] = {record.topic, record.key, record.value};
        fputc('[', sink);
        for (size_t i = 0; i < 3; i++)
            fprintf(sink, "%.*s|", bytes_are_null(parts[i]) ? 1 : (int)parts[i].size,
                    bytes_are_null(parts[i]) ? "~" : (const char *)parts[i].data);
        fprintf(sink, "%d]", (int)record.partition);
    }
    if (result == INPUT_BROKEN)
        fprintf(sink, "!%s", input.problem);
    fclose(sink);
    fclose(file);
    record_input_close(&input);
    arena_deinit(&arena);
}

static void test_formats_take_input_apart(void **state)
{
    /* The text between fields ends each; the last record may lack its end. */
    static const struct {
        const char *format;
        const char *input;
        const char *want;
    } cases[] = {
        {"%v\n", "", ""},
        {"%v\n", "a\nb\n", "[~|~|a|-1][~|~|b|-1]"},
        {"%v\n", "a\n\nb", "[~|~|a|-1][~|~||-1][~|~|b|-1]"},
        {"%v", "a\nb\n", "[~|~|a|-1][~|~|b|-1]"},
        {"%k %v\\n", "a b c\nd e\n", "[~|a|b c|-1][~|d|e|-1]"},
        {"%t/%p:%v;", "x/3:v;y/0:;", "[x|~|v|3][y|~||0]"},
        {"%k--%v==", "a-b--c=d==e--f", "[~|a-b|c=d|-1][~|e|f|-1]"},
        {"<%v>", "<a><b>", "[~|~|a|-1][~|~|b|-1]"},
        {"%k{hex}:%v{base64}\n", "6162:Yz0=\n", "[~|ab|c=|-1]"},
        {"%v\n", "\r\n", "[~|~|\r|-1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[512] = "";
        read_all(cases[i].format, cases[i].input, strlen(cases[i].input), out, sizeof out);
        assert_string_equal(out, cases[i].want);
    }
}

static void test_broken_input_names_the_record(void **state)
{
    /* What does not fit the format stops reading, with the number of the record. */
    static const struct {
        const char *format;
        const char *input;
        const char *want;
    } cases[] = {
        {"%k %v\n", "a b\nalone", "[~|a|b|-1]!record 2 ends before all fields were there"},
        {"%p %v\n", "x v\n", "!record 1: %p cannot be 'x'"},
        {"%v{hex}\n", "61\n6\n", "[~|~|a|-1]!record 2: %v cannot be '6'"},
        {"%v{base64}\n", "a?==\n", "!record 1: %v cannot be 'a?=='"},
        {"<%v>", "<a>b", "[~|~|a|-1]!record 2 does not start as the format says"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[512] = "";
        read_all(cases[i].format, cases[i].input, strlen(cases[i].input), out, sizeof out);
        assert_string_equal(out, cases[i].want);
    }
}

static void test_formats_that_make_no_sense_are_refused(void **state)
{
    /* Two fields without text between them, no field, a field that input cannot have. */
    static const char *const formats[] = {"%k%v", "text", "%o\n", "%v{big32}\n", "%"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct arena arena;
        struct record_input input;
        arena_init(&arena, 1 << 20);
        assert_false(record_input_open(&input, formats[i], 0, -1, &arena));
        assert_true(input.problem[0] != 0);
        record_input_close(&input);
        arena_deinit(&arena);
    }
}

static void test_records_larger_than_the_buffer(void **state)
{
    /* Records of 3 MiB cross every boundary of the first, smaller buffer and come out whole. */
    enum { SIZE = 3 << 20, COUNT = 3 };
    char *text = malloc((size_t)COUNT * (SIZE + 1));
    assert_non_null(text);
    for (size_t i = 0; i < COUNT; i++) {
        memset(text + i * (SIZE + 1), 'a' + (int)i, SIZE);
        text[i * (SIZE + 1) + SIZE] = '\n';
    }
    struct arena arena;
    struct record_input input;
    struct input_record record;
    FILE *file = file_of(text, (size_t)COUNT * (SIZE + 1));
    arena_init(&arena, 1 << 20);
    assert_true(record_input_open(&input, "%v\n", fileno(file), -1, &arena));
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(record_input_next(&input, &record), INPUT_RECORD);
        assert_int_equal(record.value.size, SIZE);
        assert_memory_equal(record.value.data, text + i * (SIZE + 1), SIZE);
    }
    assert_int_equal(record_input_next(&input, &record), INPUT_END);
    fclose(file);
    record_input_close(&input);
    arena_deinit(&arena);
    free(text);
}

static void test_interruption_ends_input(void **state)
{
    /* When the interrupt descriptor is readable, waiting for input ends without a record. */
    int interrupt[2];
    int silence[2];
    struct arena arena;
    struct record_input input;
    struct input_record record;
    assert_int_equal(pipe(interrupt), 0);
    assert_int_equal(pipe(silence), 0);
    assert_int_equal(write(interrupt[1], "x", 1), 1);
    arena_init(&arena, 1 << 20);
    assert_true(record_input_open(&input, "%v\n", silence[0], interrupt[0], &arena));
    assert_int_equal(record_input_next(&input, &record), INPUT_END);
    assert_true(input.is_interrupted);
    record_input_close(&input);
    arena_deinit(&arena);
    for (size_t i = 0; i < 2; i++) {
        close(interrupt[i]);
        close(silence[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_take_input_apart),
        cmocka_unit_test(test_broken_input_names_the_record),
        cmocka_unit_test(test_formats_that_make_no_sense_are_refused),
        cmocka_unit_test(test_records_larger_than_the_buffer),
        cmocka_unit_test(test_interruption_ends_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
