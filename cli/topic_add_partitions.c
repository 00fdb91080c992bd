/* topic add-partitions: takes how many to add, because a total that was read from an old listing
 * would be wrong; the request wants the total, so the present count is asked for first. */
#include "base/assert.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/create_partitions.h"

/* Kafka wants to be told how many there shall be in the end. */
static void fill_request(struct tool *tool, const struct metadata_response_topic **topics,
                         uint32_t count, int64_t added, struct create_partitions_request *request)
{
    create_partitions_request_init(request);
    request->validate_only = options_has(&tool->options, "dry");
    request->topics = arena_allocate_array(&tool->arena, count + 1, sizeof *request->topics);
    assert(request->topics != NULL);
    request->topics_count = count;
    for (uint32_t i = 0; i < count; i++)
        request->topics[i] = (struct create_partitions_request_topic){
            .name = topics[i]->name,
            .count = (int32_t)(topics[i]->partitions_count + added),
        };
}

static enum exit_code show(struct tool *tool, const struct create_partitions_response *response)
{
    struct topic_states states;
    topic_states_init(&states, tool);
    for (uint32_t i = 0; i < response->results_count; i++) {
        const struct create_partitions_response_topic *topic = &response->results[i];
        topic_states_add(&states, topic->name, topic->error_code, topic->error_message);
    }
    return topic_states_show(&states);
}

static enum exit_code add(struct connection *connection, int64_t added)
{
    struct tool *tool = connection->tool;
    const struct metadata_response *metadata;
    const struct metadata_response_topic **topics;
    uint32_t count;
    struct create_partitions_request request;
    struct create_partitions_response response;
    struct call call;
    if (!topics_chosen(connection, false, &metadata, &topics, &count) ||
        !call_begin(&call, connection, API_CREATE_PARTITIONS))
        return EXIT_CODE_FAILED;
    fill_request(tool, topics, count, added, &request);
    request.timeout_ms = call_grant_ms(&call);
    create_partitions_request_encode(&call.writer, call.version, &request);
    create_partitions_response_init(&response);
    if (!call_finish(&call) ||
        !call_decoded(&call, create_partitions_response_decode(&call.reader, call.version,
                                                               &tool->arena, &response)))
        return EXIT_CODE_FAILED;
    return show(tool, &response);
}

static enum exit_code run_topic_add_partitions(struct tool *tool)
{
    struct connection connection;
    int64_t added = 0;
    if (!tool_number(tool, "num", 1, 1000000, &added))
        return EXIT_CODE_USAGE;
    if (added == 0)
        return tool_usage_error(tool, "missing: -n N, how many partitions to add");
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    enum exit_code code = add(&connection, added);
    client_close(&connection);
    return code;
}

static const struct option_row rows[] = {
    {'n', "num", "N", "how many partitions to add to each topic"},
    {'d', "dry", NULL, "only check, add nothing"},
};

const struct command command_topic_add_partitions = {
    .name = "topic add-partitions",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "add partitions to topics",
    .description = "Adds partitions. Records stay where they are, so a key may go elsewhere from\n"
                   "then on.\n",
    .example = "tailrace topic add-partitions orders -n 6\n",
    .json_shape = "[{\"topic\": string, \"error\": string or null, "
                  "\"message\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_add_partitions,
};
