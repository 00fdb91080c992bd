/* topic trim-prefix: deletes the oldest records of a topic's partitions. What will go is worked out
 * first and can be looked at (--dry-run); then each leader is asked to delete exactly that. */
#include "base/assert.h"
#include "cli/consume_range.h"
#include "cli/time_text.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/delete_records.h"

#include <stdio.h>
#include <unistd.h>

/* One partition: its records from `start` on go, up to `target`. */
struct trimmed {
    int32_t partition;
    int32_t leader_id;
    int64_t start;
    int64_t target;
    int16_t error_code;
    bool is_wanted;
};

struct trim {
    struct tool *tool;
    struct connection *connection;
    struct range_point point;
    int32_t *partitions;
    uint32_t partition_count;
    const struct metadata_response *metadata;
    const struct metadata_response_topic *topic;
    struct trimmed *list;
    uint32_t count;
    uint64_t record_count; /* that will go */
};

/* --- The plan --------------------------------------------------------------------------------- */

static bool parse(struct trim *trim)
{
    struct tool *tool = trim->tool;
    const char *text = options_text(&tool->options, "offset");
    struct consume_range range;
    if (text == NULL) {
        tool_usage_error(tool, "missing: -o, up to where to delete");
        return false;
    }
    if (!consume_range_parse(&range, text, time_now_ms()) || range.has_end) {
        tool_usage_error(tool, "-o takes end, N, +N, -N or @TIME, not '%s'", text);
        return false;
    }
    trim->point = range.from;
    return tool_partitions(tool, "partitions", &trim->partitions, &trim->partition_count);
}

/* No record that young: all that there are go. */
static int64_t resolve(const struct range_point *point, int64_t start, int64_t end,
                       const struct partition_offset *by_time)
{
    switch (point->kind) {
    case POINT_START: return start + point->number;
    case POINT_END: return end + point->number;
    case POINT_OFFSET: return point->number;
    case POINT_TIME: return by_time->offset >= 0 ? by_time->offset : end;
    }
    unreachable();
}

/* A partition that was asked for and is not there is a mistake, not nothing to do. */
static bool has_all_partitions(const struct trim *trim)
{
    for (uint32_t i = 0; i < trim->partition_count; i++) {
        bool is_there = false;
        for (uint32_t p = 0; p < trim->count; p++)
            is_there = is_there || trim->list[p].partition == trim->partitions[i];
        if (!is_there) {
            tool_error(trim->tool, "topic %s has no partition %d", trim->tool->options.arguments[0],
                       (int)trim->partitions[i]);
            return false;
        }
    }
    return true;
}

static bool plan(struct trim *trim)
{
    struct connection *connection = trim->connection;
    const struct partition_offset *starts =
        offsets_query(connection, trim->metadata, trim->topic, OFFSETS_EARLIEST);
    const struct partition_offset *ends =
        offsets_query(connection, trim->metadata, trim->topic, OFFSETS_LATEST);
    const struct partition_offset *by_time = ends;
    if (starts != NULL && ends != NULL && trim->point.kind == POINT_TIME)
        by_time = offsets_query(connection, trim->metadata, trim->topic, trim->point.number);
    if (starts == NULL || ends == NULL || by_time == NULL)
        return false;
    trim->count = trim->topic->partitions_count;
    trim->list = arena_allocate_array(&trim->tool->arena, trim->count + 1, sizeof *trim->list);
    assert(trim->list != NULL);
    for (uint32_t i = 0; i < trim->count; i++) {
        const struct metadata_response_partition *from = &trim->topic->partitions[i];
        struct trimmed *one = &trim->list[i];
        *one = (struct trimmed){
            .partition = from->partition_index,
            .leader_id = from->leader_id,
            .start = starts[i].offset,
            .target = resolve(&trim->point, starts[i].offset, ends[i].offset, &by_time[i]),
            .error_code = ends[i].error_code,
            .is_wanted = tool_wants_partition(trim->partitions, trim->partition_count,
                                              from->partition_index)};
        bool goes = one->is_wanted && one->error_code == KAFKA_NONE && one->target > one->start;
        trim->record_count += goes ? (uint64_t)(one->target - one->start) : 0;
    }
    return has_all_partitions(trim);
}

