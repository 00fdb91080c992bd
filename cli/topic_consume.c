/* topic consume: records of some partitions to stdout, through librdkafka; with -g as a member of a
 * group (consume_group.h), else as follows.
 *
 *   plan      topics -> partitions -> where each starts and ends (consume_range.h)
 *   consume   all partitions into one queue, printed as they come; a partition with an end is
 *             finished when a record at or behind it comes, or when it has no more records
 */
#include "base/assert.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/consume_group.h"
#include "cli/consume_print.h"
#include "cli/consume_range.h"
#include "cli/consume_watch.h"
#include "cli/kafka.h"
#include "cli/name_match.h"
#include "cli/time_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SPAN_MAX = 100000,
    BATCH_RECORDS = 1000,
    WAIT_STEP_MS = 100,
};

/* One partition, from `start` up to `end` (INT64_MAX: for ever). */
struct span {
    rd_kafka_topic_t *topic;
    int32_t partition;
    int64_t start;
    int64_t end;
    int64_t next; /* where it goes on */
    bool is_started;
    bool is_done;
};

struct consume {
    struct tool *tool;
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    struct consume_range range;
    int32_t *partitions; /* those asked for; all if partition_count is 0 */
    uint32_t partition_count;
    struct span *spans;
    uint32_t span_count;
    uint32_t open_count; /* spans that are not done */
    int64_t record_limit;
    int interrupt;
    struct consume_print print;
    struct consume_watch watch;
};

/* A group says itself where to go on and who reads which partition. */
static bool is_fit_for_group(const struct consume *consume)
{
    const struct consume_range *range = &consume->range;
    bool is_edge = range->from.kind == POINT_START || range->from.kind == POINT_END;
    if (is_edge && range->from.number == 0 && !range->has_end &&
        !options_has(&consume->tool->options, "partitions"))
        return true;
    tool_usage_error(consume->tool, "-g goes with -o start or -o end, and not with -p; "
                                    "'tailrace group seek' puts a group somewhere else");
    return false;
}

static bool parse(struct consume *consume)
{
    struct tool *tool = consume->tool;
    const char *range = options_text(&tool->options, "offset");
    if (!consume_range_parse(&consume->range, range != NULL ? range : "start", time_now_ms())) {
        tool_usage_error(tool, "-o takes start, end, N, +N, -N, FROM:TO or @TIME, not '%s'", range);
        return false;
    }
    if (options_has(&tool->options, "group") && !is_fit_for_group(consume))
        return false;
    return tool_number(tool, "num", 1, INT64_MAX, &consume->record_limit) &&
           tool_partitions(tool, "partitions", &consume->partitions, &consume->partition_count) &&
           consume_print_parse(&consume->print, tool);
}

/* A long queue: when it is full, librdkafka 2.0 pauses for a second. End-of-partition events tell
 * when a bounded span is finished. Where records are deleted before they are read, it goes on with
 * the first that is left; librdkafka's own choice is the end, and the span would seem finished. */
static const struct kafka_default consume_defaults[] = {
    {"enable.partition.eof", "true"},
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "131072"},
    {"fetch.wait.max.ms", "250"},
    {"isolation.level", "read_uncommitted"},
    {"auto.offset.reset", "earliest"},
    {NULL, NULL},
};

/* Probed first: librdkafka would wait for a broker for ever and say nothing. */
static bool connect_consumer(struct consume *consume)
{
    assert(consume->kafka == NULL);
    struct tool *tool = consume->tool;
    if (!client_probe(tool))
        return false;
    rd_kafka_conf_t *conf = kafka_configure(tool, consume_defaults);
    if (conf == NULL)
        return false;
    char problem[256];
    const char *rack = options_text(&tool->options, "rack");
    if (rack != NULL)
        rd_kafka_conf_set(conf, "client.rack", rack, problem, sizeof problem);
    if (options_has(&tool->options, "read-committed"))
        rd_kafka_conf_set(conf, "isolation.level", "read_committed", problem, sizeof problem);
    consume->kafka = kafka_create(tool, RD_KAFKA_CONSUMER, conf);
    if (consume->kafka == NULL)
        return false;
    consume->queue = rd_kafka_queue_new(consume->kafka);
    return true;
}

