/* Answers are sorted here, once, because brokers promise no order and people and scripts compare
 * listings. Offsets are asked of each partition's leader: nobody else may answer. */
#include "cli/topics.h"

#include "base/assert.h"
#include "cli/name_match.h"
#include "protocol/errors.h"
#include "protocol/messages/list_offsets.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_topics(const void *left, const void *right)
{
    struct bytes a = ((const struct metadata_response_topic *)left)->name;
    struct bytes b = ((const struct metadata_response_topic *)right)->name;
    return bytes_compare(a, b);
}

static int compare_partitions(const void *left, const void *right)
{
    int32_t a = ((const struct metadata_response_partition *)left)->partition_index;
    int32_t b = ((const struct metadata_response_partition *)right)->partition_index;
    return (a > b) - (a < b);
}

static void sort(struct metadata_response *response)
{
    if (response->topics_count == 0)
        return;
    qsort(response->topics, response->topics_count, sizeof response->topics[0], compare_topics);
    for (uint32_t i = 0; i < response->topics_count; i++) {
        struct metadata_response_topic *topic = &response->topics[i];
        if (topic->partitions_count > 0)
            qsort(topic->partitions, topic->partitions_count, sizeof topic->partitions[0],
                  compare_partitions);
    }
}

const struct metadata_response *topics_named(struct connection *connection,
                                             const struct bytes *names, uint32_t count)
{
    assert(names != NULL || count == 0);
    struct arena *arena = &connection->tool->arena;
    struct metadata_request request;
    struct call call;
    struct metadata_response *response = arena_allocate_array(arena, 1, sizeof *response);
    metadata_request_init(&request);
    request.topics = NULL; /* all */
    request.allow_auto_topic_creation = false;
    if (names != NULL) {
        request.topics = arena_allocate_array(arena, count + 1, sizeof *request.topics);
        request.topics_count = count;
        for (uint32_t i = 0; request.topics != NULL && i < count; i++)
            request.topics[i].name = names[i];
    }
    if (response == NULL || (names != NULL && request.topics == NULL)) {
        tool_error(connection->tool, "out of memory");
        return NULL;
    }
    if (!call_begin(&call, connection, API_METADATA))
        return NULL;
    metadata_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call))
        return NULL;
    metadata_response_init(response);
    enum status status = metadata_response_decode(&call.reader, call.version, arena, response);
    if (!call_decoded(&call, status))
        return NULL;
    sort(response);
    return response;
}

/* True if any of the tool's arguments matches; `ok` becomes false if one is no expression. */
static bool matches_any(const struct tool *tool, struct bytes name, bool *ok)
{
    assert(ok != NULL);
    for (uint32_t i = 0; *ok && i < tool->options.argument_count; i++) {
        struct name_match match;
        *ok = name_match_open(&match, tool, tool->options.arguments[i], true);
        bool has = *ok && name_match_has(&match, name);
        name_match_close(&match);
        if (has)
            return true;
    }
    return false;
}

/* With patterns all topics are asked for and chosen here: the protocol knows no patterns in this
 * request. */
bool topics_chosen(struct connection *connection, bool is_regex,
                   const struct metadata_response **metadata,
                   const struct metadata_response_topic ***topics, uint32_t *count)
{
    assert(metadata != NULL);
    assert(topics != NULL);
    assert(count != NULL);
    struct tool *tool = connection->tool;
    uint32_t name_count = tool->options.argument_count;
    struct bytes *names = arena_allocate_array(&tool->arena, name_count + 1, sizeof *names);
    assert(names != NULL);
    for (uint32_t i = 0; i < name_count; i++)
        names[i] = bytes_of_text(tool->options.arguments[i]);
    bool is_all = is_regex || name_count == 0;
    *metadata = topics_named(connection, is_all ? NULL : names, name_count);
    if (*metadata == NULL)
        return false;
    *topics = arena_allocate_array(&tool->arena, (*metadata)->topics_count + 1, sizeof **topics);
    assert(*topics != NULL);
    bool ok = true;
    *count = 0;
    for (uint32_t i = 0; i < (*metadata)->topics_count; i++) {
        const struct metadata_response_topic *topic = &(*metadata)->topics[i];
        if (!is_regex || name_count == 0 || matches_any(tool, topic->name, &ok))
            (*topics)[(*count)++] = topic;
    }
    return ok;
}

/* A request for those partitions of the topic that `leader_id` leads; false if there are none. */
static bool fill_request(struct tool *tool, const struct metadata_response_topic *topic,
                         int32_t leader_id, int64_t time_ms, struct list_offsets_request *request)
{
    assert(request != NULL);
    struct list_offsets_request_topic *asked = arena_allocate_array(&tool->arena, 1, sizeof *asked);
    assert(asked != NULL);
    list_offsets_request_init(request);
    request->replica_id = -1;
    request->topics = asked;
    request->topics_count = 1;
    asked->name = topic->name;
    asked->partitions =
        arena_allocate_array(&tool->arena, topic->partitions_count + 1, sizeof *asked->partitions);
    assert(asked->partitions != NULL);
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct metadata_response_partition *partition = &topic->partitions[i];
        if (partition->leader_id != leader_id)
            continue;
        asked->partitions[asked->partitions_count++] = (struct list_offsets_request_partition){
            .partition_index = partition->partition_index,
            .current_leader_epoch = -1,
            .timestamp = time_ms,
        };
    }
    return asked->partitions_count > 0;
}

/* Partitions are sorted, and answers may come in any order. What the leader says of partitions that
 * nobody asked for is ignored. */
