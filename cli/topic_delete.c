/* topic delete: records cannot be brought back, so a person at a terminal is asked, and a pattern,
 * which may match more than was meant, needs a yes from someone in any case. */
#include "base/assert.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/delete_topics.h"

#include <stdio.h>
#include <unistd.h>

/* The names to delete: as given, or those that exist and match. */
static bool choose(struct connection *connection, bool is_regex, struct bytes **names,
                   uint32_t *count)
{
    assert(names != NULL);
    assert(count != NULL);
    struct tool *tool = connection->tool;
    const struct metadata_response *metadata;
    const struct metadata_response_topic **topics = NULL;
    *count = tool->options.argument_count;
    if (is_regex && !topics_chosen(connection, true, &metadata, &topics, count))
        return false;
    *names = arena_allocate_array(&tool->arena, *count + 1, sizeof **names);
    assert(*names != NULL);
    for (uint32_t i = 0; i < *count; i++)
        (*names)[i] = is_regex ? topics[i]->name : bytes_of_text(tool->options.arguments[i]);
    return true;
}

/* On a terminal a person is asked; a pattern needs a yes from someone in any case. */
static bool is_confirmed(const struct tool *tool, bool is_regex, const struct bytes *names,
                         uint32_t count)
{
    assert(count > 0);
    bool is_terminal = isatty(STDIN_FILENO) == 1 && tool->error_is_terminal;
    if (options_has(&tool->options, "yes") || (!is_terminal && !is_regex))
        return true;
    char question[256];
    snprintf(question, sizeof question, "delete %u topic%s (%.*s%s) with all records?", count,
             count == 1 ? "" : "s", (int)names[0].size, (const char *)names[0].data,
             count > 1 ? ", ..." : "");
    return tool_confirm(tool, question);
}

/* Versions up to 5 take a plain list of names. */
static void fill_request(struct tool *tool, int16_t version, struct bytes *names, uint32_t count,
                         struct delete_topics_request *request)
{
    assert(count > 0);
    enum { VERSION_WITH_IDS = 6 };
    delete_topics_request_init(request);
    if (version < VERSION_WITH_IDS) {
        request->topic_names = names;
        request->topic_names_count = count;
        return;
    }
    request->topics = arena_allocate_array(&tool->arena, count, sizeof *request->topics);
    assert(request->topics != NULL);
    request->topics_count = count;
    for (uint32_t i = 0; i < count; i++)
        request->topics[i].name = names[i];
}

static enum exit_code show(struct tool *tool, const struct delete_topics_response *response)
{
    struct topic_states states;
    topic_states_init(&states, tool);
    for (uint32_t i = 0; i < response->responses_count; i++) {
        const struct delete_topics_response_topic *topic = &response->responses[i];
        topic_states_add(&states, topic->name, topic->error_code, topic->error_message);
    }
    return topic_states_show(&states);
}

static enum exit_code delete_names(struct connection *connection, struct bytes *names,
                                   uint32_t count)
{
    assert(count > 0);
    struct tool *tool = connection->tool;
    struct delete_topics_request request;
    struct delete_topics_response response;
    struct call call;
    if (!call_begin(&call, connection, API_DELETE_TOPICS))
        return EXIT_CODE_FAILED;
    fill_request(tool, call.version, names, count, &request);
    request.timeout_ms = call_grant_ms(&call);
    delete_topics_request_encode(&call.writer, call.version, &request);
    delete_topics_response_init(&response);
    if (!call_finish(&call) ||
        !call_decoded(&call, delete_topics_response_decode(&call.reader, call.version, &tool->arena,
                                                           &response)))
        return EXIT_CODE_FAILED;
    return show(tool, &response);
}

static enum exit_code run_topic_delete(struct tool *tool)
{
    struct connection connection;
    struct bytes *names;
    uint32_t count;
    bool is_regex = options_has(&tool->options, "regex");
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    enum exit_code code = EXIT_CODE_FAILED;
    if (!choose(&connection, is_regex, &names, &count))
        code = EXIT_CODE_FAILED;
    else if (count == 0)
        code = tool_error(tool, "no topic matches");
    else if (is_confirmed(tool, is_regex, names, count))
        code = delete_names(&connection, names, count);
    client_close(&connection);
    return code;
}

static const struct option_row rows[] = {
    {'r', "regex", NULL, "NAME is a regular expression for whole names"},
    {'y', "yes", NULL, "do not ask"},
};

const struct command command_topic_delete = {
    .name = "topic delete",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "delete topics and their records",
    .description = "Deletes topics with all their records. On a terminal it asks first; -r needs\n"
                   "the answer or -y in any case.\n",
    .example = "tailrace topic delete orders\ntailrace topic delete -r 'test-.*' -y\n",
    .json_shape = "[{\"topic\": string, \"error\": string or null, "
                  "\"message\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_delete,
};
