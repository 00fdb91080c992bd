/* group describe: up to three sections for each group: what it is, how far it has come in each
 * partition, and its members; once, or with --watch again and again. */
#include "base/assert.h"
#include "cli/group_lag.h"
#include "cli/kafka.h"
#include "cli/table.h"
#include "cli/time_text.h"
#include "protocol/errors.h"

#include <stdio.h>
#include <unistd.h>

enum { INTERVAL_DEFAULT_S = 2, INTERVAL_MAX_S = 3600, SECOND_MS = 1000 };

/* Moves to the upper left corner and empties the screen. */
static const char clear_screen[] = "\033[H\033[2J";

struct sections {
    bool has_summary;
    bool has_partitions;
    bool has_members;
};

struct description {
    struct tool *tool;
    const struct group_view *view;
    const struct group_lags *lags; /* NULL: not shown */
    int64_t now_ms;
};

static struct sections sections_wanted(const struct options *options)
{
    bool is_all = options_has(options, "all");
    struct sections sections = {is_all || options_has(options, "summary"),
                                is_all || options_has(options, "partitions"),
                                is_all || options_has(options, "members")};
    bool is_default = !sections.has_summary && !sections.has_partitions && !sections.has_members;
    sections.has_summary = sections.has_summary || is_default;
    sections.has_partitions = sections.has_partitions || is_default;
    return sections;
}

/* --- Text ------------------------------------------------------------------------------------- */

static const char *type_name(bool is_classic)
{
    return is_classic ? "classic" : "consumer";
}

static void print_summary(const struct description *description)
{
    struct tool *tool = description->tool;
    const struct group_view *view = description->view;
    printf("SUMMARY\ngroup        %s\ntype         %s\nprotocol     %s\nstate        %s\n"
           "assignor     %s\n",
           tool_text(tool, view->id), type_name(view->is_classic),
           tool_text_or_dash(tool, view->protocol_type), tool_text(tool, view->state),
           tool_text_or_dash(tool, view->assignor));
    if (!view->is_classic)
        printf("epoch        %d, assignment %d\n", (int)view->epoch, (int)view->assignment_epoch);
    printf("coordinator  %d (%s)\nmembers      %u\n", (int)view->coordinator_id, view->coordinator,
           view->member_count);
    if (description->lags == NULL)
        return;
    if (description->lags->records == LAG_UNKNOWN)
        puts("lag          -");
    else
        printf("lag          %lld\n", (long long)description->lags->records);
}

static void add_known(struct table *table, int64_t number, int64_t unknown)
{
    if (number == unknown)
        table_text(table, "-");
    else
        table_number(table, number);
}

/* Tenths are enough for eyes. */
static void add_seconds(struct table *table, int64_t time_ms)
{
    char text[32];
    snprintf(text, sizeof text, "%.1f", (double)time_ms / SECOND_MS);
    table_text(table, time_ms == LAG_UNKNOWN ? "-" : text);
}

static void print_partitions(const struct description *description)
{
    struct tool *tool = description->tool;
    struct table table;
    puts("PARTITIONS");
    table_init(&table, &tool->arena,
               "TOPIC PARTITION OFFSET LOG-START LOG-END LAG LAG-SECONDS MEMBER-ID CLIENT-ID HOST "
               "STATUS");
    for (uint32_t i = 0; i < description->lags->count; i++) {
        const struct group_lag *lag = &description->lags->list[i];
        const struct group_member none = {0};
        const struct group_member *member = lag->member != NULL ? lag->member : &none;
        table_text(&table, tool_text(tool, lag->at.topic));
        table_number(&table, lag->at.partition);
        add_known(&table, lag->committed, -1);
        add_known(&table, lag->bounds.start, -1);
        add_known(&table, lag->bounds.end, -1);
        add_known(&table, lag->records, LAG_UNKNOWN);
        add_seconds(&table, lag->time_ms);
        table_text(&table, tool_text_or_dash(tool, member->id));
        table_text(&table, tool_text_or_dash(tool, member->client_id));
        table_text(&table, tool_text_or_dash(tool, member->client_host));
        table_text(&table, lag->bounds.error_code == KAFKA_NONE
                               ? "OK"
                               : kafka_error_name(lag->bounds.error_code));
    }
    table_print(&table);
}

