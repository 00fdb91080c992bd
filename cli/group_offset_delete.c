/* group offset-delete: makes a group forget how far it has come in some partitions. What it has
 * committed there is looked up first, so that a topic can be named as a whole, even one that is
 * gone. */
#include "base/assert.h"
#include "cli/group_view.h"
#include "cli/table.h"
#include "cli/topic_choice.h"
#include "protocol/errors.h"
#include "protocol/messages/offset_delete.h"

#include <stdlib.h>

struct forget_row {
    struct group_partition at;
    int64_t committed; /* -1: nothing */
    int16_t error_code;
};

struct forget {
    struct tool *tool;
    struct coordinators coordinators;
    struct bytes group;
    struct topic_choice *choices;
    uint32_t choice_count;
    struct committed_offset *offsets;
    uint32_t offset_count;
    struct forget_row *rows; /* by topic and partition */
    uint32_t row_count;
};

/* --- The plan --------------------------------------------------------------------------------- */

static int compare_rows(const void *left, const void *right)
{
    return group_partition_compare(&((const struct forget_row *)left)->at,
                                   &((const struct forget_row *)right)->at);
}

static int compare_offset(const void *key, const void *element)
{
    const struct committed_offset *offset = element;
    const struct group_partition at = {offset->topic, offset->partition};
    return group_partition_compare(key, &at);
}

static void add_row(struct forget *forget, struct bytes topic, int32_t partition)
{
    const struct group_partition at = {topic, partition};
    const struct committed_offset *found = forget->offset_count > 0
                                               ? bsearch(&at, forget->offsets, forget->offset_count,
                                                         sizeof forget->offsets[0], compare_offset)
                                               : NULL;
    forget->rows[forget->row_count++] =
        (struct forget_row){.at = at, .committed = found != NULL ? found->offset : -1};
}

/* All of a topic in which something is committed; false after saying that there is nothing. */
static bool add_whole_topic(struct forget *forget, struct bytes topic)
{
    uint32_t before = forget->row_count;
    for (uint32_t i = 0; i < forget->offset_count; i++)
        if (bytes_equal(forget->offsets[i].topic, topic))
            add_row(forget, topic, forget->offsets[i].partition);
    if (forget->row_count > before)
        return true;
    tool_error(forget->tool,
               "group %s has committed nothing in topic %s; 'tailrace group describe' shows where",
               tool_text(forget->tool, forget->group), tool_text(forget->tool, topic));
    return false;
}

static void drop_twins(struct forget *forget)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < forget->row_count; i++)
        if (count == 0 || compare_rows(&forget->rows[count - 1], &forget->rows[i]) != 0)
            forget->rows[count++] = forget->rows[i];
    forget->row_count = count;
}

static bool plan(struct forget *forget)
{
    struct tool *tool = forget->tool;
    if (!group_offsets_fetch(&forget->coordinators, forget->group, &forget->offsets,
                             &forget->offset_count))
        return false;
    size_t capacity = 1;
    for (uint32_t i = 0; i < forget->choice_count; i++)
        capacity += (size_t)forget->choices[i].partition_count + forget->offset_count;
    forget->rows = arena_allocate_array(&tool->arena, capacity, sizeof *forget->rows);
    if (forget->rows == NULL) {
        tool_error(tool, "out of memory");
        return false;
    }
    for (uint32_t i = 0; i < forget->choice_count; i++) {
        const struct topic_choice *choice = &forget->choices[i];
        if (choice->partition_count == 0 && !add_whole_topic(forget, choice->topic))
            return false;
        for (uint32_t p = 0; p < choice->partition_count; p++)
            add_row(forget, choice->topic, choice->partitions[p]);
    }
    qsort(forget->rows, forget->row_count, sizeof forget->rows[0], compare_rows);
    drop_twins(forget);
    return true;
}

/* --- Deleting --------------------------------------------------------------------------------- */

static void fill_request(const struct forget *forget, struct offset_delete_request *request)
{
    struct arena *arena = &forget->tool->arena;
    size_t capacity = (size_t)forget->row_count + 1;
    struct offset_delete_request_partition *partitions =
        arena_allocate_array(arena, capacity, sizeof *partitions);
    offset_delete_request_init(request);
    request->group_id = forget->group;
    request->topics = arena_allocate_array(arena, capacity, sizeof *request->topics);
    assert(partitions != NULL);
    assert(request->topics != NULL);
    for (uint32_t i = 0; i < forget->row_count; i++) {
        const struct group_partition *at = &forget->rows[i].at;
        struct offset_delete_request_topic *topic = &request->topics[request->topics_count];
        partitions[i].partition_index = at->partition;
        if (request->topics_count > 0 && bytes_equal(topic[-1].name, at->topic)) {
            topic[-1].partitions_count++;
            continue;
        }
        *topic = (struct offset_delete_request_topic){at->topic, &partitions[i], 1};
        request->topics_count++;
    }
}

static bool ask_delete(struct connection *connection, const struct offset_delete_request *request,
                       struct offset_delete_response *response)
{
    struct call call;
    offset_delete_response_init(response);
    if (!call_begin(&call, connection, API_OFFSET_DELETE))
        return false;
    offset_delete_request_encode(&call.writer, call.version, request);
    return call_finish(&call) &&
           call_decoded(&call, offset_delete_response_decode(&call.reader, call.version,
                                                             &connection->tool->arena, response));
}