static void take_answer(const struct metadata_response_topic *topic,
                        const struct list_offsets_response_partition *answer,
                        struct partition_offset *offsets)
{
    assert(offsets != NULL);
    const struct metadata_response_partition key = {.partition_index = answer->partition_index};
    const struct metadata_response_partition *asked =
        bsearch(&key, topic->partitions, topic->partitions_count, sizeof key, compare_partitions);
    if (asked != NULL)
        offsets[asked - topic->partitions] =
            (struct partition_offset){answer->error_code, answer->offset, answer->timestamp};
}

/* Asks one leader. */
static bool query_leader(struct tool *tool, const struct metadata_response_broker *broker,
                         const struct metadata_response_topic *topic, int64_t time_ms,
                         struct partition_offset *offsets)
{
    assert(offsets != NULL);
    struct list_offsets_request request;
    if (!fill_request(tool, topic, broker->node_id, time_ms, &request))
        return true;
    struct connection connection;
    if (!client_connect_to(&connection, tool, tool_text(tool, broker->host), broker->port))
        return false;
    struct call call;
    struct list_offsets_response response;
    list_offsets_response_init(&response);
    bool ok = call_begin(&call, &connection, API_LIST_OFFSETS);
    if (ok) {
        list_offsets_request_encode(&call.writer, call.version, &request);
        ok = call_finish(&call) &&
             call_decoded(&call, list_offsets_response_decode(&call.reader, call.version,
                                                              &tool->arena, &response));
    }
    for (uint32_t t = 0; ok && t < response.topics_count; t++)
        for (uint32_t p = 0; p < response.topics[t].partitions_count; p++)
            take_answer(topic, &response.topics[t].partitions[p], offsets);
    client_close(&connection);
    return ok;
}

/* Partitions without a leader keep the error that stands there before anybody is asked. */
const struct partition_offset *offsets_query(struct connection *connection,
                                             const struct metadata_response *metadata,
                                             const struct metadata_response_topic *topic,
                                             int64_t time_ms)
{
    assert(metadata != NULL);
    assert(topic != NULL);
    struct tool *tool = connection->tool;
    struct partition_offset *offsets =
        arena_allocate_array(&tool->arena, topic->partitions_count + 1, sizeof *offsets);
    assert(offsets != NULL);
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        offsets[i] = (struct partition_offset){KAFKA_LEADER_NOT_AVAILABLE, -1, -1};
    for (uint32_t i = 0; i < metadata->brokers_count; i++)
        if (!query_leader(tool, &metadata->brokers[i], topic, time_ms, offsets))
            return NULL;
    return offsets;
}

/* The message may be null. */
static const char *status_line(struct tool *tool, int16_t error_code, struct bytes message)
{
    if (error_code == KAFKA_NONE)
        return "OK";
    const char *text = bytes_are_null(message) || message.size == 0 ? kafka_error_text(error_code)
                                                                    : tool_text(tool, message);
    char status[1024];
    snprintf(status, sizeof status, "%s: %s", kafka_error_name(error_code), text);
    return tool_text(tool, bytes_of_text(status));
}

static json_t *status_json(struct bytes name, int16_t error_code, struct bytes message)
{
    bool is_error = error_code != KAFKA_NONE;
    return json_pack("{s:o, s:o, s:o}", "topic", tool_json_bytes(name), "error",
                     is_error ? json_string(kafka_error_name(error_code)) : json_null(), "message",
                     is_error ? tool_json_bytes(message) : json_null());
}

void topic_states_init(struct topic_states *states, struct tool *tool)
{
    assert(states != NULL);
    assert(tool != NULL);
    *states = (struct topic_states){.tool = tool, .list = json_array(), .code = EXIT_CODE_OK};
    table_init(&states->table, &tool->arena, "TOPIC STATUS");
}

void topic_states_add(struct topic_states *states, struct bytes name, int16_t error_code,
                      struct bytes message)
{
    assert(states->list != NULL);
    if (error_code != KAFKA_NONE)
        states->code = EXIT_CODE_FAILED;
    table_text(&states->table, tool_text(states->tool, name));
    table_text(&states->table, status_line(states->tool, error_code, message));
    json_array_append_new(states->list, status_json(name, error_code, message));
}

void topic_states_add_fine(struct topic_states *states, struct bytes name, const char *text)
{
    assert(states->list != NULL);
    assert(text != NULL);
    table_text(&states->table, tool_text(states->tool, name));
    table_text(&states->table, text);
    json_array_append_new(states->list, status_json(name, KAFKA_NONE, (struct bytes){0}));
}

enum exit_code topic_states_show(struct topic_states *states)
{
    json_t *list = states->list;
    assert(list != NULL);
    states->list = NULL;
    if (states->tool->format == FORMAT_JSON) {
        tool_print_json(states->tool, list);
        return states->code;
    }
    json_decref(list);
    return table_print(&states->table) ? states->code : tool_error(states->tool, "out of memory");
}

/* The size is known beforehand: a number of 32 bits takes eleven characters at most, and a comma.
 */
const char *topics_nodes(struct tool *tool, const int32_t *nodes, uint32_t count)
{
    assert(nodes != NULL || count == 0);
    enum { NUMBER_SIZE_MAX = 12 };
    char *text = arena_allocate(&tool->arena, (size_t)count * NUMBER_SIZE_MAX + 1);
    assert(text != NULL);
    size_t capacity = (size_t)count * NUMBER_SIZE_MAX + 1;
    size_t size = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < count; i++)
        size +=
            (size_t)snprintf(text + size, capacity - size, "%s%d", i > 0 ? "," : "", (int)nodes[i]);
    return text;
}

uint32_t topics_replica_count(const struct metadata_response_topic *topic)
{
    return topic->partitions_count > 0 ? topic->partitions[0].replica_nodes_count : 0;
}

json_t *topics_nodes_json(const int32_t *nodes, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(nodes[i]));
    return list;
}
