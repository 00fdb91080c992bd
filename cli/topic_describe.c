/* topic describe: up to three sections for each topic: what it is, where its partitions are and how
 * far they go, and its settings with where they come from. */
#include "base/assert.h"
#include "cli/table.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_configs.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESOURCE_TOPIC = 2 };

struct description {
    struct tool *tool;
    const struct metadata_response *metadata;
    const struct metadata_response_topic *topic;
    const struct partition_offset *starts; /* NULL: partitions are not shown */
    const struct partition_offset *ends;
    const struct describe_configs_response_result *configs; /* NULL: not needed */
    bool has_configs;
    bool has_summary;
};

static const char *source_name(int8_t source)
{
    static const char *const names[] = {"UNKNOWN",         "TOPIC",          "DYNAMIC_BROKER",
                                        "DYNAMIC_DEFAULT", "STATIC_BROKER",  "DEFAULT",
                                        "BROKER_LOGGER",   "CLIENT_METRICS", "GROUP"};
    size_t count = sizeof names / sizeof names[0];
    return source >= 0 && (size_t)source < count ? names[source] : names[0];
}

static int compare_configs(const void *left, const void *right)
{
    struct bytes a = ((const struct describe_configs_response_config *)left)->name;
    struct bytes b = ((const struct describe_configs_response_config *)right)->name;
    return bytes_compare(a, b);
}

static const struct describe_configs_response_result *ask_configs(struct connection *connection,
                                                                  struct bytes name)
{
    struct tool *tool = connection->tool;
    struct call call;
    struct describe_configs_request request;
    struct describe_configs_request_resource resource = {.resource_type = RESOURCE_TOPIC,
                                                         .resource_name = name};
    struct describe_configs_response response;
    describe_configs_request_init(&request);
    describe_configs_response_init(&response);
    request.resources = &resource;
    request.resources_count = 1;
    if (!call_begin(&call, connection, API_DESCRIBE_CONFIGS))
        return NULL;
    describe_configs_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, describe_configs_response_decode(&call.reader, call.version,
                                                              &tool->arena, &response)))
        return NULL;
    if (response.results_count != 1 || response.results[0].error_code != KAFKA_NONE) {
        tool_error(tool, "the settings of topic %s: %s", tool_text(tool, name),
                   response.results_count == 1 ? kafka_error_text(response.results[0].error_code)
                                               : "no answer");
        return NULL;
    }
    struct describe_configs_response_result *result = response.results;
    if (result->configs_count > 0)
        qsort(result->configs, result->configs_count, sizeof result->configs[0], compare_configs);
    return result;
}

/* What an acknowledgement of this topic means: that the records are on disk, or, once
 * flush.messages or flush.ms says how much may be lost, that they soon will be. One record, or no
 * time, leaves nothing to lose. */
static bool is_loose(const struct description *description)
{
    static const char unlimited[] = "9223372036854775807";
    bool is_limited = false;
    assert(description->configs != NULL);
    for (uint32_t i = 0; i < description->configs->configs_count; i++) {
        const struct describe_configs_response_config *config = &description->configs->configs[i];
        bool is_messages = bytes_equal_text(config->name, "flush.messages");
        if (!is_messages && !bytes_equal_text(config->name, "flush.ms"))
            continue;
        if (bytes_equal_text(config->value, is_messages ? "1" : "0"))
            return false;
        is_limited = is_limited || !bytes_equal_text(config->value, unlimited);
    }
    return is_limited;
}

static const char *durability_name(const struct description *description)
{
    return is_loose(description) ? "loose" : "durable";
}

static void print_summary(const struct description *description)
{
    const struct metadata_response_topic *topic = description->topic;
    char id[UUID_TEXT_SIZE];
    uuid_format(topic->topic_id, id);
    printf("SUMMARY\nname        %s\nid          %s\ninternal    %s\npartitions  %u\n"
           "replicas    %u\ndurability  %s\n",
           tool_text(description->tool, topic->name), id, topic->is_internal ? "true" : "false",
           topic->partitions_count, topics_replica_count(topic), durability_name(description));
}

