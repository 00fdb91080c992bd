/* cluster logdirs: what lies in the data directories of each broker, and how much room there is. */
#include "base/assert.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_log_dirs.h"

#include <stdlib.h>

struct logdirs {
    struct tool *tool;
    bool has_partitions; /* one row for each instead of one for each directory */
    struct table table;
    json_t *list;
    enum exit_code code;
};

static int compare_partitions(const void *left, const void *right)
{
    int32_t a = ((const struct describe_log_dirs_response_partition *)left)->partition_index;
    int32_t b = ((const struct describe_log_dirs_response_partition *)right)->partition_index;
    return (a > b) - (a < b);
}

static int compare_topics(const void *left, const void *right)
{
    return bytes_compare(((const struct describe_log_dirs_response_topic *)left)->name,
                         ((const struct describe_log_dirs_response_topic *)right)->name);
}

/* The topics named as arguments; all without any. */
static bool is_asked_for(const struct tool *tool, struct bytes topic)
{
    for (uint32_t i = 0; i < tool->options.argument_count; i++)
        if (bytes_equal_text(topic, tool->options.arguments[i]))
            return true;
    return tool->options.argument_count == 0;
}

struct total {
    int64_t partition_count;
    int64_t size_bytes;
};

static struct total total_of(const struct tool *tool,
                             const struct describe_log_dirs_response_result *dir)
{
    struct total total = {0};
    for (uint32_t t = 0; t < dir->topics_count; t++) {
        const struct describe_log_dirs_response_topic *topic = &dir->topics[t];
        for (uint32_t p = 0; p < topic->partitions_count && is_asked_for(tool, topic->name); p++) {
            total.partition_count++;
            total.size_bytes += topic->partitions[p].partition_size;
        }
    }
    return total;
}

/* -1: the broker does not know, or is too old to say. */
static void add_bytes(struct table *table, int64_t bytes)
{
    if (bytes >= 0)
        table_number(table, bytes);
    else
        table_text(table, "-");
}

static void add_dir_row(struct logdirs *logdirs, int32_t broker,
                        const struct describe_log_dirs_response_result *dir)
{
    struct total total = total_of(logdirs->tool, dir);
    struct table *table = &logdirs->table;
    table_number(table, broker);
    table_text(table, tool_text(logdirs->tool, dir->log_dir));
    table_number(table, total.partition_count);
    table_number(table, total.size_bytes);
    add_bytes(table, dir->total_bytes);
    add_bytes(table, dir->usable_bytes);
    table_text(table, dir->error_code == KAFKA_NONE ? "OK" : kafka_error_name(dir->error_code));
}

static void add_partition_rows(struct logdirs *logdirs, int32_t broker,
                               const struct describe_log_dirs_response_result *dir)
{
    struct table *table = &logdirs->table;
    for (uint32_t t = 0; t < dir->topics_count; t++) {
        const struct describe_log_dirs_response_topic *topic = &dir->topics[t];
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            if (!is_asked_for(logdirs->tool, topic->name))
                continue;
            table_number(table, broker);
            table_text(table, tool_text(logdirs->tool, dir->log_dir));
            table_text(table, tool_text(logdirs->tool, topic->name));
            table_number(table, topic->partitions[p].partition_index);
            table_number(table, topic->partitions[p].partition_size);
            table_number(table, topic->partitions[p].offset_lag);
        }
    }
}

static json_t *json_of(const struct tool *tool, int32_t broker,
                       const struct describe_log_dirs_response_result *dir)
{
    json_t *partitions = json_array();
    for (uint32_t t = 0; t < dir->topics_count; t++) {
        const struct describe_log_dirs_response_topic *topic = &dir->topics[t];
        for (uint32_t p = 0; p < topic->partitions_count && is_asked_for(tool, topic->name); p++)
            json_array_append_new(
                partitions, json_pack("{s:o, s:i, s:I, s:I}", "topic", tool_json_bytes(topic->name),
                                      "partition", (int)topic->partitions[p].partition_index,
                                      "size", (json_int_t)topic->partitions[p].partition_size,
                                      "offset_lag", (json_int_t)topic->partitions[p].offset_lag));
    }
    bool is_error = dir->error_code != KAFKA_NONE;
    return json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o}", "broker", (int)broker, "directory",
        tool_json_bytes(dir->log_dir), "error",
        is_error ? json_string(kafka_error_name(dir->error_code)) : json_null(), "total_bytes",
        dir->total_bytes >= 0 ? json_integer(dir->total_bytes) : json_null(), "usable_bytes",
        dir->usable_bytes >= 0 ? json_integer(dir->usable_bytes) : json_null(), "partitions",
        partitions);
}

