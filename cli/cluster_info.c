/* cluster info: who the cluster is, as a broker tells it: its id, its controller, its live brokers.
 */
#include "base/assert.h"
#include "cli/client.h"
#include "cli/table.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_cluster.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_brokers(const void *left, const void *right)
{
    int32_t a = ((const struct describe_cluster_response_broker *)left)->broker_id;
    int32_t b = ((const struct describe_cluster_response_broker *)right)->broker_id;
    return (a > b) - (a < b);
}

static bool ask(struct connection *connection, struct describe_cluster_response *response)
{
    struct call call;
    struct describe_cluster_request request;
    describe_cluster_request_init(&request);
    describe_cluster_response_init(response);
    if (!call_begin(&call, connection, API_DESCRIBE_CLUSTER))
        return false;
    describe_cluster_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, describe_cluster_response_decode(&call.reader, call.version,
                                                              &connection->tool->arena, response)))
        return false;
    if (response->error_code != KAFKA_NONE) {
        tool_error(connection->tool, "%s", kafka_error_text(response->error_code));
        return false;
    }
    if (response->brokers_count > 0)
        qsort(response->brokers, response->brokers_count, sizeof response->brokers[0],
              compare_brokers);
    return true;
}

static enum exit_code show_text(struct tool *tool, const struct describe_cluster_response *response)
{
    struct table table;
    printf("cluster     %s\n", tool_text(tool, response->cluster_id));
    printf("controller  %d\n\n", (int)response->controller_id);
    table_init(&table, &tool->arena, "BROKER HOST PORT RACK");
    for (uint32_t i = 0; i < response->brokers_count; i++) {
        const struct describe_cluster_response_broker *broker = &response->brokers[i];
        table_number(&table, broker->broker_id);
        table_text(&table, tool_text(tool, broker->host));
        table_number(&table, broker->port);
        table_text(&table, bytes_are_null(broker->rack) ? "-" : tool_text(tool, broker->rack));
    }
    return table_print(&table) ? EXIT_CODE_OK : tool_error(tool, "out of memory");
}

static void show_json(struct tool *tool, const struct describe_cluster_response *response)
{
    json_t *brokers = json_array();
    for (uint32_t i = 0; i < response->brokers_count; i++) {
        const struct describe_cluster_response_broker *broker = &response->brokers[i];
        json_array_append_new(brokers,
                              json_pack("{s:i, s:o, s:i, s:o}", "id", (int)broker->broker_id,
                                        "host", tool_json_bytes(broker->host), "port",
                                        (int)broker->port, "rack", tool_json_bytes(broker->rack)));
    }
    tool_print_json(tool, json_pack("{s:o, s:i, s:o}", "cluster_id",
                                    tool_json_bytes(response->cluster_id), "controller",
                                    (int)response->controller_id, "brokers", brokers));
}

static enum exit_code run_cluster_info(struct tool *tool)
{
    struct connection connection;
    struct describe_cluster_response response;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    bool ok = ask(&connection, &response);
    client_close(&connection);
    if (!ok)
        return EXIT_CODE_FAILED;
    if (tool->format != FORMAT_JSON)
        return show_text(tool, &response);
    show_json(tool, &response);
    return EXIT_CODE_OK;
}

const struct command command_cluster_info = {
    .name = "cluster info",
    .arguments = "",
    .summary = "show the cluster's id, controller and brokers",
    .description = "Prints the id of the cluster, its controller and all live brokers.\n",
    .example = "tailrace cluster info -b broker.example:9092\n",
    .json_shape = "{\"cluster_id\": string, \"controller\": number,\n"
                  " \"brokers\": [{\"id\": number, \"host\": string, \"port\": number, "
                  "\"rack\": string or null}, ...]}\n",
    .run = run_cluster_info,
};
