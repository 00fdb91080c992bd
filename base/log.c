/* A line is built in a buffer on the stack. Each field is all or nothing: what does not fit is
 * taken back to where the field began, so that a cut line can still be parsed. The end of the line
 * has its room reserved from the beginning. */
#include "base/log.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdio.h>

/* What stays free in the line for the end: ` cut=true`, `,"cut":true}` and a newline. */
enum { LINE_END_SIZE = 16 };

/* The line under construction. What does not fit sets `is_full` and changes nothing more. */
struct line {
    enum log_format format;
    bool is_full;
    size_t size;
    char text[LOG_LINE_SIZE_MAX];
};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

static void line_put(struct line *line, const void *text, size_t size)
{
    assert(text != NULL || size == 0);
    assert(line->size <= sizeof line->text - LINE_END_SIZE);
    if (line->is_full || size > sizeof line->text - LINE_END_SIZE - line->size) {
        line->is_full = true;
        return;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void line_put_text(struct line *line, const char *text)
{
    line_put(line, text, strlen(text));
}

/* A byte that needs no quotes in the key=value form. */
static bool is_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("_-./:@+", byte) != NULL;
}

static bool needs_quotes(const struct line *line, struct bytes value)
{
    assert(!bytes_are_null(value));
    if (line->format == LOG_FORMAT_JSON || value.size == 0)
        return true;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] == 0 || !is_plain(value.data[i]))
            return true;
    /* Or it would read as the absence of a value. */
    return bytes_equal_text(value, "null");
}

/* Control characters of both blocks, and those that turn the direction of writing: with them a
 * client's string could rewrite what a terminal shows. */
static bool is_unsafe(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||
           (code_point >= 0x200e && code_point <= 0x200f) ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xfeff;
}

/* One character of a quoted value, which begins `rest`; answers how many bytes it took. */
static size_t line_put_character(struct line *line, struct bytes rest)
{
    assert(rest.size > 0);
    char escape[8];
    uint32_t code_point;
    size_t size = text_utf8_character(rest, &code_point);
    if (size == 0) {
        bool is_json = line->format == LOG_FORMAT_JSON;
        snprintf(escape, sizeof escape, is_json ? "\\ufffd" : "\\x%02x", rest.data[0]);
        line_put_text(line, escape);
        return 1;
    }
    if (code_point == '"' || code_point == '\\') {
        line_put(line, "\\", 1);
        line_put(line, rest.data, 1);
    } else if (code_point == '\n') {
        line_put_text(line, "\\n");
    } else if (is_unsafe(code_point)) {
        snprintf(escape, sizeof escape, "\\u%04x", code_point & 0xffff);
        line_put_text(line, escape);
    } else {
        line_put(line, rest.data, size);
    }
    return size;
}

static void line_put_value(struct line *line, struct bytes value)
{
    if (bytes_are_null(value)) {
        line_put_text(line, "null");
        return;
    }
    bool is_cut = value.size > LOG_VALUE_SIZE_MAX;
    if (is_cut)
        value.size = LOG_VALUE_SIZE_MAX;
    if (!is_cut && !needs_quotes(line, value)) {
        line_put(line, value.data, value.size);
        return;
    }
    line_put_text(line, "\"");
    size_t position = 0;
    while (position < value.size)
        position +=
            line_put_character(line, bytes_of(value.data + position, value.size - position));
    assert(position == value.size);
    line_put_text(line, is_cut ? "...\"" : "\"");
}

static void line_put_number(struct line *line, const struct log_field *field)
{
    char text[24];
    assert(field->kind == LOG_FIELD_I64 || field->kind == LOG_FIELD_U64);
    if (field->kind == LOG_FIELD_I64)
        snprintf(text, sizeof text, "%lld", (long long)field->i64);
    else
        snprintf(text, sizeof text, "%llu", (unsigned long long)field->u64);
    line_put_text(line, text);
}

static void line_put_field_value(struct line *line, const struct log_field *field)
{
    char uuid[UUID_TEXT_SIZE];
    switch (field->kind) {
    case LOG_FIELD_TEXT: line_put_value(line, field->text); return;
    case LOG_FIELD_I64:
    case LOG_FIELD_U64: line_put_number(line, field); return;
    case LOG_FIELD_BOOL: line_put_text(line, field->boolean ? "true" : "false"); return;
    case LOG_FIELD_UUID:
        uuid_format(field->uuid, uuid);
        line_put_value(line, bytes_of_text(uuid));
        return;
    case LOG_FIELD_END: break;
    }
    unreachable();
}

/* The whole field or, if it does not fit, nothing of it. */
static void line_put_field(struct line *line, const struct log_field *field)
{
    assert(field->name != NULL);
    size_t size_before = line->size;
    assert(field->kind != LOG_FIELD_END);
    bool is_first = line->size == 0;
    if (line->format == LOG_FORMAT_JSON) {
        line_put_text(line, is_first ? "{\"" : ",\"");
        line_put_text(line, field->name);
        line_put_text(line, "\":");
    } else {
        line_put_text(line, is_first ? "" : " ");
        line_put_text(line, field->name);
        line_put_text(line, "=");
    }
    line_put_field_value(line, field);
    if (line->is_full)
        line->size = size_before;
}

/* The room was kept free by line_put. */
static void line_end(struct line *line)
{
    assert(line->size <= sizeof line->text - LINE_END_SIZE);
    bool is_json = line->format == LOG_FORMAT_JSON;
    const char *cut = is_json ? ",\"cut\":true" : " cut=true";
    int size = snprintf(line->text + line->size, LINE_END_SIZE, "%s%s\n", line->is_full ? cut : "",
                        is_json ? "}" : "");
    assert(size > 0 && size < LINE_END_SIZE);
    line->size += (size_t)size;
}

void log_line(const struct logger *logger, enum log_level level, const char *message,
              const struct log_field *fields)
{
    assert(logger->sink->now_ms != NULL);
    assert(fields != NULL);
    assert(logger->sink != NULL);
    assert(logger->sink->write != NULL);
    assert(level >= LOG_DEBUG && level <= LOG_ERROR);
    assert(message != NULL);
    struct line line;
    line.format = logger->format;
    line.is_full = false;
    line.size = 0;

    char time[TEXT_FORMAT_SIZE];
    text_format_time_ms(logger->sink->now_ms(logger->sink), time);
    struct log_field head[] = {field_text("ts", time), field_text("level", level_names[level]),
                               field_i64("core", logger->core), field_text("msg", message)};
    line_put_field(&line, &head[0]);
    line_put_field(&line, &head[1]);
    if (logger->core >= 0)
        line_put_field(&line, &head[2]);
    line_put_field(&line, &head[3]);
    for (; fields->kind != LOG_FIELD_END; fields++)
        line_put_field(&line, fields);
    line_end(&line);
    logger->sink->write(logger->sink, bytes_of(line.text, line.size));
}

enum status log_level_parse(struct bytes text, enum log_level *level)
{
    assert(level != NULL);
    for (enum log_level i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (text_equal_ignoring_case(text, level_names[i])) {
            *level = i;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}
