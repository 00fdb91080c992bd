/* group seek: puts a group somewhere else. What will be committed is worked out first (seek_plan.h)
 * and can be looked at (--dry-run); then the group's coordinator is asked to commit exactly that.
 * It does so for somebody who is no member while the group has none. */
#include "base/assert.h"
#include "base/text.h"
#include "cli/seek_plan.h"
#include "cli/table.h"
#include "cli/time_text.h"
#include "protocol/errors.h"
#include "protocol/messages/offset_commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION_WITH_NAMES_MAX = 9, /* the newest OffsetCommit without topic ids */
    DURATION_SIZE_MAX = 64,
};

/* --- What is wanted --------------------------------------------------------------------------- */

/* As time spans are written everywhere here (1h30m), or as Java writes them (P1DT2H). */
static bool parse_duration(const char *text, int64_t *duration_ms)
{
    char plain[DURATION_SIZE_MAX];
    size_t size = 0;
    bool is_java = text[0] == 'P' || text[0] == 'p';
    for (const char *c = text + is_java; *c != 0 && size < sizeof plain - 1; c++)
        if (!is_java || (*c != 'T' && *c != 't'))
            plain[size++] = is_java && *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
    plain[size] = 0;
    return text_parse_duration_ms(bytes_of_text(plain), duration_ms) == STATUS_OK;
}

static bool parse_time(struct seek *seek)
{
    struct tool *tool = seek->tool;
    const char *datetime = options_text(&tool->options, "to-datetime");
    const char *duration = options_text(&tool->options, "by-duration");
    int64_t now_ms = time_now_ms();
    int64_t duration_ms;
    if (datetime != NULL) {
        if (time_text_parse(bytes_of_text(datetime), now_ms, &seek->number))
            return true;
        tool_usage_error(tool, "--to-datetime takes 2026-11-22T06:40:00Z and the like, not '%s'",
                         datetime);
        return false;
    }
    assert(duration != NULL);
    if (!parse_duration(duration, &duration_ms)) {
        tool_usage_error(tool, "--by-duration takes 1h30m or PT1H30M, not '%s'", duration);
        return false;
    }
    seek->number = now_ms - duration_ms;
    return true;
}

static bool parse_mode(struct seek *seek)
{
    static const struct {
        const char *name;
        enum seek_mode mode;
    } flags[] = {{"to-earliest", SEEK_EARLIEST}, {"to-latest", SEEK_LATEST},
                 {"to-offset", SEEK_OFFSET},     {"to-datetime", SEEK_TIME},
                 {"by-duration", SEEK_TIME},     {"shift-by", SEEK_SHIFT},
                 {"to-current", SEEK_CURRENT},   {"from-file", SEEK_OFFSET}};
    struct tool *tool = seek->tool;
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (options_has(&tool->options, flags[i].name)) {
            seek->mode = flags[i].mode;
            count++;
        }
    if (count != 1) {
        tool_usage_error(tool, "where to? give one of --to-earliest, --to-latest, --to-offset, "
                               "--to-datetime, --by-duration, --shift-by, --to-current, "
                               "--from-file");
        return false;
    }
    if (seek->mode == SEEK_TIME && !parse_time(seek))
        return false;
    return tool_number(tool, "to-offset", 0, INT64_MAX, &seek->number) &&
           tool_number(tool, "shift-by", INT64_MIN, INT64_MAX, &seek->number);
}

static bool parse(struct seek *seek)
{
    struct tool *tool = seek->tool;
    seek->file = options_text(&tool->options, "from-file");
    seek->is_all_topics = options_has(&tool->options, "all-topics");
    if (!parse_mode(seek) || !topic_choices_parse(tool, &seek->choices, &seek->choice_count))
        return false;
    uint32_t scope_count = (seek->file != NULL) + seek->is_all_topics + (seek->choice_count > 0);
    if (scope_count == 1)
        return true;
    tool_usage_error(tool, "of what? give either --topic TOPIC[:P,...] or --all-topics, or "
                           "--from-file alone");
    return false;
}

/* --- Committing ------------------------------------------------------------------------------- */

/* Offsets of a group with members belong to the members. */
static bool is_free(struct seek *seek)
{
    struct group_view view;
    struct tool *tool = seek->tool;
    enum group_found found = group_view_ask(&seek->coordinators, seek->group, &view);
    if (found != GROUP_FOUND)
        return found == GROUP_MISSING; /* then committing creates it */
    if (!group_view_is_active(&view))
        return true;
    tool_error(tool,
               "group %s is %s with %u member%s, who would not notice; stop them first, "
               "'tailrace group describe -m' names them",
               tool_text(tool, seek->group), tool_text(tool, view.state), view.member_count,
               view.member_count == 1 ? "" : "s");
    return false;
}

