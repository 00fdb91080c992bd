/* group list: one line for each group that any broker coordinates. */
#include "base/assert.h"
#include "base/text.h"
#include "cli/groups.h"
#include "cli/table.h"

#include <strings.h>

enum { FILTER_MAX = 16 };

/* All that Kafka's brokers know. Other words match nothing, which would look like an answer. */
static const char states_known[] = "Empty, PreparingRebalance, CompletingRebalance, Assigning, "
                                   "Reconciling, Stable, NotReady, Dead";
static const char types_known[] = "classic, consumer, share, streams";

static bool is_known(const char *known, struct bytes word)
{
    struct bytes rest = bytes_of_text(known);
    struct bytes item;
    while (text_next_item(&rest, ',', &item))
        if (item.size == word.size &&
            strncasecmp((const char *)item.data, (const char *)word.data, word.size) == 0)
            return true;
    return false;
}

/* "Empty,Stable" as a list in the tool's arena; false after saying what is wrong with it. */
static bool parse_filter(struct tool *tool, const char *name, const char *known,
                         struct bytes **items, uint32_t *count)
{
    const char *text = options_text(&tool->options, name);
    *count = 0;
    if (text == NULL)
        return true;
    *items = arena_allocate_array(&tool->arena, FILTER_MAX, sizeof **items);
    assert(*items != NULL);
    struct bytes rest = bytes_of_text(text);
    struct bytes item;
    while (text_next_item(&rest, ',', &item)) {
        if (*count == FILTER_MAX) {
            tool_usage_error(tool, "--%s takes at most %d", name, FILTER_MAX);
            return false;
        }
        if (!is_known(known, item)) {
            tool_usage_error(tool, "--%s takes some of %s; not '%s'", name, known,
                             tool_text(tool, item));
            return false;
        }
        (*items)[(*count)++] = item;
    }
    return true;
}

static json_t *json_or_null(struct bytes bytes)
{
    return bytes.size > 0 ? tool_json_bytes(bytes) : json_null();
}

static enum exit_code show(struct tool *tool, const struct listed_group *groups, uint32_t count)
{
    struct table table;
    json_t *list = json_array();
    table_init(&table, &tool->arena, "GROUP TYPE PROTOCOL STATE COORDINATOR");
    for (uint32_t i = 0; i < count; i++) {
        const struct listed_group *group = &groups[i];
        table_text(&table, tool_text(tool, group->id));
        table_text(&table, tool_text_or_dash(tool, group->type));
        table_text(&table, tool_text_or_dash(tool, group->protocol_type));
        table_text(&table, tool_text_or_dash(tool, group->state));
        table_number(&table, group->coordinator_id);
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:i}", "group", tool_json_bytes(group->id),
                            "type", json_or_null(group->type), "protocol",
                            tool_json_bytes(group->protocol_type), "state",
                            json_or_null(group->state), "coordinator", (int)group->coordinator_id));
    }
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, list);
        return EXIT_CODE_OK;
    }
    json_decref(list);
    return table_print(&table) ? EXIT_CODE_OK : tool_error(tool, "out of memory");
}

static enum exit_code run_group_list(struct tool *tool)
{
    struct coordinators coordinators;
    struct group_filter filter = {0};
    struct listed_group *groups;
    uint32_t count;
    if (!parse_filter(tool, "state", states_known, &filter.states, &filter.state_count) ||
        !parse_filter(tool, "type", types_known, &filter.types, &filter.type_count))
        return EXIT_CODE_USAGE;
    if (!coordinators_open(&coordinators, tool))
        return EXIT_CODE_FAILED;
    enum exit_code code = EXIT_CODE_FAILED;
    if (groups_listed(&coordinators, &filter, &groups, &count))
        code = groups_match(tool, options_has(&tool->options, "regex"), groups, &count)
                   ? show(tool, groups, count)
                   : EXIT_CODE_USAGE;
    coordinators_close(&coordinators);
    return code;
}

static const struct option_row rows[] = {
    {'s', "state", "LIST", "only in these states, such as empty,stable"},
    {'t', "type", "LIST", "only of these types: classic, consumer"},
    {'r', "regex", NULL, "GROUP is a regular expression for whole ids"},
};

const struct command command_group_list = {
    .name = "group list",
    .arguments = "[GROUP...]",
    .argument_count_min = 0,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "list groups",
    .description =
        "Prints for each group its type, which is the protocol that it speaks with the broker\n"
        "(classic, or since KIP-848 consumer), what its members are to each other (consumer;\n"
        "none if it never had any), its state, and the id of the broker that coordinates it.\n\n"
        "States: Empty, PreparingRebalance, CompletingRebalance, Stable, Dead; of the type\n"
        "consumer: Empty, Assigning, Reconciling, Stable, Dead.\n",
    .example = "tailrace group list\n"
               "tailrace group list --state empty\n"
               "tailrace group list -r 'billing-.*' --format json\n",
    .json_shape = "[{\"group\": string, \"type\": string or null, \"protocol\": string,\n"
                  "  \"state\": string or null, \"coordinator\": number}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_group_list,
};