static bool add_span(struct consume *consume, rd_kafka_topic_t *topic, int32_t partition)
{
    assert(topic != NULL);
    assert(consume->span_count <= SPAN_MAX);
    if (consume->span_count == SPAN_MAX) {
        tool_error(consume->tool, "more than %d partitions", SPAN_MAX);
        return false;
    }
    consume->spans[consume->span_count++] =
        (struct span){.topic = topic, .partition = partition, .end = INT64_MAX};
    return true;
}

static bool is_planned(const struct consume *consume, const rd_kafka_topic_t *topic)
{
    for (uint32_t i = 0; i < consume->span_count; i++)
        if (consume->spans[i].topic == topic)
            return true;
    return false;
}

/* A topic that was named twice, or matched by two patterns, is read once. */
static bool add_topic(struct consume *consume, const struct rd_kafka_metadata_topic *metadata)
{
    assert(consume->kafka != NULL);
    struct tool *tool = consume->tool;
    if (metadata->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool is_unknown = metadata->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        tool_error(tool, "topic %s: %s%s", metadata->topic, rd_kafka_err2str(metadata->err),
                   is_unknown ? "; create it with 'tailrace topic create'" : "");
        return false;
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consume->kafka, metadata->topic, NULL);
    uint32_t before = consume->span_count;
    if (topic == NULL) {
        tool_error(tool, "topic %s: %s", metadata->topic, rd_kafka_err2str(rd_kafka_last_error()));
        return false;
    }
    if (is_planned(consume, topic)) {
        rd_kafka_topic_destroy(topic);
        return true;
    }
    for (int i = 0; i < metadata->partition_cnt; i++)
        if (tool_wants_partition(consume->partitions, consume->partition_count,
                                 metadata->partitions[i].id) &&
            !add_span(consume, topic, metadata->partitions[i].id))
            return false;
    if (consume->span_count - before < consume->partition_count) {
        tool_error(tool, "topic %s has %d partitions, not all of those asked for", metadata->topic,
                   metadata->partition_cnt);
        return false;
    }
    return true;
}

/* The topics named, one by one, so that a missing one is told apart from a missing broker. */
static bool plan_named(struct consume *consume)
{
    const struct options *options = &consume->tool->options;
    for (uint32_t i = 0; i < options->argument_count; i++) {
        rd_kafka_topic_t *topic = rd_kafka_topic_new(consume->kafka, options->arguments[i], NULL);
        const struct rd_kafka_metadata *metadata =
            topic != NULL ? kafka_metadata(consume->tool, consume->kafka, topic) : NULL;
        bool ok = metadata != NULL && add_topic(consume, &metadata->topics[0]);
        if (metadata != NULL)
            rd_kafka_metadata_destroy(metadata);
        if (topic != NULL)
            rd_kafka_topic_destroy(topic);
        if (!ok)
            return false;
    }
    return true;
}

