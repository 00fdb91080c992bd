/* topic create: any number of topics in one request, all alike. Numbers that are not given stay the
 * broker's to choose, so its defaults hold and not a copy of them here. */
#include "base/assert.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/create_topics.h"

#include <string.h>

/* -c key=value, as often as given: the same settings for each topic. */
static bool fill_configs(struct tool *tool, struct create_topics_request_config **configs,
                         uint32_t *count)
{
    assert(configs != NULL);
    assert(count != NULL);
    *configs = arena_allocate_array(&tool->arena, OPTIONS_VALUE_MAX, sizeof **configs);
    assert(*configs != NULL);
    *count = 0;
    uint32_t position = 0;
    for (;;) {
        const char *text = options_next(&tool->options, "topic-config", &position);
        if (text == NULL)
            return true;
        const char *equals = strchr(text, '=');
        if (equals == NULL) {
            tool_usage_error(tool, "-c takes KEY=VALUE, not '%s'", text);
            return false;
        }
        (*configs)[*count].name = bytes_of(text, (size_t)(equals - text));
        (*configs)[(*count)++].value = bytes_of_text(equals + 1);
    }
}

static bool fill_request(struct tool *tool, struct create_topics_request *request)
{
    int64_t partitions = -1; /* the broker's default */
    int64_t replicas = -1;
    if (!tool_number(tool, "partitions", 1, 1000000, &partitions) ||
        !tool_number(tool, "replicas", 1, INT16_MAX, &replicas))
        return false;
    struct create_topics_request_config *configs;
    uint32_t config_count;
    if (!fill_configs(tool, &configs, &config_count))
        return false;
    create_topics_request_init(request);
    request->topics_count = tool->options.argument_count;
    request->topics =
        arena_allocate_array(&tool->arena, request->topics_count, sizeof *request->topics);
    assert(request->topics != NULL);
    for (uint32_t i = 0; i < request->topics_count; i++) {
        request->topics[i] = (struct create_topics_request_topic){
            .name = bytes_of_text(tool->options.arguments[i]),
            .num_partitions = (int32_t)partitions,
            .replication_factor = (int16_t)replicas,
            .configs = configs,
            .configs_count = config_count,
        };
    }
    request->validate_only = options_has(&tool->options, "dry");
    return true;
}

static enum exit_code show(struct tool *tool, const struct create_topics_response *response)
{
    bool may_exist = options_has(&tool->options, "if-not-exists");
    struct topic_states states;
    topic_states_init(&states, tool);
    for (uint32_t i = 0; i < response->topics_count; i++) {
        const struct create_topics_response_topic *topic = &response->topics[i];
        if (may_exist && topic->error_code == KAFKA_TOPIC_ALREADY_EXISTS)
            topic_states_add_fine(&states, topic->name, "OK (existed)");
        else
            topic_states_add(&states, topic->name, topic->error_code, topic->error_message);
    }
    return topic_states_show(&states);
}

static enum exit_code run_topic_create(struct tool *tool)
{
    struct create_topics_request request;
    struct connection connection;
    struct call call;
    if (!fill_request(tool, &request))
        return EXIT_CODE_USAGE;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    struct create_topics_response response;
    create_topics_response_init(&response);
    bool ok = call_begin(&call, &connection, API_CREATE_TOPICS);
    if (ok) {
        request.timeout_ms = call_grant_ms(&call);
        create_topics_request_encode(&call.writer, call.version, &request);
        ok = call_finish(&call) &&
             call_decoded(&call, create_topics_response_decode(&call.reader, call.version,
                                                               &tool->arena, &response));
    }
    client_close(&connection);
    return ok ? show(tool, &response) : EXIT_CODE_FAILED;
}

static const struct option_row rows[] = {
    {'p', "partitions", "N", "partitions of each topic (default: the broker's)"},
    {'r', "replicas", "N", "copies of each partition (default: the broker's)"},
    {'c', "topic-config", "KEY=VALUE", "a setting of the topic; may be repeated"},
    {0, "if-not-exists", NULL, "a topic that exists already is fine"},
    {'d', "dry", NULL, "only check, create nothing"},
};

const struct command command_topic_create = {
    .name = "topic create",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "create topics",
    .description = "Creates topics, all with the same number of partitions and settings.\n",
    .example = "tailrace topic create orders -p 6 -c retention.ms=86400000\n",
    .json_shape = "[{\"topic\": string, \"error\": string or null, "
                  "\"message\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_create,
};