/* What a member reads: topics by name, and a pattern. */
static const char *subscription_text(struct tool *tool, const struct group_member *member)
{
    enum { TEXT_SIZE = 4096 };
    char text[TEXT_SIZE] = "";
    size_t size = 0;
    for (uint32_t i = 0; i < member->topic_count && size < sizeof text; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s", i > 0 ? "," : "",
                                 (int)member->topics[i].size, (const char *)member->topics[i].data);
    if (!bytes_are_null(member->regex) && member->regex.size > 0 && size < sizeof text)
        snprintf(text + size, sizeof text - size, "%s/%.*s/", size > 0 ? "," : "",
                 (int)member->regex.size, (const char *)member->regex.data);
    return text[0] != 0 ? tool_text(tool, bytes_of_text(text)) : "-";
}

static void print_members(const struct description *description)
{
    struct tool *tool = description->tool;
    const struct group_view *view = description->view;
    struct table table;
    puts("MEMBERS");
    table_init(&table, &tool->arena,
               view->is_classic ? "MEMBER-ID INSTANCE-ID CLIENT-ID HOST PARTITIONS ASSIGNMENT"
                                : "MEMBER-ID INSTANCE-ID CLIENT-ID HOST PARTITIONS ASSIGNMENT "
                                  "TARGET TYPE EPOCH SUBSCRIPTION");
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct group_member *member = &view->members[i];
        table_text(&table, tool_text(tool, member->id));
        table_text(&table, tool_text_or_dash(tool, member->instance_id));
        table_text(&table, tool_text_or_dash(tool, member->client_id));
        table_text(&table, tool_text_or_dash(tool, member->client_host));
        table_number(&table, member->owned.count);
        table_text(&table, group_partitions_text(tool, &member->owned));
        if (view->is_classic)
            continue;
        table_text(&table, group_partitions_text(tool, &member->target));
        table_text(&table, type_name(member->is_classic));
        table_number(&table, member->epoch);
        table_text(&table, subscription_text(tool, member));
    }
    table_print(&table);
}

static void print_text(const struct description *description, struct sections wanted)
{
    uint32_t section_count = 0;
    if (wanted.has_summary) {
        tool_begin_part(&section_count);
        print_summary(description);
    }
    if (wanted.has_partitions) {
        tool_begin_part(&section_count);
        print_partitions(description);
    }
    if (wanted.has_members) {
        tool_begin_part(&section_count);
        print_members(description);
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *json_known(int64_t number, int64_t unknown)
{
    return number == unknown ? json_null() : json_integer(number);
}

static json_t *json_partitions(const struct group_lags *lags)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < lags->count; i++) {
        const struct group_lag *lag = &lags->list[i];
        bool is_error = lag->bounds.error_code != KAFKA_NONE;
        json_array_append_new(
            list,
            json_pack("{s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "topic",
                      tool_json_bytes(lag->at.topic), "partition", (int)lag->at.partition, "offset",
                      json_known(lag->committed, -1), "leader_epoch",
                      json_known(lag->leader_epoch, -1), "metadata", tool_json_bytes(lag->metadata),
                      "log_start", json_known(lag->bounds.start, -1), "log_end",
                      json_known(lag->bounds.end, -1), "lag", json_known(lag->records, LAG_UNKNOWN),
                      "lag_ms", json_known(lag->time_ms, LAG_UNKNOWN), "member_id",
                      lag->member != NULL ? tool_json_bytes(lag->member->id) : json_null(), "error",
                      is_error ? json_string(kafka_error_name(lag->bounds.error_code))
                               : json_null()));
    }
    return list;
}

static json_t *json_member(const struct group_view *view, const struct group_member *member)
{
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "member_id", tool_json_bytes(member->id),
                  "instance_id", tool_json_bytes(member->instance_id), "client_id",
                  tool_json_bytes(member->client_id), "host", tool_json_bytes(member->client_host),
                  "assignment", group_partitions_json(&member->owned));
    if (view->is_classic)
        return object;
    json_t *topics = json_array();
    for (uint32_t i = 0; i < member->topic_count; i++)
        json_array_append_new(topics, tool_json_bytes(member->topics[i]));
    json_object_set_new(object, "target", group_partitions_json(&member->target));
    json_object_set_new(object, "type", json_string(type_name(member->is_classic)));
    json_object_set_new(object, "epoch", json_integer(member->epoch));
    json_object_set_new(object, "topics", topics);
    json_object_set_new(object, "regex", tool_json_bytes(member->regex));
    return object;
}