static void take_directory(struct logdirs *logdirs, int32_t broker,
                           struct describe_log_dirs_response_result *dir)
{
    if (dir->topics_count > 0)
        qsort(dir->topics, dir->topics_count, sizeof dir->topics[0], compare_topics);
    for (uint32_t t = 0; t < dir->topics_count; t++)
        if (dir->topics[t].partitions_count > 0)
            qsort(dir->topics[t].partitions, dir->topics[t].partitions_count,
                  sizeof dir->topics[t].partitions[0], compare_partitions);
    if (dir->error_code != KAFKA_NONE)
        logdirs->code = EXIT_CODE_FAILED;
    json_array_append_new(logdirs->list, json_of(logdirs->tool, broker, dir));
    if (logdirs->has_partitions)
        add_partition_rows(logdirs, broker, dir);
    else
        add_dir_row(logdirs, broker, dir);
}

static bool ask_broker(struct logdirs *logdirs, const struct metadata_response_broker *broker)
{
    struct tool *tool = logdirs->tool;
    struct connection connection;
    struct call call;
    struct describe_log_dirs_request request;
    struct describe_log_dirs_response response;
    describe_log_dirs_request_init(&request);
    describe_log_dirs_response_init(&response);
    request.topics = NULL; /* all */
    if (!client_connect_to(&connection, tool, tool_text(tool, broker->host), broker->port))
        return false;
    bool ok = call_begin(&call, &connection, API_DESCRIBE_LOG_DIRS);
    if (ok) {
        describe_log_dirs_request_encode(&call.writer, call.version, &request);
        ok = call_finish(&call) &&
             call_decoded(&call, describe_log_dirs_response_decode(&call.reader, call.version,
                                                                   &tool->arena, &response));
    }
    client_close(&connection);
    if (ok && response.error_code != KAFKA_NONE)
        logdirs->code = tool_error(tool, "broker %d: %s", (int)broker->node_id,
                                   kafka_error_text(response.error_code));
    for (uint32_t i = 0; ok && i < response.results_count; i++)
        take_directory(logdirs, broker->node_id, &response.results[i]);
    return ok;
}

static enum exit_code ask_all(struct logdirs *logdirs, struct connection *connection)
{
    struct tool *tool = logdirs->tool;
    const struct metadata_response *metadata;
    const struct metadata_response_topic **topics;
    uint32_t count;
    if (!topics_chosen(connection, false, &metadata, &topics, &count))
        return EXIT_CODE_FAILED;
    for (uint32_t i = 0; i < metadata->brokers_count; i++)
        if (!ask_broker(logdirs, &metadata->brokers[i]))
            logdirs->code = EXIT_CODE_FAILED;
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, json_incref(logdirs->list));
        return logdirs->code;
    }
    return table_print(&logdirs->table) ? logdirs->code : tool_error(tool, "out of memory");
}

static enum exit_code run_cluster_logdirs(struct tool *tool)
{
    struct connection connection;
    struct logdirs logdirs = {.tool = tool, .list = json_array(), .code = EXIT_CODE_OK};
    logdirs.has_partitions = options_has(&tool->options, "partitions");
    table_init(&logdirs.table, &tool->arena,
               logdirs.has_partitions ? "BROKER DIR TOPIC PARTITION SIZE OFFSET-LAG"
                                      : "BROKER DIR PARTITIONS SIZE TOTAL USABLE STATUS");
    enum exit_code code = EXIT_CODE_FAILED;
    if (client_connect(&connection, tool)) {
        code = ask_all(&logdirs, &connection);
        client_close(&connection);
    }
    json_decref(logdirs.list);
    return code;
}

static const struct option_row rows[] = {
    {'p', "partitions", NULL, "each partition with its size"},
};

const struct command command_cluster_logdirs = {
    .name = "cluster logdirs",
    .arguments = "[TOPIC...]",
    .argument_count_min = 0,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "show the data directories of the brokers",
    .description =
        "Prints for each data directory of each broker how many partitions lie there, how\n"
        "large they are together, and the size and free space of its volume, in bytes; of\n"
        "certain topics only if some are named. A directory that has failed is shown by\n"
        "its status, and the exit status is 1 then.\n",
    .example = "tailrace cluster logdirs\ntailrace cluster logdirs orders -p\n",
    .json_shape =
        "[{\"broker\": number, \"directory\": string, \"error\": string or null,\n"
        "  \"total_bytes\": number or null, \"usable_bytes\": number or null,\n"
        "  \"partitions\": [{\"topic\": string, \"partition\": number, \"size\": number,\n"
        "    \"offset_lag\": number}, ...]}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_cluster_logdirs,
};