/* The rows, topic by topic. */
static void fill_request(const struct seek *seek, struct offset_commit_request *request)
{
    struct arena *arena = &seek->tool->arena;
    size_t capacity = (size_t)seek->row_count + 1;
    struct offset_commit_request_partition *partitions =
        arena_allocate_array(arena, capacity, sizeof *partitions);
    offset_commit_request_init(request);
    request->group_id = seek->group;
    request->topics = arena_allocate_array(arena, capacity, sizeof *request->topics);
    assert(partitions != NULL);
    assert(request->topics != NULL);
    for (uint32_t i = 0; i < seek->row_count; i++) {
        const struct seek_row *row = &seek->rows[i];
        struct offset_commit_request_topic *topic = &request->topics[request->topics_count];
        if (request->topics_count > 0 && bytes_equal(topic[-1].name, row->at.topic)) {
            topic--;
        } else {
            *topic = (struct offset_commit_request_topic){.name = row->at.topic,
                                                          .partitions = partitions};
            request->topics_count++;
        }
        topic->partitions[topic->partitions_count++] =
            (struct offset_commit_request_partition){.partition_index = row->at.partition,
                                                     .committed_offset = row->target,
                                                     .committed_leader_epoch = -1,
                                                     .committed_metadata = bytes_of_text("")};
        partitions++;
    }
}

static bool ask_commit(struct connection *connection, const struct offset_commit_request *request,
                       struct offset_commit_response *response)
{
    struct call call;
    offset_commit_response_init(response);
    if (!call_begin(&call, connection, API_OFFSET_COMMIT))
        return false;
    call.version = call.version < VERSION_WITH_NAMES_MAX ? call.version : VERSION_WITH_NAMES_MAX;
    offset_commit_request_encode(&call.writer, call.version, request);
    return call_finish(&call) &&
           call_decoded(&call, offset_commit_response_decode(&call.reader, call.version,
                                                             &connection->tool->arena, response));
}

/* The first error that may pass, else the first of any kind. */
static int16_t error_of(const struct offset_commit_response *response)
{
    for (uint32_t t = 0; t < response->topics_count; t++)
        for (uint32_t p = 0; p < response->topics[t].partitions_count; p++)
            if (response->topics[t].partitions[p].error_code != KAFKA_NONE)
                return response->topics[t].partitions[p].error_code;
    return KAFKA_NONE;
}

static void take_error(struct seek *seek, struct bytes topic,
                       const struct offset_commit_response_partition *answer)
{
    const struct seek_row key = {.at = {topic, answer->partition_index}};
    struct seek_row *row =
        bsearch(&key, seek->rows, seek->row_count, sizeof seek->rows[0], seek_rows_compare);
    if (row != NULL)
        row->error_code = answer->error_code;
}

static bool commit(struct seek *seek)
{
    struct offset_commit_request request;
    struct offset_commit_response response;
    uint32_t tries = 0;
    fill_request(seek, &request);
    assert(request.topics_count > 0);
    do {
        struct connection *connection = coordinators_find(&seek->coordinators, seek->group);
        if (connection == NULL || !ask_commit(connection, &request, &response))
            return false;
    } while (coordinators_try_again(&seek->coordinators, error_of(&response), &tries));
    for (uint32_t t = 0; t < response.topics_count; t++)
        for (uint32_t p = 0; p < response.topics[t].partitions_count; p++)
            take_error(seek, response.topics[t].name, &response.topics[t].partitions[p]);
    if (error_of(&response) == KAFKA_UNKNOWN_MEMBER_ID) /* somebody has joined in between */
        group_error(seek->tool, seek->group, KAFKA_NON_EMPTY_GROUP);
    return true;
}

/* --- Showing ---------------------------------------------------------------------------------- */

/* Lines for --from-file. */
static void export(const struct seek *seek)
{
    for (uint32_t i = 0; i < seek->row_count; i++) {
        const struct seek_row *row = &seek->rows[i];
        if (row->error_code == KAFKA_NONE)
            printf("%.*s,%d,%lld\n", (int)row->at.topic.size, (const char *)row->at.topic.data,
                   (int)row->at.partition, (long long)row->target);
    }
}