/* The metadata of all topics is fetched once for all patterns. */
static bool plan_matching(struct consume *consume)
{
    const struct options *options = &consume->tool->options;
    const struct rd_kafka_metadata *metadata = kafka_metadata(consume->tool, consume->kafka, NULL);
    bool ok = metadata != NULL;
    for (uint32_t i = 0; ok && i < options->argument_count; i++) {
        struct name_match match;
        if (!name_match_open(&match, consume->tool, options->arguments[i], true))
            ok = false;
        for (int t = 0; ok && t < metadata->topic_cnt; t++)
            if (name_match_has(&match, bytes_of_text(metadata->topics[t].topic)))
                ok = add_topic(consume, &metadata->topics[t]);
        name_match_close(&match);
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    return ok;
}

static bool query_failed(const struct consume *consume, const struct span *span,
                         rd_kafka_resp_err_t error)
{
    assert(error != RD_KAFKA_RESP_ERR_NO_ERROR);
    tool_error(consume->tool, "%s, partition %d: %s", rd_kafka_topic_name(span->topic),
               (int)span->partition, rd_kafka_err2str(error));
    return false;
}

static bool resolve_time(const struct consume *consume, const struct span *span, int64_t time_ms,
                         int64_t log_end, int64_t *offset)
{
    assert(offset != NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(span->topic), span->partition);
    item->offset = time_ms;
    rd_kafka_resp_err_t error =
        rd_kafka_offsets_for_times(consume->kafka, list, tool_timeout_ms(consume->tool));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = item->err;
    *offset = item->offset >= 0 ? item->offset : log_end; /* no record is that young */
    rd_kafka_topic_partition_list_destroy(list);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR || query_failed(consume, span, error);
}

/* A distance from the end may reach behind what retention has left, and then means the start. */
static bool resolve_point(const struct consume *consume, const struct span *span,
                          const struct range_point *point, int64_t log_start, int64_t log_end,
                          int64_t *offset)
{
    assert(offset != NULL);
    switch (point->kind) {
    case POINT_START: *offset = log_start + point->number; return true;
    case POINT_END: *offset = log_end + point->number; break;
    case POINT_OFFSET: *offset = point->number; return true;
    case POINT_TIME: return resolve_time(consume, span, point->number, log_end, offset);
    }
    if (*offset < log_start)
        *offset = log_start;
    return true;
}

/* Where the log ends is asked now and not later, so "end" means one moment for the whole run. */
static bool resolve_span(struct consume *consume, struct span *span)
{
    const struct consume_range *range = &consume->range;
    int64_t log_start;
    int64_t log_end;
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        consume->kafka, rd_kafka_topic_name(span->topic), span->partition, &log_start, &log_end,
        tool_timeout_ms(consume->tool));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return query_failed(consume, span, error);
    if (!resolve_point(consume, span, &range->from, log_start, log_end, &span->start))
        return false;
    if (range->has_end && !resolve_point(consume, span, &range->to, log_start, log_end, &span->end))
        return false;
    span->next = span->start;
    span->is_done = span->start >= span->end;
    return true;
}

/* A span that is empty from the beginning is done before it starts. */
static bool start_span(struct consume *consume, struct span *span)
{
    assert(!span->is_started);
    assert(consume->queue != NULL);
    if (span->is_done)
        return true;
    if (rd_kafka_consume_start_queue(span->topic, span->partition, span->start, consume->queue) !=
        0)
        return query_failed(consume, span, rd_kafka_last_error());
    span->is_started = true;
    consume->open_count++;
    return true;
}

static bool plan(struct consume *consume)
{
    assert(consume->kafka != NULL);
    assert(consume->span_count == 0);
    struct tool *tool = consume->tool;
    consume->spans = arena_allocate_array(&tool->arena, SPAN_MAX, sizeof *consume->spans);
    if (consume->spans == NULL) {
        tool_error(tool, "out of memory");
        return false;
    }
    bool is_regex = options_has(&tool->options, "regex");
    if (!(is_regex ? plan_matching(consume) : plan_named(consume)))
        return false;
    for (uint32_t i = 0; i < consume->span_count; i++)
        if (!resolve_span(consume, &consume->spans[i]) || !start_span(consume, &consume->spans[i]))
            return false;
    return true;
}

/* Topics are compared by handle: librdkafka gives the same one for one name. */
static struct span *find_span(struct consume *consume, const rd_kafka_message_t *message)
{
    for (uint32_t i = 0; i < consume->span_count; i++)
        if (consume->spans[i].topic == message->rkt &&
            consume->spans[i].partition == message->partition)
            return &consume->spans[i];
    return NULL;
}

static void finish_span(struct consume *consume, struct span *span)
{
    assert(!span->is_done);
    assert(consume->open_count > 0);
    span->is_done = true;
    consume->open_count--;
}

