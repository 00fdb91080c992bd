#include "base/log.h"

#include "base/list.h"
#include "tests/base/check.h"

#include <stdio.h>
#include <string.h>

#define HEAD      "ts=2026-11-22T06:40:00.123Z level=info core=3 msg="
#define JSON_HEAD "{\"ts\":\"2026-11-22T06:40:00.123Z\",\"level\":\"info\",\"core\":3,\"msg\":"

/* Keeps the last line. */
struct memory_sink {
    struct log_sink sink;
    char line[LOG_LINE_SIZE_MAX + 1];
    size_t size;
    int count;
};

static void memory_write(struct log_sink *sink, struct bytes line)
{
    struct memory_sink *memory = container_of(sink, struct memory_sink, sink);
    assert_true(line.size <= LOG_LINE_SIZE_MAX);
    memcpy(memory->line, line.data, line.size);
    memory->line[line.size] = '\0';
    memory->size = line.size;
    memory->count++;
}

static int64_t fixed_now_ms(struct log_sink *sink)
{
    return 1795329600123;
}

struct fixture {
    struct memory_sink memory;
    struct logger logger;
};

static void fixture_init(struct fixture *fixture, enum log_format format)
{
    *fixture = (struct fixture){.memory.sink = {memory_write, fixed_now_ms}};
    fixture->logger = (struct logger){
        .sink = &fixture->memory.sink, .level = LOG_INFO, .format = format, .core = 3};
}

/* A line has time, level, core, message and then the fields in their order. */
static void test_text_line(void **state)
{
    struct fixture fixture;
    fixture_init(&fixture, LOG_FORMAT_TEXT);
    log_info(&fixture.logger, "broker started");
    assert_string_equal(fixture.memory.line, HEAD "\"broker started\"\n");

    struct uuid id = {{0xff}};
    log_info(&fixture.logger, "opened", field_text("topic", "orders"), field_i64("offset", -1),
             field_u64("size", UINT64_MAX), field_bool("is_new", true), field_uuid("id", id),
             field_status("why", STATUS_NO_SPACE), field_text("rack", NULL));
    assert_string_equal(fixture.memory.line,
                        HEAD "opened topic=orders offset=-1 size=18446744073709551615 is_new=true"
                             " id=_wAAAAAAAAAAAAAAAAAAAA why=\"no space left on device\""
                             " rack=null\n");
}

/* The JSON form says the same, and one without a core says none. */
static void test_json_line(void **state)
{
    struct fixture fixture;
    fixture_init(&fixture, LOG_FORMAT_JSON);
    log_info(&fixture.logger, "opened", field_text("topic", "orders"), field_i64("offset", -1),
             field_bool("is_new", false), field_text("rack", NULL));
    assert_string_equal(
        fixture.memory.line, JSON_HEAD
        "\"opened\",\"topic\":\"orders\",\"offset\":-1,\"is_new\":false,\"rack\":null}\n");

    fixture.logger.core = -1;
    log_info(&fixture.logger, "x");
    assert_string_equal(fixture.memory.line,
                        "{\"ts\":\"2026-11-22T06:40:00.123Z\",\"level\":\"info\",\"msg\":\"x\"}\n");
}

/* Lines below the logger's level are not written, and their fields not evaluated. */
static void test_level(void **state)
{
    struct fixture fixture;
    int evaluated = 0;
    fixture_init(&fixture, LOG_FORMAT_TEXT);
    fixture.logger.level = LOG_WARN;
    log_debug(&fixture.logger, "x", field_i64("n", ++evaluated));
    log_info(&fixture.logger, "x", field_i64("n", ++evaluated));
    assert_int_equal(fixture.memory.count, 0);
    assert_int_equal(evaluated, 0);
    log_warn(&fixture.logger, "x", field_i64("n", ++evaluated));
    log_error(&fixture.logger, "x", field_i64("n", ++evaluated));
    assert_int_equal(fixture.memory.count, 2);

    enum log_level level = LOG_ERROR;
    assert_int_equal(log_level_parse(bytes_of_text("Warn"), &level), STATUS_OK);
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_level_parse(bytes_of_text("loud"), &level), STATUS_INVALID);
    assert_int_equal(level, LOG_WARN);
}

/* No value can end the line, forge a field, or steer a terminal. */
static void test_escapes(void **state)
{
    static const struct {
        const char *value;
        const char *text;
        const char *json;
    } cases[] = {
        {"a b", "\"a b\"", "\"a b\""},
        {"", "\"\"", "\"\""},
        {"null", "\"null\"", "\"null\""},
        {"k=v", "\"k=v\"", "\"k=v\""},
        {"a\nts=0", "\"a\\nts=0\"", "\"a\\nts=0\""},
        {"say \"hi\" \\", "\"say \\\"hi\\\" \\\\\"", "\"say \\\"hi\\\" \\\\\""},
        {"\x1b[2J", "\"\\u001b[2J\"", "\"\\u001b[2J\""},
        {"\xc3\xa9", "\"\xc3\xa9\"", "\"\xc3\xa9\""},
        {"\xc2\x9b", "\"\\u009b\"", "\"\\u009b\""},
        {"\xe2\x80\xae", "\"\\u202e\"", "\"\\u202e\""},
        {"\xff\xfe", "\"\\xff\\xfe\"", "\"\\ufffd\\ufffd\""},
    };
    char expected[200];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        fixture_init(&fixture, LOG_FORMAT_TEXT);
        log_info(&fixture.logger, "m", field_text("v", cases[i].value));
        snprintf(expected, sizeof expected, HEAD "m v=%s\n", cases[i].text);
        assert_string_equal(fixture.memory.line, expected);

        fixture_init(&fixture, LOG_FORMAT_JSON);
        log_info(&fixture.logger, "m", field_text("v", cases[i].value));
        snprintf(expected, sizeof expected, JSON_HEAD "\"m\",\"v\":%s}\n", cases[i].json);
        assert_string_equal(fixture.memory.line, expected);
    }
}

/* A zero byte inside a value is escaped like any control character. */
static void test_zero_byte(void **state)
{
    struct fixture fixture;
    fixture_init(&fixture, LOG_FORMAT_TEXT);
    log_info(&fixture.logger, "m", field_bytes("v", bytes_of("a\0b", 3)));
    assert_string_equal(fixture.memory.line, HEAD "m v=\"a\\u0000b\"\n");
}

/* A long value is cut, a field that does not fit is left out whole, and the line says so. */
static void test_cut(void **state)
{
    static char long_value[LOG_VALUE_SIZE_MAX + 2];
    memset(long_value, '\x01', sizeof long_value - 1);
    for (enum log_format format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        struct fixture fixture;
        fixture_init(&fixture, format);
        log_info(&fixture.logger, "m", field_text("a", long_value), field_text("b", long_value),
                 field_i64("c", 1));
        const char *line = fixture.memory.line;
        const char *end = format == LOG_FORMAT_JSON ? "...\",\"cut\":true}\n" : "...\" cut=true\n";
        size_t size = strlen(end);
        assert_true(fixture.memory.size > size);
        assert_memory_equal(line + fixture.memory.size - size, end, size);
        assert_null(strstr(line, format == LOG_FORMAT_JSON ? "\"b\":" : "b="));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_line), cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_level),     cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_zero_byte), cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