/* --- Deleting --------------------------------------------------------------------------------- */

/* A request for those partitions that this broker leads and that have something to give; false if
 * there are none. */
static bool fill_request(const struct trim *trim, int32_t leader_id,
                         struct delete_records_request *request)
{
    struct arena *arena = &trim->tool->arena;
    struct delete_records_request_topic *asked = arena_allocate_array(arena, 1, sizeof *asked);
    assert(asked != NULL);
    delete_records_request_init(request);
    request->topics = asked;
    request->topics_count = 1;
    asked->name = trim->topic->name;
    asked->partitions = arena_allocate_array(arena, trim->count + 1, sizeof *asked->partitions);
    assert(asked->partitions != NULL);
    for (uint32_t i = 0; i < trim->count; i++) {
        const struct trimmed *one = &trim->list[i];
        if (one->is_wanted && one->error_code == KAFKA_NONE && one->leader_id == leader_id &&
            one->target > one->start)
            asked->partitions[asked->partitions_count++] =
                (struct delete_records_request_partition){.partition_index = one->partition,
                                                          .offset = one->target};
    }
    return asked->partitions_count > 0;
}

static void take_answer(struct trim *trim, const struct delete_records_response_partition *answer)
{
    for (uint32_t i = 0; i < trim->count; i++) {
        struct trimmed *one = &trim->list[i];
        if (one->partition != answer->partition_index)
            continue;
        one->error_code = answer->error_code;
        if (answer->error_code == KAFKA_NONE)
            one->target = answer->low_watermark;
    }
}

static bool ask_leader(struct trim *trim, const struct metadata_response_broker *broker)
{
    struct tool *tool = trim->tool;
    struct delete_records_request request;
    struct delete_records_response response;
    struct connection connection;
    struct call call;
    if (!fill_request(trim, broker->node_id, &request))
        return true;
    if (!client_connect_to(&connection, tool, tool_text(tool, broker->host), broker->port))
        return false;
    delete_records_response_init(&response);
    bool ok = call_begin(&call, &connection, API_DELETE_RECORDS);
    if (ok) {
        request.timeout_ms = call_grant_ms(&call);
        delete_records_request_encode(&call.writer, call.version, &request);
        ok = call_finish(&call) &&
             call_decoded(&call, delete_records_response_decode(&call.reader, call.version,
                                                                &tool->arena, &response));
    }
    for (uint32_t t = 0; ok && t < response.topics_count; t++)
        for (uint32_t p = 0; p < response.topics[t].partitions_count; p++)
            take_answer(trim, &response.topics[t].partitions[p]);
    client_close(&connection);
    return ok;
}

static bool is_confirmed(const struct trim *trim)
{
    const struct options *options = &trim->tool->options;
    bool is_terminal = isatty(STDIN_FILENO) == 1 && trim->tool->error_is_terminal;
    if (options_has(options, "yes") || !is_terminal || trim->record_count == 0)
        return true;
    char question[400];
    snprintf(question, sizeof question, "delete %llu records of topic %s?",
             (unsigned long long)trim->record_count, options->arguments[0]);
    return tool_confirm(trim->tool, question);
}

/* --- Showing ---------------------------------------------------------------------------------- */

static int64_t new_start(const struct trimmed *one)
{
    bool has_moved = one->error_code == KAFKA_NONE && one->target > one->start;
    return has_moved ? one->target : one->start;
}

static void show_row(struct table *table, const struct trimmed *one)
{
    bool is_error = one->error_code != KAFKA_NONE;
    table_number(table, one->partition);
    table_number(table, one->start);
    table_number(table, new_start(one));
    table_text(table, is_error ? kafka_error_name(one->error_code) : "OK");
}