/* Prints a record, or notes that its partition has no more. False: give up. */
static bool take_message(struct consume *consume, const rd_kafka_message_t *message)
{
    struct span *span = message->rkt != NULL ? find_span(consume, message) : NULL;
    bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (span != NULL && (is_record || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF))
        span->next = message->offset + is_record;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (span != NULL && !span->is_done && message->offset >= span->end)
            finish_span(consume, span);
        return true;
    }
    if (!is_record) {
        tool_error(consume->tool, "%s", rd_kafka_message_errstr(message));
        return message->err == RD_KAFKA_RESP_ERR__TRANSPORT ||
               message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    }
    if (span == NULL || span->is_done)
        return true;
    if (message->offset >= span->end) {
        finish_span(consume, span);
        return true;
    }
    consume_print_record(&consume->print, message);
    if (message->offset + 1 >= span->end)
        finish_span(consume, span);
    return true;
}

/* A reader that went away is noticed by the error on stdout, so `| head` ends the command. */
static bool is_finished(const struct consume *consume)
{
    return consume->open_count == 0 ||
           (int64_t)consume->print.progress.record_count >= consume->record_limit ||
           ferror(stdout) != 0;
}

/* All that is there now, up to a batch. */
static bool take_batch(struct consume *consume)
{
    rd_kafka_message_t *messages[BATCH_RECORDS];
    ssize_t count = rd_kafka_consume_batch_queue(consume->queue, 0, messages, BATCH_RECORDS);
    bool ok = true;
    for (ssize_t i = 0; i < count; i++) {
        if (ok && !is_finished(consume))
            ok = take_message(consume, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    return ok;
}

static bool can_go_on(struct consume *consume)
{
    if (!consume_watch_is_due(&consume->watch))
        return true;
    rd_kafka_topic_partition_list_t *positions =
        rd_kafka_topic_partition_list_new((int)consume->span_count);
    for (uint32_t i = 0; i < consume->span_count; i++) {
        const struct span *span = &consume->spans[i];
        rd_kafka_topic_partition_list_add(positions, rd_kafka_topic_name(span->topic),
                                          span->partition)
            ->offset = span->is_done ? RD_KAFKA_OFFSET_INVALID : span->next;
    }
    return consume_watch_look(&consume->watch, positions);
}

/* Waits for the first record, then takes what came with it; output is flushed when nothing came,
 * so a reader sees each record soon and a busy stream is written in large pieces. */
static enum exit_code consume_all(struct consume *consume)
{
    assert(consume->queue != NULL);
    bool ok = true;
    while (ok && !is_finished(consume)) {
        if (kafka_is_interrupted(consume->interrupt))
            return EXIT_CODE_INTERRUPTED;
        ok = can_go_on(consume);
        rd_kafka_message_t *message = rd_kafka_consume_queue(consume->queue, 0);
        if (message == NULL) {
            fflush(stdout);
            message = rd_kafka_consume_queue(consume->queue, WAIT_STEP_MS);
        }
        if (message == NULL)
            continue;
        ok = take_message(consume, message);
        rd_kafka_message_destroy(message);
        ok = ok && take_batch(consume);
    }
    return ok ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

/* Consumption is stopped before the queue goes: what is still on its way has nowhere else to land.
 */
static void deinit(struct consume *consume)
{
    for (uint32_t i = 0; i < consume->span_count; i++)
        if (consume->spans[i].is_started)
            rd_kafka_consume_stop(consume->spans[i].topic, consume->spans[i].partition);
    rd_kafka_topic_t *previous = NULL; /* the spans of a topic stand together and share it */
    for (uint32_t i = 0; i < consume->span_count; i++) {
        if (consume->spans[i].topic != previous)
            rd_kafka_topic_destroy(consume->spans[i].topic);
        previous = consume->spans[i].topic;
    }
    if (consume->queue != NULL)
        rd_kafka_queue_destroy(consume->queue);
    if (consume->kafka != NULL)
        rd_kafka_destroy(consume->kafka);
}

static enum exit_code consume_as_member(struct consume *consume, const char *group)
{
    struct consume_group member = {.tool = consume->tool,
                                   .group = group,
                                   .from_end = consume->range.from.kind == POINT_END,
                                   .record_limit = consume->record_limit,
                                   .interrupt = consume->interrupt,
                                   .print = &consume->print};
    return consume_group_run(&member);
}

static enum exit_code consume_alone(struct consume *consume)
{
    enum exit_code code = EXIT_CODE_FAILED;
    if (connect_consumer(consume) && plan(consume)) {
        progress_start(&consume->print.progress, consume->tool, "consumed",
                       !consume->tool->out_is_terminal);
        consume_watch_start(&consume->watch, consume->tool, consume->kafka);
        code = consume_all(consume);
        consume_watch_stop(&consume->watch);
        fflush(stdout);
        progress_finish(&consume->print.progress, "");
    }
    deinit(consume);
    return code;
}

static enum exit_code run_topic_consume(struct tool *tool)
{
    struct consume *consume = arena_allocate_array(&tool->arena, 1, sizeof *consume);
    if (consume == NULL)
        return tool_error(tool, "out of memory");
    consume->tool = tool;
    consume->record_limit = INT64_MAX;
    consume->interrupt = kafka_catch_interrupt();
    assert(consume->interrupt >= 0);
    if (!parse(consume)) {
        close(consume->interrupt);
        return EXIT_CODE_USAGE;
    }
    const char *group = options_text(&tool->options, "group");
    enum exit_code code =
        group != NULL ? consume_as_member(consume, group) : consume_alone(consume);
    close(consume->interrupt);
    return code;
}

static const struct option_row rows[] = {
    {'o', "offset", "OFFSET", "start|end|N|+N|-N|FROM:TO|@TIME|@T1:T2 (start)"},
    {'n', "num", "N", "stop after that many records"},
    {'p', "partitions", "LIST", "only these, such as 0,2,5-7"},
    {'g', "group", "GROUP", "as a member of a group, whose offsets are committed"},
    {'f', "output-format", "FORMAT", "how to print a record (%v\\n); json: one object a line"},
    {'r', "regex", NULL, "NAME is a regular expression for whole names"},
    {0, "meta-only", NULL, "JSON without keys and values"},
    {0, "pretty-print", NULL, "JSON over several lines"},
    {0, "read-committed", NULL, "no records of open or aborted transactions"},
    {0, "rack", "RACK", "prefer replicas of this rack"},
};

const struct command command_topic_consume = {
    .name = "topic consume",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "print the records of topics",
    .description =
        "Prints records as they come, until -n of them, until the end given by -o, or Ctrl-C.\n\n"
        "-o: start, end, an offset N, +N behind the start, -N before the end; FROM:TO stops "
        "before\n"
        "TO, where end is where the log ends now. @TIME: milliseconds or seconds since 1970,\n"
        "2026-11-22, 2026-11-22T06:40:00Z, now, -1h30m; @T1:T2 from one time to the other.\n\n"
        "-g: the group's members share the partitions. It goes on where the group has come to, or\n"
        "at -o (start or end) where nothing is committed. What was printed is committed every few\n"
        "seconds, when partitions change hands, and at the end, also by Ctrl-C.\n\n"
        "-f: %v value  %k key  %t topic  %p partition  %o offset  %d timestamp  %h{%k=%v } "
        "headers\n"
        "    %V %K %T sizes  %H number of headers  %i number of the record  %% %{ %} signs\n"
        "    {hex} {base64} behind bytes; {hex} {big32} {little64} ... behind numbers;\n"
        "    %d{rfc3339} %d{strftime[%F %T]}; \\t \\n \\r \\\\ \\xNN as in C.\n",
    .example = "tailrace topic consume demo -o start:end\n"
               "tailrace topic consume demo -g billing\n"
               "tailrace topic consume demo -o @-1h -f '%d{rfc3339} %k: %v\\n'\n",
    .json_shape = "One object a line (--pretty-print: several lines):\n"
                  "{\"topic\": string, \"key\": text, \"value\": text,\n"
                  " \"headers\": [{\"key\": text, \"value\": text}, ...],\n"
                  " \"timestamp\": number, \"partition\": number, \"offset\": number}\n"
                  "text: string, null, or {\"base64\": string} for what is not UTF-8\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_consume,
};
