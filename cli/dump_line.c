#include "cli/dump_line.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:,/+-";
    return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

static bool is_time(const char *name, const json_t *value)
{
    static const char ending[] = "timestamp";
    size_t size = strlen(name);
    size_t ending_size = sizeof ending - 1;
    return size >= ending_size && strcmp(name + size - ending_size, ending) == 0 &&
           json_is_integer(value) && json_integer_value(value) >= 0;
}

static void print_value(const char *name, json_t *value)
{
    char time[TEXT_FORMAT_SIZE];
    if (is_time(name, value)) {
        text_format_time_ms(json_integer_value(value), time);
        fputs(time, stdout);
    } else if (json_is_string(value) && is_plain(json_string_value(value))) {
        fputs(json_string_value(value), stdout);
    } else {
        json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    }
}

static void print_text(uint32_t depth, const char *type, json_t *fields)
{
    const char *name;
    json_t *value;
    printf("%*s%s", (int)depth * 2, "", type);
    json_object_foreach(fields, name, value)
    {
        bool is_empty = json_is_array(value) && json_array_size(value) == 0;
        if (json_is_null(value) || is_empty)
            continue;
        printf(" %s=", name);
        print_value(name, value);
    }
    putchar('\n');
}

void dump_line(const struct tool *tool, uint32_t depth, const char *type, json_t *fields)
{
    assert(type != NULL);
    assert(json_is_object(fields));
    if (tool->format != FORMAT_JSON) {
        print_text(depth, type, fields);
        json_decref(fields);
        return;
    }
    json_t *line = json_pack("{s:s}", "type", type);
    json_object_update(line, fields);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
    json_decref(fields);
}