static void show_row(struct tool *tool, struct table *table, const struct seek_row *row)
{
    bool is_error = row->error_code != KAFKA_NONE;
    table_text(table, tool_text(tool, row->at.topic));
    table_number(table, row->at.partition);
    if (row->committed < 0)
        table_text(table, "-");
    else
        table_number(table, row->committed);
    if (is_error)
        table_text(table, "-");
    else
        table_number(table, row->target);
    table_text(table, is_error ? kafka_error_name(row->error_code) : "OK");
}

static json_t *json_row(const struct seek_row *row)
{
    bool is_error = row->error_code != KAFKA_NONE;
    return json_pack("{s:o, s:i, s:o, s:o, s:o}", "topic", tool_json_bytes(row->at.topic),
                     "partition", (int)row->at.partition, "old_offset",
                     row->committed >= 0 ? json_integer(row->committed) : json_null(), "new_offset",
                     is_error ? json_null() : json_integer(row->target), "error",
                     is_error ? json_string(kafka_error_name(row->error_code)) : json_null());
}

static enum exit_code show(const struct seek *seek)
{
    struct tool *tool = seek->tool;
    struct table table;
    enum exit_code code = EXIT_CODE_OK;
    json_t *list = json_array();
    table_init(&table, &tool->arena, "TOPIC PARTITION OLD-OFFSET NEW-OFFSET STATUS");
    for (uint32_t i = 0; i < seek->row_count; i++) {
        code = seek->rows[i].error_code != KAFKA_NONE ? EXIT_CODE_FAILED : code;
        show_row(tool, &table, &seek->rows[i]);
        json_array_append_new(list, json_row(&seek->rows[i]));
    }
    bool is_export = options_has(&tool->options, "export");
    if (is_export)
        export(seek);
    if (tool->format == FORMAT_JSON && !is_export) {
        tool_print_json(tool, list);
        return code;
    }
    json_decref(list);
    return is_export || table_print(&table) ? code : tool_error(tool, "out of memory");
}

static enum exit_code run_group_seek(struct tool *tool)
{
    struct seek seek = {.tool = tool, .group = bytes_of_text(tool->options.arguments[0])};
    if (!parse(&seek))
        return EXIT_CODE_USAGE;
    if (!coordinators_open(&seek.coordinators, tool))
        return EXIT_CODE_FAILED;
    bool is_dry = options_has(&tool->options, "dry-run");
    bool ok = is_free(&seek) && seek_plan(&seek) && (is_dry || commit(&seek));
    coordinators_close(&seek.coordinators);
    return ok ? show(&seek) : EXIT_CODE_FAILED;
}

static const struct option_row rows[] = {
    {0, "to-earliest", NULL, "where the log starts"},
    {0, "to-latest", NULL, "where the log ends"},
    {0, "to-offset", "N", "this offset, or the log's start or end if it lies outside"},
    {0, "to-datetime", "TIME", "the first record at or after a time (2026-11-22T06:40:00Z, -1h)"},
    {0, "by-duration", "SPAN", "the same, so long ago (1h30m or PT1H30M)"},
    {0, "shift-by", "N", "so many records on, or back if negative"},
    {0, "to-current", NULL, "where it is; the log's end where nothing is committed"},
    {0, "from-file", "FILE", "the offsets of a file: TOPIC,PARTITION,OFFSET a line"},
    {'t', "topic", "TOPIC[:P,...]", "these partitions of a topic, or all; may be repeated"},
    {0, "all-topics", NULL, "all partitions in which the group has committed"},
    {'d', "dry-run", NULL, "only show what would be committed"},
    {0, "export", NULL, "print it as lines for --from-file"},
};

const struct command command_group_seek = {
    .name = "group seek",
    .arguments = "GROUP",
    .argument_count_min = 1,
    .argument_count_max = 1,
    .summary = "change the committed offsets of a group",
    .description =
        "Commits other offsets for a group that has no members, so that they go on there when\n"
        "they come back. A group that does not exist is created by it. Partitions that are not\n"
        "named keep their offsets. Nothing is committed unless all can be worked out.\n",
    .example =
        "tailrace group seek billing --to-earliest --topic orders --dry-run\n"
        "tailrace group seek billing --shift-by -10 --topic orders:0,2\n"
        "tailrace group seek billing --by-duration 1h --all-topics\n"
        "tailrace group seek billing --to-current --all-topics --dry-run --export > offsets.csv\n"
        "tailrace group seek billing --from-file offsets.csv\n",
    .json_shape = "[{\"topic\": string, \"partition\": number, \"old_offset\": number or null,\n"
                  "  \"new_offset\": number or null, \"error\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_group_seek,
};