static json_t *json_row(const struct trim *trim, const struct trimmed *one)
{
    bool is_error = one->error_code != KAFKA_NONE;
    return json_pack("{s:o, s:i, s:I, s:I, s:o}", "topic", tool_json_bytes(trim->topic->name),
                     "partition", (int)one->partition, "old_start", (json_int_t)one->start,
                     "new_start", (json_int_t)new_start(one), "error",
                     is_error ? json_string(kafka_error_name(one->error_code)) : json_null());
}

static enum exit_code show(struct trim *trim)
{
    struct tool *tool = trim->tool;
    struct table table;
    enum exit_code code = EXIT_CODE_OK;
    json_t *list = json_array();
    table_init(&table, &tool->arena, "PARTITION OLD-START NEW-START STATUS");
    for (uint32_t i = 0; i < trim->count; i++) {
        const struct trimmed *one = &trim->list[i];
        if (!one->is_wanted)
            continue;
        code = one->error_code != KAFKA_NONE ? EXIT_CODE_FAILED : code;
        show_row(&table, one);
        json_array_append_new(list, json_row(trim, one));
    }
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, list);
        return code;
    }
    json_decref(list);
    return table_print(&table) ? code : tool_error(tool, "out of memory");
}

static enum exit_code trim_topic(struct trim *trim)
{
    struct tool *tool = trim->tool;
    if (trim->topic->error_code != KAFKA_NONE)
        return tool_error(tool, "topic %s: %s", tool->options.arguments[0],
                          kafka_error_text(trim->topic->error_code));
    if (!plan(trim))
        return EXIT_CODE_FAILED;
    if (options_has(&tool->options, "dry-run"))
        return show(trim);
    if (!is_confirmed(trim))
        return EXIT_CODE_FAILED;
    for (uint32_t i = 0; i < trim->metadata->brokers_count; i++)
        if (!ask_leader(trim, &trim->metadata->brokers[i]))
            return EXIT_CODE_FAILED;
    return show(trim);
}

static enum exit_code run_topic_trim_prefix(struct tool *tool)
{
    struct connection connection;
    struct trim trim = {.tool = tool, .connection = &connection};
    const struct metadata_response_topic **topics;
    uint32_t count;
    if (!parse(&trim))
        return EXIT_CODE_USAGE;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    enum exit_code code = EXIT_CODE_FAILED;
    if (topics_chosen(&connection, false, &trim.metadata, &topics, &count)) {
        assert(count == 1);
        trim.topic = topics[0];
        code = trim_topic(&trim);
    }
    client_close(&connection);
    return code;
}

static const struct option_row rows[] = {
    {'o', "offset", "POINT", "the first record to stay: end, N, +N, -N or @TIME as in consume"},
    {'p', "partitions", "LIST", "only these, such as 0,2,5-7"},
    {'d', "dry-run", NULL, "only show what would be deleted"},
    {'y', "yes", NULL, "do not ask"},
};

const struct command command_topic_trim_prefix = {
    .name = "topic trim-prefix",
    .arguments = "NAME",
    .argument_count_min = 1,
    .argument_count_max = 1,
    .summary = "delete the oldest records of a topic",
    .description =
        "Deletes all records of a topic's partitions that lie before an offset or a time; with\n"
        "'end', all there are. Nothing happens to a partition that starts later already. On a\n"
        "terminal it asks first. Offsets do not change, and deleted records cannot be brought\n"
        "back.\n",
    .example = "tailrace topic trim-prefix orders -o @-24h --dry-run\n"
               "tailrace topic trim-prefix orders -o 1000 -p 0\n",
    .json_shape = "[{\"topic\": string, \"partition\": number, \"old_start\": number,\n"
                  "  \"new_start\": number, \"error\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_trim_prefix,
};
