/* topic list: one line for each topic, or with -d for each partition. A name that was asked for and
 * is not there is an error, but the others are still shown. */
#include "base/assert.h"
#include "cli/table.h"
#include "cli/topics.h"
#include "protocol/errors.h"

#include <stdio.h>

static json_t *json_of(const struct metadata_response_topic *topic, bool is_detailed)
{
    json_t *object =
        json_pack("{s:o, s:b, s:i, s:i}", "name", tool_json_bytes(topic->name), "internal",
                  (int)topic->is_internal, "partitions", (int)topic->partitions_count, "replicas",
                  (int)topics_replica_count(topic));
    json_t *details = json_array();
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct metadata_response_partition *p = &topic->partitions[i];
        json_array_append_new(
            details,
            json_pack("{s:i, s:i, s:i, s:o, s:o}", "partition", (int)p->partition_index, "leader",
                      (int)p->leader_id, "epoch", (int)p->leader_epoch, "replicas",
                      topics_nodes_json(p->replica_nodes, p->replica_nodes_count), "isr",
                      topics_nodes_json(p->isr_nodes, p->isr_nodes_count)));
    }
    if (is_detailed)
        json_object_set(object, "details", details);
    json_decref(details);
    return object;
}

static void add_detail_rows(struct tool *tool, struct table *table,
                            const struct metadata_response_topic *topic)
{
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct metadata_response_partition *p = &topic->partitions[i];
        table_text(table, tool_text(tool, topic->name));
        table_number(table, p->partition_index);
        table_number(table, p->leader_id);
        table_number(table, p->leader_epoch);
        table_text(table, topics_nodes(tool, p->replica_nodes, p->replica_nodes_count));
        table_text(table, topics_nodes(tool, p->isr_nodes, p->isr_nodes_count));
    }
}

static enum exit_code show(struct tool *tool, const struct metadata_response_topic **topics,
                           uint32_t count)
{
    assert(topics != NULL);
    bool is_detailed = options_has(&tool->options, "detailed");
    bool has_internal = options_has(&tool->options, "internal");
    struct table table;
    json_t *list = json_array();
    table_init(&table, &tool->arena,
               is_detailed ? "NAME PARTITION LEADER EPOCH REPLICAS ISR"
                           : "NAME PARTITIONS REPLICAS");
    for (uint32_t i = 0; i < count; i++) {
        if (topics[i]->is_internal && !has_internal)
            continue;
        json_array_append_new(list, json_of(topics[i], is_detailed));
        if (is_detailed) {
            add_detail_rows(tool, &table, topics[i]);
            continue;
        }
        table_text(&table, tool_text(tool, topics[i]->name));
        table_number(&table, topics[i]->partitions_count);
        table_number(&table, topics_replica_count(topics[i]));
    }
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, list);
        return EXIT_CODE_OK;
    }
    json_decref(list);
    return table_print(&table) ? EXIT_CODE_OK : tool_error(tool, "out of memory");
}

/* Names that were asked for and are not there. */
static enum exit_code report_missing(struct tool *tool,
                                     const struct metadata_response_topic **topics, uint32_t *count)
{
    assert(count != NULL);
    enum exit_code code = EXIT_CODE_OK;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (topics[i]->error_code == KAFKA_NONE)
            topics[kept++] = topics[i];
        else
            code = tool_error(tool, "topic %s: %s", tool_text(tool, topics[i]->name),
                              kafka_error_text(topics[i]->error_code));
    }
    *count = kept;
    return code;
}

static enum exit_code run_topic_list(struct tool *tool)
{
    struct connection connection;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    const struct metadata_response *metadata;
    const struct metadata_response_topic **topics;
    uint32_t count;
    bool is_regex = options_has(&tool->options, "regex");
    bool ok = topics_chosen(&connection, is_regex, &metadata, &topics, &count);
    client_close(&connection);
    if (!ok)
        return EXIT_CODE_FAILED;
    enum exit_code missing = report_missing(tool, topics, &count);
    enum exit_code shown = show(tool, topics, count);
    return missing != EXIT_CODE_OK ? missing : shown;
}

static const struct option_row rows[] = {
    {'d', "detailed", NULL, "one row for each partition"},
    {'i', "internal", NULL, "internal topics too"},
    {'r', "regex", NULL, "NAME is a regular expression for whole names"},
};

const struct command command_topic_list = {
    .name = "topic list",
    .arguments = "[NAME...]",
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "list topics",
    .description = "Lists topics with their partitions and copies; all, or those named.\n",
    .example = "tailrace topic list\ntailrace topic list -r 'orders.*' -d\n",
    .json_shape = "[{\"name\": string, \"internal\": boolean, \"partitions\": number, "
                  "\"replicas\": number,\n"
                  "  with -d: \"details\": [{\"partition\": number, \"leader\": number, \"epoch\": "
                  "number,\n"
                  "    \"replicas\": [number, ...], \"isr\": [number, ...]}, ...]}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_list,
};