static json_t *json_members(const struct group_view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->member_count; i++)
        json_array_append_new(list, json_member(view, &view->members[i]));
    return list;
}

static json_t *json_of(const struct description *description, struct sections wanted)
{
    const struct group_view *view = description->view;
    json_t *object = json_pack(
        "{s:o, s:I, s:s, s:o, s:o, s:o, s:i, s:s, s:i}", "group", tool_json_bytes(view->id),
        "timestamp", (json_int_t)description->now_ms, "type", type_name(view->is_classic),
        "protocol", tool_json_bytes(view->protocol_type), "state", tool_json_bytes(view->state),
        "assignor", tool_json_bytes(view->assignor), "coordinator", (int)view->coordinator_id,
        "coordinator_address", view->coordinator, "member_count", (int)view->member_count);
    json_object_set_new(object, "epoch", json_known(view->epoch, -1));
    json_object_set_new(object, "assignment_epoch", json_known(view->assignment_epoch, -1));
    if (description->lags != NULL) {
        json_object_set_new(object, "lag", json_known(description->lags->records, LAG_UNKNOWN));
        json_object_set_new(object, "partitions", json_partitions(description->lags));
    }
    if (wanted.has_members)
        json_object_set_new(object, "members", json_members(view));
    return object;
}

/* --- Once, and again -------------------------------------------------------------------------- */

struct round {
    struct tool *tool;
    struct coordinators coordinators;
    struct sections sections;
    json_t *list;
    uint32_t shown_count;
};

static bool describe_group(struct round *round, struct bytes id)
{
    struct tool *tool = round->tool;
    struct group_view view;
    struct group_lags lags;
    enum group_found found = group_view_ask(&round->coordinators, id, &view);
    if (found == GROUP_MISSING)
        group_error(tool, id, KAFKA_GROUP_ID_NOT_FOUND);
    if (found != GROUP_FOUND)
        return false;
    struct description description = {.tool = tool, .view = &view, .now_ms = time_now_ms()};
    if (round->sections.has_partitions) {
        if (!group_lags_ask(&round->coordinators, &view, description.now_ms, &lags))
            return false;
        description.lags = &lags;
    }
    if (tool->format == FORMAT_JSON) {
        json_array_append_new(round->list, json_of(&description, round->sections));
        return true;
    }
    tool_begin_part(&round->shown_count);
    print_text(&description, round->sections);
    return true;
}

static enum exit_code describe_chosen(struct round *round)
{
    struct tool *tool = round->tool;
    struct bytes *ids;
    uint32_t count;
    if (!groups_chosen(&round->coordinators, options_has(&tool->options, "regex"), &ids, &count))
        return EXIT_CODE_FAILED;
    if (count == 0 && tool->options.argument_count > 0)
        return tool_error(tool, "no group matches");
    enum exit_code code = EXIT_CODE_OK;
    for (uint32_t i = 0; i < count; i++)
        if (!describe_group(round, ids[i]))
            code = EXIT_CODE_FAILED;
    return code;
}

