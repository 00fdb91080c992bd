/* group delete: committed offsets cannot be brought back, so a person at a terminal is asked, and a
 * pattern, which may match more than was meant, needs a yes from someone in any case. */
#include "base/assert.h"
#include "cli/group_view.h"
#include "cli/table.h"
#include "protocol/errors.h"
#include "protocol/messages/delete_groups.h"

#include <stdio.h>
#include <unistd.h>

struct deletion {
    struct tool *tool;
    struct coordinators coordinators;
    bool is_dry;
    struct table table;
    json_t *list;
    enum exit_code code;
};

static bool ask_delete(struct connection *connection, struct bytes group, int16_t *error_code)
{
    struct call call;
    struct delete_groups_request request;
    struct delete_groups_response response;
    delete_groups_request_init(&request);
    delete_groups_response_init(&response);
    request.groups_names = &group;
    request.groups_names_count = 1;
    if (!call_begin(&call, connection, API_DELETE_GROUPS))
        return false;
    delete_groups_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, delete_groups_response_decode(&call.reader, call.version,
                                                           &connection->tool->arena, &response)))
        return false;
    *error_code =
        response.results_count == 1 ? response.results[0].error_code : KAFKA_UNKNOWN_SERVER_ERROR;
    return true;
}

static bool delete_group(struct coordinators *coordinators, struct bytes group, int16_t *error_code)
{
    uint32_t tries = 0;
    do {
        struct connection *connection = coordinators_find(coordinators, group);
        if (connection == NULL || !ask_delete(connection, group, error_code))
            return false;
    } while (coordinators_try_again(coordinators, *error_code, &tries));
    return true;
}

/* What deleting would answer, as far as one can tell from how the group is now. */
static bool foresee(struct coordinators *coordinators, struct bytes group, int16_t *error_code)
{
    struct group_view view;
    enum group_found found = group_view_ask(coordinators, group, &view);
    if (found == GROUP_MISSING)
        *error_code = KAFKA_GROUP_ID_NOT_FOUND;
    else if (found == GROUP_FOUND)
        *error_code = group_view_is_active(&view) ? KAFKA_NON_EMPTY_GROUP : KAFKA_NONE;
    return found != GROUP_FAILED;
}

static void add(struct deletion *deletion, struct bytes group, int16_t error_code)
{
    struct tool *tool = deletion->tool;
    bool is_error = error_code != KAFKA_NONE;
    if (is_error)
        deletion->code = group_error(tool, group, error_code);
    table_text(&deletion->table, tool_text(tool, group));
    table_text(&deletion->table, is_error ? kafka_error_name(error_code) : "OK");
    json_array_append_new(
        deletion->list,
        json_pack("{s:o, s:o, s:o}", "group", tool_json_bytes(group), "error",
                  is_error ? json_string(kafka_error_name(error_code)) : json_null(), "message",
                  is_error ? json_string(kafka_error_text(error_code)) : json_null()));
}

static enum exit_code show(struct deletion *deletion)
{
    struct tool *tool = deletion->tool;
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, json_incref(deletion->list));
        return deletion->code;
    }
    return table_print(&deletion->table) ? deletion->code : tool_error(tool, "out of memory");
}

static bool is_confirmed(const struct deletion *deletion, bool is_regex, const struct bytes *ids,
                         uint32_t count)
{
    assert(count > 0);
    const struct tool *tool = deletion->tool;
    bool is_terminal = isatty(STDIN_FILENO) == 1 && tool->error_is_terminal;
    if (deletion->is_dry || options_has(&tool->options, "yes") || (!is_terminal && !is_regex))
        return true;
    char question[400];
    snprintf(question, sizeof question, "delete %u group%s (%.*s%s) with all committed offsets?",
             count, count == 1 ? "" : "s", (int)ids[0].size, (const char *)ids[0].data,
             count > 1 ? ", ..." : "");
    return tool_confirm(tool, question);
}

static enum exit_code delete_chosen(struct deletion *deletion)
{
    struct tool *tool = deletion->tool;
    bool is_regex = options_has(&tool->options, "regex");
    struct bytes *ids;
    uint32_t count;
    if (!groups_chosen(&deletion->coordinators, is_regex, &ids, &count))
        return EXIT_CODE_FAILED;
    if (count == 0)
        return tool_error(tool, "no group matches");
    if (!is_confirmed(deletion, is_regex, ids, count))
        return EXIT_CODE_FAILED;
    bool (*ask)(struct coordinators *, struct bytes, int16_t *) =
        deletion->is_dry ? foresee : delete_group;
    for (uint32_t i = 0; i < count; i++) {
        int16_t error_code = KAFKA_NONE;
        if (!ask(&deletion->coordinators, ids[i], &error_code))
            deletion->code = EXIT_CODE_FAILED;
        else
            add(deletion, ids[i], error_code);
    }
    return show(deletion);
}

static enum exit_code run_group_delete(struct tool *tool)
{
    struct deletion deletion = {.tool = tool, .is_dry = options_has(&tool->options, "dry-run")};
    if (!coordinators_open(&deletion.coordinators, tool))
        return EXIT_CODE_FAILED;
    table_init(&deletion.table, &tool->arena, "GROUP STATUS");
    deletion.list = json_array();
    enum exit_code code = delete_chosen(&deletion);
    json_decref(deletion.list);
    coordinators_close(&deletion.coordinators);
    return code;
}

static const struct option_row rows[] = {
    {'r', "regex", NULL, "GROUP is a regular expression for whole ids"},
    {'d', "dry-run", NULL, "only show which could be deleted"},
    {'y', "yes", NULL, "do not ask"},
};

const struct command command_group_delete = {
    .name = "group delete",
    .arguments = "GROUP...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "delete groups and their committed offsets",
    .description = "Deletes groups that have no members, with all their committed offsets. On a\n"
                   "terminal it asks first; -r needs the answer or -y in any case.\n",
    .example = "tailrace group delete billing\n"
               "tailrace group delete -r 'test-.*' --dry-run\n",
    .json_shape = "[{\"group\": string, \"error\": string or null, "
                  "\"message\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_group_delete,
};
