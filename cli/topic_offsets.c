/* topic offsets: where partitions begin or end, or where they were at a time. Only the leader of a
 * partition knows, so each leader is asked for what it leads. */
#include "base/assert.h"
#include "base/text.h"
#include "cli/table.h"
#include "cli/time_text.h"
#include "cli/topics.h"
#include "protocol/errors.h"

static bool parse_time(const struct tool *tool, int64_t *time_ms)
{
    assert(time_ms != NULL);
    const char *text = options_text(&tool->options, "time");
    struct bytes bytes = bytes_of_text(text != NULL ? text : "latest");
    if (bytes_equal_text(bytes, "latest"))
        *time_ms = OFFSETS_LATEST;
    else if (bytes_equal_text(bytes, "earliest"))
        *time_ms = OFFSETS_EARLIEST;
    else if (bytes_equal_text(bytes, "max-timestamp"))
        *time_ms = OFFSETS_MAX_TIMESTAMP;
    else if (!time_text_parse(bytes, time_now_ms(), time_ms)) {
        tool_usage_error(tool, "--time takes latest, earliest, max-timestamp or a time, not '%s'",
                         text);
        return false;
    }
    return true;
}

struct listing {
    struct tool *tool;
    struct table table;
    json_t *list;
    int32_t *partitions;
    uint32_t partition_count;
    bool has_failed;
};

static void add_row(struct listing *listing, struct bytes topic, int32_t partition,
                    const struct partition_offset *offset)
{
    assert(offset != NULL);
    struct table *table = &listing->table;
    bool is_error = offset->error_code != KAFKA_NONE;
    listing->has_failed = listing->has_failed || is_error;
    table_text(table, tool_text(listing->tool, topic));
    table_number(table, partition);
    if (is_error)
        table_text(table, kafka_error_name(offset->error_code));
    else if (offset->offset < 0)
        table_text(table, "-"); /* no record is that young */
    else
        table_number(table, offset->offset);
    char time[TEXT_FORMAT_SIZE] = "-";
    if (offset->time_ms >= 0)
        text_format_time_ms(offset->time_ms, time);
    table_text(table, time);
    json_array_append_new(
        listing->list,
        json_pack("{s:o, s:i, s:o, s:o, s:o}", "topic", tool_json_bytes(topic), "partition",
                  (int)partition, "offset",
                  offset->offset >= 0 ? json_integer(offset->offset) : json_null(), "timestamp",
                  offset->time_ms >= 0 ? json_integer(offset->time_ms) : json_null(), "error",
                  is_error ? json_string(kafka_error_name(offset->error_code)) : json_null()));
}

static bool add_topic(struct listing *listing, struct connection *connection,
                      const struct metadata_response *metadata,
                      const struct metadata_response_topic *topic, int64_t time_ms)
{
    if (topic->error_code != KAFKA_NONE) {
        tool_error(listing->tool, "topic %s: %s", tool_text(listing->tool, topic->name),
                   kafka_error_text(topic->error_code));
        listing->has_failed = true;
        return true;
    }
    const struct partition_offset *offsets = offsets_query(connection, metadata, topic, time_ms);
    if (offsets == NULL)
        return false;
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        if (tool_wants_partition(listing->partitions, listing->partition_count,
                                 topic->partitions[i].partition_index))
            add_row(listing, topic->name, topic->partitions[i].partition_index, &offsets[i]);
    return true;
}

static enum exit_code finish(struct listing *listing)
{
    struct tool *tool = listing->tool;
    enum exit_code code = listing->has_failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, listing->list);
        return code;
    }
    json_decref(listing->list);
    return table_print(&listing->table) ? code : tool_error(tool, "out of memory");
}

static enum exit_code run_topic_offsets(struct tool *tool)
{
    struct listing listing = {.tool = tool};
    int64_t time_ms;
    if (!parse_time(tool, &time_ms) ||
        !tool_partitions(tool, "partitions", &listing.partitions, &listing.partition_count))
        return EXIT_CODE_USAGE;
    struct connection connection;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    table_init(&listing.table, &tool->arena, "TOPIC PARTITION OFFSET TIMESTAMP");
    listing.list = json_array();
    const struct metadata_response *metadata;
    const struct metadata_response_topic **topics;
    uint32_t count;
    bool ok = topics_chosen(&connection, options_has(&tool->options, "regex"), &metadata, &topics,
                            &count);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = add_topic(&listing, &connection, metadata, topics[i], time_ms);
    client_close(&connection);
    return ok ? finish(&listing) : EXIT_CODE_FAILED;
}

static const struct option_row rows[] = {
    {'t', "time", "TIME", "latest, earliest, max-timestamp, or a time as in consume (latest)"},
    {'p', "partitions", "LIST", "only these, such as 0,2,5-7"},
    {'r', "regex", NULL, "NAME is a regular expression for whole names"},
};

const struct command command_topic_offsets = {
    .name = "topic offsets",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "show the offsets of partitions at a time",
    .description =
        "Prints for each partition where it ends (latest), where it starts (earliest), the\n"
        "offset of its youngest record (max-timestamp), or the first offset at or after a time;\n"
        "'-' if there is none.\n",
    .example = "tailrace topic offsets orders\n"
               "tailrace topic offsets orders --time 2026-11-22T06:40:00Z\n",
    .json_shape = "[{\"topic\": string, \"partition\": number, \"offset\": number or null,\n"
                  "  \"timestamp\": number or null, \"error\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_offsets,
};
