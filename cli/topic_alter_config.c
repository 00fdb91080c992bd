/* topic alter-config: single settings of topics, the same for each; what is not named stays. Kafka
 * has four ways to alter a setting, and each is a flag. */
#include "base/assert.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/incremental_alter_configs.h"

#include <string.h>

enum { RESOURCE_TOPIC = 2 };

/* Kafka's number for each flag. */
static const struct way {
    const char *flag;
    int8_t operation;
    bool has_value;
} ways[] = {
    {"set", 0, true},
    {"delete", 1, false},
    {"append", 2, true},
    {"subtract", 3, true},
};

enum { WAY_COUNT = sizeof ways / sizeof ways[0] };

/* The settings as the request has them. */
struct alterations {
    struct incremental_alter_configs_request_config *configs;
    uint32_t count;
};

/* Of two alterations of one setting only one could win. */
static bool add(struct tool *tool, struct alterations *alterations, const struct way *way,
                const char *text)
{
    assert(alterations->count < OPTIONS_VALUE_MAX);
    const char *equals = way->has_value ? strchr(text, '=') : NULL;
    size_t size = equals == NULL ? strlen(text) : (size_t)(equals - text);
    if (size == 0 || (way->has_value && equals == NULL)) {
        tool_usage_error(tool, "--%s takes %s, not '%s'", way->flag,
                         way->has_value ? "KEY=VALUE" : "KEY", text);
        return false;
    }
    struct bytes name = bytes_of(text, size);
    for (uint32_t i = 0; i < alterations->count; i++)
        if (bytes_equal(alterations->configs[i].name, name)) {
            tool_usage_error(tool, "%.*s is altered twice", (int)size, text);
            return false;
        }
    alterations->configs[alterations->count++] = (struct incremental_alter_configs_request_config){
        .name = name,
        .config_operation = way->operation,
        .value = equals == NULL ? (struct bytes){0} : bytes_of_text(equals + 1),
    };
    return true;
}

static bool parse(struct tool *tool, struct alterations *alterations)
{
    *alterations =
        (struct alterations){.configs = arena_allocate_array(&tool->arena, OPTIONS_VALUE_MAX,
                                                             sizeof *alterations->configs)};
    assert(alterations->configs != NULL);
    for (uint32_t i = 0; i < WAY_COUNT; i++) {
        uint32_t position = 0;
        const char *text;
        while ((text = options_next(&tool->options, ways[i].flag, &position)) != NULL)
            if (!add(tool, alterations, &ways[i], text))
                return false;
    }
    if (alterations->count == 0)
        tool_usage_error(tool, "missing: --set, --delete, --append or --subtract, what to alter");
    return alterations->count > 0;
}

static void fill_request(struct tool *tool, const struct alterations *alterations,
                         struct incremental_alter_configs_request *request)
{
    uint32_t count = tool->options.argument_count;
    incremental_alter_configs_request_init(request);
    request->validate_only = options_has(&tool->options, "dry-run");
    request->resources = arena_allocate_array(&tool->arena, count, sizeof *request->resources);
    assert(request->resources != NULL);
    request->resources_count = count;
    for (uint32_t i = 0; i < count; i++)
        request->resources[i] = (struct incremental_alter_configs_request_resource){
            .resource_type = RESOURCE_TOPIC,
            .resource_name = bytes_of_text(tool->options.arguments[i]),
            .configs = alterations->configs,
            .configs_count = alterations->count,
        };
}

static enum exit_code show(struct tool *tool,
                           const struct incremental_alter_configs_response *response)
{
    struct topic_states states;
    topic_states_init(&states, tool);
    for (uint32_t i = 0; i < response->responses_count; i++) {
        const struct incremental_alter_configs_response_response *topic = &response->responses[i];
        topic_states_add(&states, topic->resource_name, topic->error_code, topic->error_message);
    }
    return topic_states_show(&states);
}

static enum exit_code alter(struct connection *connection, const struct alterations *alterations)
{
    struct tool *tool = connection->tool;
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_response response;
    struct call call;
    fill_request(tool, alterations, &request);
    incremental_alter_configs_response_init(&response);
    if (!call_begin(&call, connection, API_INCREMENTAL_ALTER_CONFIGS))
        return EXIT_CODE_FAILED;
    incremental_alter_configs_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, incremental_alter_configs_response_decode(&call.reader, call.version,
                                                                       &tool->arena, &response)))
        return EXIT_CODE_FAILED;
    return show(tool, &response);
}

static enum exit_code run_topic_alter_config(struct tool *tool)
{
    struct connection connection;
    struct alterations alterations;
    if (!parse(tool, &alterations))
        return EXIT_CODE_USAGE;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    enum exit_code code = alter(&connection, &alterations);
    client_close(&connection);
    return code;
}

static const struct option_row rows[] = {
    {0, "set", "KEY=VALUE", "give a setting this value; may be repeated, as those below"},
    {0, "delete", "KEY", "take a setting away: what the broker says holds again"},
    {0, "append", "KEY=VALUE,...", "add to a list what it does not hold"},
    {0, "subtract", "KEY=VALUE,...", "take out of a list"},
    {'d', "dry-run", NULL, "only check, alter nothing"},
};

const struct command command_topic_alter_config = {
    .name = "topic alter-config",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "alter settings of topics",
    .description = "Alters settings while the topics are in use; each topic gets all of the\n"
                   "alterations or none. What is not named stays as it is.\n",
    .example = "tailrace topic alter-config orders --set retention.ms=86400000\n"
               "tailrace topic alter-config orders --append cleanup.policy=compact\n",
    .json_shape = "[{\"topic\": string, \"error\": string or null, "
                  "\"message\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_alter_config,
};
