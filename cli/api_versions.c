/* api-versions: what the broker said when the connection was made. It costs no request of its own,
 * so it is also the quickest way to see whether a broker answers. */
#include "protocol/messages/api_versions.h"
#include "cli/client.h"
#include "cli/table.h"

static const char *api_name(int16_t key)
{
    const struct api *api = api_find(key);
    return api != NULL ? api->name : "-";
}

static enum exit_code show_text(struct tool *tool, const struct api_versions_response *versions)
{
    struct table table;
    table_init(&table, &tool->arena, "KEY API MIN MAX");
    for (uint32_t i = 0; i < versions->api_keys_count; i++) {
        const struct api_versions_response_api_version *row = &versions->api_keys[i];
        table_number(&table, row->api_key);
        table_text(&table, api_name(row->api_key));
        table_number(&table, row->min_version);
        table_number(&table, row->max_version);
    }
    return table_print(&table) ? EXIT_CODE_OK : tool_error(tool, "out of memory");
}

static void show_json(struct tool *tool, const struct api_versions_response *versions)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < versions->api_keys_count; i++) {
        const struct api_versions_response_api_version *row = &versions->api_keys[i];
        json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:i}", "key", (int)row->api_key,
                                              "name", api_name(row->api_key), "min",
                                              (int)row->min_version, "max", (int)row->max_version));
    }
    tool_print_json(tool, list);
}

static enum exit_code run_api_versions(struct tool *tool)
{
    struct connection connection;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    client_close(&connection);
    if (tool->format != FORMAT_JSON)
        return show_text(tool, connection.versions);
    show_json(tool, connection.versions);
    return EXIT_CODE_OK;
}

const struct command command_api_versions = {
    .name = "api-versions",
    .arguments = "",
    .summary = "show which requests the broker serves",
    .description = "Prints the APIs and versions that the broker offers. '-' is an API that this\n"
                   "tool has no name for.\n",
    .example = "tailrace api-versions\n",
    .json_shape = "[{\"key\": number, \"name\": string, \"min\": number, \"max\": number}, ...]\n",
    .run = run_api_versions,
};