static void print_partitions(const struct description *description)
{
    assert(description->starts != NULL);
    assert(description->ends != NULL);
    struct tool *tool = description->tool;
    struct table table;
    puts("PARTITIONS");
    table_init(&table, &tool->arena,
               "PARTITION LEADER EPOCH REPLICAS ISR LOG-START HIGH-WATERMARK");
    for (uint32_t i = 0; i < description->topic->partitions_count; i++) {
        const struct metadata_response_partition *p = &description->topic->partitions[i];
        table_number(&table, p->partition_index);
        table_number(&table, p->leader_id);
        table_number(&table, p->leader_epoch);
        table_text(&table, topics_nodes(tool, p->replica_nodes, p->replica_nodes_count));
        table_text(&table, topics_nodes(tool, p->isr_nodes, p->isr_nodes_count));
        table_number(&table, description->starts[i].offset);
        table_number(&table, description->ends[i].offset);
    }
    table_print(&table);
}

static void print_configs(const struct description *description)
{
    assert(description->configs != NULL);
    struct tool *tool = description->tool;
    struct table table;
    puts("CONFIGS");
    table_init(&table, &tool->arena, "KEY VALUE SOURCE");
    for (uint32_t i = 0; i < description->configs->configs_count; i++) {
        const struct describe_configs_response_config *config = &description->configs->configs[i];
        table_text(&table, tool_text(tool, config->name));
        table_text(&table, config->is_sensitive ? "(hidden)" : tool_text(tool, config->value));
        table_text(&table, source_name(config->config_source));
    }
    table_print(&table);
}

static void print_text(const struct description *description)
{
    uint32_t section_count = 0;
    if (description->has_summary) {
        tool_begin_part(&section_count);
        print_summary(description);
    }
    if (description->starts != NULL) {
        tool_begin_part(&section_count);
        print_partitions(description);
    }
    if (description->has_configs) {
        tool_begin_part(&section_count);
        print_configs(description);
    }
}

static json_t *json_partitions(const struct description *description)
{
    assert(description->starts != NULL);
    assert(description->ends != NULL);
    json_t *list = json_array();
    for (uint32_t i = 0; i < description->topic->partitions_count; i++) {
        const struct metadata_response_partition *p = &description->topic->partitions[i];
        json_array_append_new(list,
                              json_pack("{s:i, s:i, s:i, s:o, s:o, s:I, s:I}", "partition",
                                        (int)p->partition_index, "leader", (int)p->leader_id,
                                        "epoch", (int)p->leader_epoch, "replicas",
                                        topics_nodes_json(p->replica_nodes, p->replica_nodes_count),
                                        "isr", topics_nodes_json(p->isr_nodes, p->isr_nodes_count),
                                        "log_start", (json_int_t)description->starts[i].offset,
                                        "high_watermark", (json_int_t)description->ends[i].offset));
    }
    return list;
}

static json_t *json_configs(const struct description *description)
{
    assert(description->configs != NULL);
    json_t *list = json_array();
    for (uint32_t i = 0; i < description->configs->configs_count; i++) {
        const struct describe_configs_response_config *config = &description->configs->configs[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:s}", "key", tool_json_bytes(config->name),
                                        "value", tool_json_bytes(config->value), "source",
                                        source_name(config->config_source)));
    }
    return list;
}

static json_t *json_of(const struct description *description)
{
    const struct metadata_response_topic *topic = description->topic;
    char id[UUID_TEXT_SIZE];
    uuid_format(topic->topic_id, id);
    json_t *object =
        json_pack("{s:o, s:s, s:b, s:i, s:i}", "name", tool_json_bytes(topic->name), "id", id,
                  "internal", (int)topic->is_internal, "partition_count",
                  (int)topic->partitions_count, "replicas", (int)topics_replica_count(topic));
    if (description->starts != NULL)
        json_object_set_new(object, "partitions", json_partitions(description));
    if (description->configs != NULL)
        json_object_set_new(object, "durability", json_string(durability_name(description)));
    if (description->has_configs)
        json_object_set_new(object, "configs", json_configs(description));
    return object;
}