static void take_error(struct forget *forget, struct bytes topic,
                       const struct offset_delete_response_partition *answer)
{
    const struct forget_row key = {.at = {topic, answer->partition_index}};
    struct forget_row *row =
        bsearch(&key, forget->rows, forget->row_count, sizeof forget->rows[0], compare_rows);
    if (row == NULL)
        return;
    row->error_code = answer->error_code;
}

static bool delete_offsets(struct forget *forget)
{
    struct offset_delete_request request;
    struct offset_delete_response response;
    uint32_t tries = 0;
    bool is_subscribed = false;
    fill_request(forget, &request);
    do {
        struct connection *connection = coordinators_find(&forget->coordinators, forget->group);
        if (connection == NULL || !ask_delete(connection, &request, &response))
            return false;
    } while (coordinators_try_again(&forget->coordinators, response.error_code, &tries));
    if (response.error_code != KAFKA_NONE) {
        group_error(forget->tool, forget->group, response.error_code);
        return false;
    }
    for (uint32_t t = 0; t < response.topics_count; t++)
        for (uint32_t p = 0; p < response.topics[t].partitions_count; p++) {
            take_error(forget, response.topics[t].name, &response.topics[t].partitions[p]);
            is_subscribed = is_subscribed || response.topics[t].partitions[p].error_code ==
                                                 KAFKA_GROUP_SUBSCRIBED_TO_TOPIC;
        }
    if (is_subscribed)
        group_error(forget->tool, forget->group, KAFKA_GROUP_SUBSCRIBED_TO_TOPIC);
    return true;
}

/* --- Showing ---------------------------------------------------------------------------------- */

static json_t *json_row(const struct forget_row *row)
{
    bool is_error = row->error_code != KAFKA_NONE;
    return json_pack("{s:o, s:i, s:o, s:o}", "topic", tool_json_bytes(row->at.topic), "partition",
                     (int)row->at.partition, "offset",
                     row->committed >= 0 ? json_integer(row->committed) : json_null(), "error",
                     is_error ? json_string(kafka_error_name(row->error_code)) : json_null());
}

static enum exit_code show(const struct forget *forget)
{
    struct tool *tool = forget->tool;
    struct table table;
    enum exit_code code = EXIT_CODE_OK;
    json_t *list = json_array();
    table_init(&table, &tool->arena, "TOPIC PARTITION OFFSET STATUS");
    for (uint32_t i = 0; i < forget->row_count; i++) {
        const struct forget_row *row = &forget->rows[i];
        bool is_error = row->error_code != KAFKA_NONE;
        code = is_error ? EXIT_CODE_FAILED : code;
        table_text(&table, tool_text(tool, row->at.topic));
        table_number(&table, row->at.partition);
        if (row->committed >= 0)
            table_number(&table, row->committed);
        else
            table_text(&table, "-");
        table_text(&table, is_error ? kafka_error_name(row->error_code) : "OK");
        json_array_append_new(list, json_row(row));
    }
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, list);
        return code;
    }
    json_decref(list);
    return table_print(&table) ? code : tool_error(tool, "out of memory");
}

/* A group that is not there has committed nothing either; only the first is worth saying. */
static bool is_there(struct forget *forget)
{
    struct group_view view;
    enum group_found found = group_view_ask(&forget->coordinators, forget->group, &view);
    if (found == GROUP_MISSING)
        group_error(forget->tool, forget->group, KAFKA_GROUP_ID_NOT_FOUND);
    return found == GROUP_FOUND;
}

static enum exit_code run_group_offset_delete(struct tool *tool)
{
    struct forget forget = {.tool = tool, .group = bytes_of_text(tool->options.arguments[0])};
    if (!topic_choices_parse(tool, &forget.choices, &forget.choice_count))
        return EXIT_CODE_USAGE;
    if (forget.choice_count == 0)
        return tool_usage_error(tool, "missing: --topic, whose offsets to delete");
    if (!coordinators_open(&forget.coordinators, tool))
        return EXIT_CODE_FAILED;
    bool is_dry = options_has(&tool->options, "dry-run");
    bool ok = is_there(&forget) && plan(&forget) && (is_dry || delete_offsets(&forget));
    coordinators_close(&forget.coordinators);
    return ok ? show(&forget) : EXIT_CODE_FAILED;
}

static const struct option_row rows[] = {
    {'t', "topic", "TOPIC[:P,...]", "these partitions of a topic, or all; may be repeated"},
    {'d', "dry-run", NULL, "only show what would be deleted"},
};

const struct command command_group_offset_delete = {
    .name = "group offset-delete",
    .arguments = "GROUP",
    .argument_count_min = 1,
    .argument_count_max = 1,
    .summary = "delete committed offsets of a group",
    .description =
        "Makes a group forget how far it has come in some partitions. It may have members, but\n"
        "none that reads the topic. When it reads it again, auto.offset.reset of its clients\n"
        "says where it begins.\n",
    .example = "tailrace group offset-delete billing --topic orders --dry-run\n"
               "tailrace group offset-delete billing --topic orders:0,3-5\n",
    .json_shape = "[{\"topic\": string, \"partition\": number, \"offset\": number or null,\n"
                  "  \"error\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_group_offset_delete,
};
