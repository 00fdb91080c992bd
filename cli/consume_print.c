#include "cli/consume_print.h"

#include "base/assert.h"
#include "cli/kafka.h"

#include <string.h>

bool consume_print_parse(struct consume_print *print, struct tool *tool)
{
    const char *format = options_text(&tool->options, "output-format");
    print->is_pretty = options_has(&tool->options, "pretty-print");
    print->is_meta_only = options_has(&tool->options, "meta-only");
    print->is_json = tool->format == FORMAT_JSON || print->is_pretty || print->is_meta_only ||
                     (format != NULL && strcmp(format, "json") == 0);
    if (print->is_json)
        return true;
    if (record_format_parse(&print->format, format != NULL ? format : "%v\n", &tool->arena))
        return true;
    tool_usage_error(tool, "-f: %s", print->format.problem);
    return false;
}

static void read_headers(struct consume_print *print, const rd_kafka_message_t *message,
                         struct record *record)
{
    assert(record->header_count == 0);
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const char *name;
    const void *value;
    size_t size;
    while (record->header_count < HEADERS_SHOWN_MAX &&
           rd_kafka_header_get_all(headers, record->header_count, &name, &value, &size) ==
               RD_KAFKA_RESP_ERR_NO_ERROR)
        print->headers[record->header_count++] =
            (struct record_header){bytes_of_text(name), bytes_of(value, size)};
    record->headers = print->headers;
}

static json_t *json_of(const struct consume_print *print, const struct record *record)
{
    json_t *object = json_object();
    json_object_set_new(object, "topic", tool_json_bytes(record->topic));
    if (!print->is_meta_only) {
        json_object_set_new(object, "key", tool_json_bytes(record->key));
        json_object_set_new(object, "value", tool_json_bytes(record->value));
    }
    json_t *headers = json_array();
    for (uint32_t i = 0; i < record->header_count; i++)
        json_array_append_new(headers, json_pack("{s:o, s:o}", "key",
                                                 tool_json_bytes(record->headers[i].key), "value",
                                                 tool_json_bytes(record->headers[i].value)));
    json_object_set_new(object, "headers", headers);
    json_object_set_new(object, "timestamp", json_integer(record->time_ms));
    json_object_set_new(object, "partition", json_integer(record->partition));
    json_object_set_new(object, "offset", json_integer(record->offset));
    return object;
}

/* Written without locking stdout for every byte; there is one thread that prints. */
void consume_print_record(struct consume_print *print, const rd_kafka_message_t *message)
{
    assert(message->err == RD_KAFKA_RESP_ERR_NO_ERROR);
    struct record record = kafka_record(message, (int64_t)print->progress.record_count + 1);
    read_headers(print, message, &record);
    if (print->is_json) {
        json_t *object = json_of(print, &record);
        json_dumpf(object, stdout, print->is_pretty ? JSON_INDENT(2) : JSON_COMPACT);
        putc_unlocked('\n', stdout);
        json_decref(object);
    } else {
        record_format_print(&print->format, &record, stdout);
    }
    progress_add(&print->progress, 1, message->len + message->key_len);
}