/* Which sections the flags ask for; the summary and the settings if they ask for none. */
static bool gather(struct description *description, struct connection *connection)
{
    assert(description->topic != NULL);
    const struct options *options = &description->tool->options;
    bool is_all = options_has(options, "all");
    bool has_partitions = is_all || options_has(options, "partitions");
    bool has_summary = is_all || options_has(options, "summary");
    description->has_configs = is_all || options_has(options, "configs");
    bool is_default = !has_partitions && !description->has_configs && !has_summary;
    description->has_summary = has_summary || is_default;
    description->has_configs = description->has_configs || is_default;
    if (description->has_summary || description->has_configs) {
        description->configs = ask_configs(connection, description->topic->name);
        if (description->configs == NULL)
            return false;
    }
    if (!has_partitions)
        return true;
    description->starts =
        offsets_query(connection, description->metadata, description->topic, OFFSETS_EARLIEST);
    description->ends =
        offsets_query(connection, description->metadata, description->topic, OFFSETS_LATEST);
    return description->starts != NULL && description->ends != NULL;
}

static enum exit_code describe(struct connection *connection,
                               const struct metadata_response *metadata,
                               const struct metadata_response_topic **topics, uint32_t count)
{
    assert(topics != NULL);
    struct tool *tool = connection->tool;
    enum exit_code code = EXIT_CODE_OK;
    uint32_t shown_count = 0;
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        struct description description = {.tool = tool, .metadata = metadata, .topic = topics[i]};
        if (topics[i]->error_code != KAFKA_NONE) {
            code = tool_error(tool, "topic %s: %s", tool_text(tool, topics[i]->name),
                              kafka_error_text(topics[i]->error_code));
            continue;
        }
        if (!gather(&description, connection)) {
            code = EXIT_CODE_FAILED;
            continue;
        }
        if (tool->format == FORMAT_JSON) {
            json_array_append_new(list, json_of(&description));
            continue;
        }
        tool_begin_part(&shown_count);
        print_text(&description);
    }
    if (tool->format == FORMAT_JSON)
        tool_print_json(tool, json_incref(list));
    json_decref(list);
    return code;
}

static enum exit_code run_topic_describe(struct tool *tool)
{
    struct connection connection;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    const struct metadata_response *metadata;
    const struct metadata_response_topic **topics;
    uint32_t count;
    enum exit_code code = EXIT_CODE_FAILED;
    bool is_regex = options_has(&tool->options, "regex");
    if (topics_chosen(&connection, is_regex, &metadata, &topics, &count))
        code = describe(&connection, metadata, topics, count);
    client_close(&connection);
    return code;
}

static const struct option_row rows[] = {
    {'s', "summary", NULL, "only what the topic is"},
    {'p', "partitions", NULL, "its partitions: leader, replicas, first and last offset"},
    {'c', "configs", NULL, "its settings, and where they come from"},
    {'a', "all", NULL, "all three (default: summary and settings)"},
    {'r', "regex", NULL, "NAME is a regular expression for whole names"},
};

const struct command command_topic_describe = {
    .name = "topic describe",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "show all about topics",
    .description =
        "Prints a topic's summary, partitions and settings. A topic is durable when what is\n"
        "acknowledged is on disk, and loose when flush.messages or flush.ms allow it to be "
        "later.\n",
    .example = "tailrace topic describe orders -a\n",
    .json_shape =
        "[{\"name\": string, \"id\": string, \"internal\": boolean, \"partition_count\": number,\n"
        "  \"replicas\": number,\n"
        "  without -p alone: \"durability\": \"durable\" or \"loose\",\n"
        "  with -p: \"partitions\": [{\"partition\": number, \"leader\": number, \"epoch\": "
        "number,\n"
        "    \"replicas\": [number, ...], \"isr\": [number, ...], \"log_start\": number,\n"
        "    \"high_watermark\": number}, ...],\n"
        "  with -c: \"configs\": [{\"key\": string, \"value\": string or null, \"source\": "
        "string}, "
        "...]}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_describe,
};