/* In a stream of lists each stands on one line. */
static void print_list(const struct tool *tool, json_t *list, bool is_stream)
{
    if (!is_stream) {
        tool_print_json(tool, list);
        return;
    }
    json_dumpf(list, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(list);
}

static enum exit_code describe_once(struct tool *tool, bool is_stream)
{
    struct round round = {.tool = tool, .sections = sections_wanted(&tool->options)};
    if (!coordinators_open(&round.coordinators, tool))
        return EXIT_CODE_FAILED;
    round.list = json_array();
    enum exit_code code = describe_chosen(&round);
    coordinators_close(&round.coordinators);
    if (tool->format == FORMAT_JSON)
        print_list(tool, round.list, is_stream);
    else
        json_decref(round.list);
    return code;
}

/* Each round has memory and connections of its own, so it may go on for weeks and through restarts
 * of brokers; what fails is said, and tried again the next time. */
static enum exit_code watch(struct tool *tool, int64_t interval_s)
{
    int interrupt = kafka_catch_interrupt();
    assert(interrupt >= 0);
    do {
        struct tool round = *tool;
        arena_init(&round.arena, tool->arena.limit_bytes);
        if (tool->format == FORMAT_TEXT && tool->out_is_terminal)
            fputs(clear_screen, stdout);
        describe_once(&round, true);
        if (tool->format == FORMAT_TEXT && !tool->out_is_terminal)
            putchar('\n');
        arena_deinit(&round.arena);
    } while (fflush(stdout) == 0 &&
             !kafka_interrupted_within(interrupt, (int)interval_s * SECOND_MS));
    close(interrupt);
    return EXIT_CODE_INTERRUPTED;
}

static enum exit_code run_group_describe(struct tool *tool)
{
    int64_t interval_s = INTERVAL_DEFAULT_S;
    if (!tool_number(tool, "interval", 1, INTERVAL_MAX_S, &interval_s))
        return EXIT_CODE_USAGE;
    if (options_has(&tool->options, "watch"))
        return watch(tool, interval_s);
    return describe_once(tool, false);
}

static const struct option_row rows[] = {
    {'s', "summary", NULL, "only what the group is, its state and coordinator"},
    {'p', "partitions", NULL, "how far it has come in each partition, and who reads it"},
    {'m', "members", NULL, "its members and what they are assigned"},
    {'a', "all", NULL, "all three (default: summary and partitions)"},
    {'r', "regex", NULL, "GROUP is a regular expression for whole ids"},
    {'w', "watch", NULL, "again and again until Ctrl-C"},
    {'i', "interval", "SECONDS", "with --watch, how often (2)"},
};

const struct command command_group_describe = {
    .name = "group describe",
    .arguments = "[GROUP...]",
    .argument_count_min = 0,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "show state, members and lag of groups",
    .description =
        "Prints what a group is, how far it has come in each partition, and its members; all\n"
        "groups if none is named.\n\n"
        "LAG is the number of records from the committed offset to the log's end. LAG-SECONDS\n"
        "is now less the timestamp of the record at the committed offset: how old that is what\n"
        "the group reads next. It is 0 where nothing is left to read, and as true as the\n"
        "timestamps, which producers set unless message.timestamp.type is LogAppendTime. A dash\n"
        "stands for what is not known: nothing is committed, or the partition is gone.\n\n"
        "TARGET is what a member is to have once others have given it up; where it differs from\n"
        "ASSIGNMENT the group is still reconciling.\n",
    .example = "tailrace group describe billing\n"
               "tailrace group describe billing --watch\n"
               "tailrace group describe -r 'billing-.*' -a --format json\n",
    .json_shape =
        "[{\"group\": string, \"timestamp\": number, \"type\": string, \"protocol\": string,\n"
        "  \"state\": string, \"assignor\": string, \"coordinator\": number,\n"
        "  \"coordinator_address\": string, \"member_count\": number, \"epoch\": number or null,\n"
        "  \"assignment_epoch\": number or null,\n"
        "  with -p or by default: \"lag\": number or null, \"partitions\": [{\"topic\": string,\n"
        "    \"partition\": number, \"offset\": number or null, \"leader_epoch\": number or null,\n"
        "    \"metadata\": string or null, \"log_start\": number or null,\n"
        "    \"log_end\": number or null, \"lag\": number or null, \"lag_ms\": number or null,\n"
        "    \"member_id\": string or null, \"error\": string or null}, ...],\n"
        "  with -m: \"members\": [{\"member_id\": string, \"instance_id\": string or null,\n"
        "    \"client_id\": string, \"host\": string,\n"
        "    \"assignment\": [{\"topic\": string, \"partitions\": [number, ...]}, ...],\n"
        "    of the type consumer: \"target\": as assignment, \"type\": string,\n"
        "    \"epoch\": number, \"topics\": [string, ...], \"regex\": string or null}, ...]},\n"
        " ...]\n"
        "With --watch one such list a line.\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_group_describe,
};
