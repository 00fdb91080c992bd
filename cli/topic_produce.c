/* topic produce: records from stdin to a topic, through librdkafka.
 *
 * Reading, sending and being told of the delivery overlap: producing blocks only while
 * librdkafka's queue is full. A record counts as produced when its broker acknowledged it, with the
 * default acks=all when it is on disk. */
#include "base/assert.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/kafka.h"
#include "cli/progress.h"
#include "cli/record_format.h"
#include "cli/record_input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ERRORS_SHOWN_MAX = 10,
    POLL_EVERY_RECORDS = 64,
    QUEUE_FULL_WAIT_MS = 50,
    FLUSH_STEP_MS = 100,
    TOPIC_NAME_SIZE_MAX = 249, /* Kafka's */
};

struct produce {
    struct tool *tool;
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic; /* NULL: each record names its own */
    rd_kafka_headers_t *headers;
    struct bytes key; /* for records that bring none */
    int32_t partition;
    bool is_tombstone_for_empty;
    struct record_input input;
    int interrupt;
    bool has_output;
    struct record_format output;
    struct progress progress;
    uint64_t failed_count;
    int32_t last_partition;
    int64_t last_offset;
};

static void print_delivered(struct produce *produce, const rd_kafka_message_t *message)
{
    assert(produce->has_output);
    struct record record = kafka_record(message, (int64_t)produce->progress.record_count + 1);
    if (produce->tool->format != FORMAT_JSON) {
        record_format_print(&produce->output, &record, stdout);
        return;
    }
    json_t *line = json_pack("{s:s, s:i, s:I, s:I}", "topic", (const char *)record.topic.data,
                             "partition", (int)record.partition, "offset",
                             (json_int_t)record.offset, "timestamp", (json_int_t)record.time_ms);
    json_dumpf(line, stdout, JSON_COMPACT);
    putc_unlocked('\n', stdout);
    json_decref(line);
}

static const char *advice(rd_kafka_resp_err_t error)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: return "; create it with 'tailrace topic create'";
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return "; see 'tailrace topic describe' for its partitions";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return "; the topic's max.message.bytes is the limit";
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT: return "; no broker acknowledged it";
    }
    return "";
}

/* The first few are shown; a broker that is gone would fill the terminal with one line for each
 * record. */
static void note_failure(struct produce *produce, rd_kafka_resp_err_t error)
{
    assert(error != RD_KAFKA_RESP_ERR_NO_ERROR);
    produce->failed_count++;
    if (produce->failed_count <= ERRORS_SHOWN_MAX)
        tool_error(produce->tool, "a record was not produced: %s%s", rd_kafka_err2str(error),
                   advice(error));
}

/* Called from poll and flush on this thread, so nothing here needs a lock. */
static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    assert(opaque != NULL);
    struct produce *produce = opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_failure(produce, message->err);
        return;
    }
    if (produce->has_output)
        print_delivered(produce, message);
    produce->last_partition = message->partition;
    produce->last_offset = message->offset;
    progress_add(&produce->progress, 1, message->len + message->key_len);
}

/* -H key:value, as often as given. */
static bool parse_headers(struct produce *produce)
{
    assert(produce->headers == NULL);
    uint32_t position = 0;
    for (;;) {
        const char *text = options_next(&produce->tool->options, "header", &position);
        if (text == NULL)
            return true;
        const char *colon = strchr(text, ':');
        if (colon == NULL) {
            tool_usage_error(produce->tool, "-H takes KEY:VALUE, not '%s'", text);
            return false;
        }
        if (produce->headers == NULL)
            produce->headers = rd_kafka_headers_new(4);
        rd_kafka_header_add(produce->headers, text, colon - text, colon + 1, -1);
    }
}

/* The output format is checked before input is read: a mistake in it should not cost what was
 * typed. */
static bool parse_formats(struct produce *produce)
{
    struct tool *tool = produce->tool;
    const char *output = options_text(&tool->options, "output-format");
    produce->has_output = output != NULL || tool->format == FORMAT_JSON;
    if (output != NULL && !record_format_parse(&produce->output, output, &tool->arena)) {
        tool_usage_error(tool, "-o: %s", produce->output.problem);
        return false;
    }
    const char *input = options_text(&tool->options, "input-format");
    if (!record_input_open(&produce->input, input != NULL ? input : "%v\n", STDIN_FILENO,
                           produce->interrupt, &tool->arena)) {
        tool_usage_error(tool, "-f: %s", produce->input.problem);
        return false;
    }
    return true;
}

/* Only then may the command line name none. */
static bool format_names_topic(const struct record_input *input)
{
    for (uint32_t i = 0; i < input->field_count; i++)
        if (input->fields[i].letter == 't')
            return true;
    return false;
}

static bool parse(struct produce *produce)
{
    struct tool *tool = produce->tool;
    int64_t partition = RD_KAFKA_PARTITION_UA;
    if (!tool_number(tool, "partition", 0, INT32_MAX, &partition) || !parse_formats(produce))
        return false;
    if (tool->options.argument_count == 0 && !format_names_topic(&produce->input)) {
        tool_usage_error(tool, "missing: NAME of the topic (or %%t in the format of -f)");
        return false;
    }
    const char *key = options_text(&tool->options, "key");
    if (key != NULL)
        produce->key = bytes_of_text(key);
    produce->partition = (int32_t)partition;
    produce->is_tombstone_for_empty = options_has(&tool->options, "tombstone");
    return parse_headers(produce);
}

/* Keys go to the partition where Java's clients put them; batches fill for 5 ms; sizes are the
 * broker's to judge. */
static const struct kafka_default produce_defaults[] = {
    {"linger.ms", "5"},
    {"partitioner", "murmur2_random"},
    {"message.max.bytes", "104857600"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "500000"},
    {NULL, NULL},
};

/* Flags come after -X and win: they are the more special wish. */
static bool set_from_flag(const struct tool *tool, rd_kafka_conf_t *conf, const char *flag,
                          const char *name)
{
    assert(flag != NULL);
    assert(name != NULL);
    char problem[256];
    const char *value = options_text(&tool->options, flag);
    if (value == NULL)
        return true;
    if (rd_kafka_conf_set(conf, name, value, problem, sizeof problem) == RD_KAFKA_CONF_OK)
        return true;
    tool_usage_error(tool, "--%s: %s", flag, problem);
    return false;
}

/* Idempotent when all replicas acknowledge, unless the user says otherwise. */
static bool configure(struct produce *produce, rd_kafka_conf_t *conf)
{
    assert(conf != NULL);
    const struct tool *tool = produce->tool;
    const char *acks = options_text(&tool->options, "acks");
    bool is_all = acks == NULL || strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0;
    bool is_user_choice = tool_setting(tool, "enable.idempotence") != NULL ||
                          tool_setting(tool, "acks") != NULL ||
                          tool_setting(tool, "request.required.acks") != NULL;
    char problem[256];
    if (is_all && !is_user_choice)
        rd_kafka_conf_set(conf, "enable.idempotence", "true", problem, sizeof problem);
    rd_kafka_conf_set_opaque(conf, produce);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return set_from_flag(tool, conf, "acks", "acks") &&
           set_from_flag(tool, conf, "compression", "compression.codec");
}

static bool connect_producer(struct produce *produce)
{
    assert(produce->kafka == NULL);
    struct tool *tool = produce->tool;
    if (!client_probe(tool))
        return false;
    rd_kafka_conf_t *conf = kafka_configure(tool, produce_defaults);
    if (conf == NULL)
        return false;
    if (!configure(produce, conf)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    produce->kafka = kafka_create(tool, RD_KAFKA_PRODUCER, conf);
    if (produce->kafka == NULL)
        return false;
    if (tool->options.argument_count == 1)
        produce->topic = rd_kafka_topic_new(produce->kafka, tool->options.arguments[0], NULL);
    return true;
}

static rd_kafka_resp_err_t enqueue(struct produce *produce, rd_kafka_topic_t *topic,
                                   const struct input_record *record)
{
    assert(topic != NULL);
    struct bytes key = bytes_are_null(record->key) ? produce->key : record->key;
    struct bytes value = record->value;
    if (produce->is_tombstone_for_empty && value.size == 0)
        value = bytes_of(NULL, 0);
    rd_kafka_headers_t *headers =
        produce->headers != NULL ? rd_kafka_headers_copy(produce->headers) : NULL;
    int32_t partition = record->partition >= 0 ? record->partition : produce->partition;
    rd_kafka_resp_err_t error = rd_kafka_producev(
        produce->kafka, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY((void *)key.data, key.size),
        RD_KAFKA_V_VALUE((void *)value.data, value.size), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL)
        rd_kafka_headers_destroy(headers);
    return error;
}

/* The topic that a record names, NULL if no topic can have that name. librdkafka keeps a table of
 * its own, so asking again for each record is cheap. */
static rd_kafka_topic_t *topic_of_record(struct produce *produce, struct bytes name)
{
    char text[TOPIC_NAME_SIZE_MAX + 1];
    if (name.size > TOPIC_NAME_SIZE_MAX)
        return NULL;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return rd_kafka_topic_new(produce->kafka, text, NULL);
}

/* Hands a record over, waiting while the queue is full; a record that cannot be sent is counted. */
static void send_record(struct produce *produce, const struct input_record *record)
{
    assert(produce->kafka != NULL);
    rd_kafka_topic_t *topic = produce->topic;
    if (!bytes_are_null(record->topic))
        topic = topic_of_record(produce, record->topic);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__INVALID_ARG;
    while (topic != NULL) {
        error = enqueue(produce, topic, record);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || kafka_is_interrupted(produce->interrupt))
            break;
        rd_kafka_poll(produce->kafka, QUEUE_FULL_WAIT_MS);
    }
    if (topic != NULL && topic != produce->topic)
        rd_kafka_topic_destroy(topic);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        note_failure(produce, error);
}

/* Until all that was handed over is acknowledged or given up; a second wish to stop ends it. */
static void flush(struct produce *produce)
{
    assert(produce->kafka != NULL);
    while (rd_kafka_flush(produce->kafka, FLUSH_STEP_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        if (!produce->input.is_interrupted && kafka_is_interrupted(produce->interrupt))
            break;
    fflush(stdout);
}

/* Polling now and then lets deliveries be told while input goes on; more often would only cost
 * time. */
static enum exit_code run_input(struct produce *produce)
{
    struct input_record record;
    enum input_result result;
    bool is_typed = isatty(STDIN_FILENO) == 1;
    while ((result = record_input_next(&produce->input, &record)) == INPUT_RECORD) {
        send_record(produce, &record);
        if (produce->input.record_count % POLL_EVERY_RECORDS == 0)
            rd_kafka_poll(produce->kafka, 0);
        if (is_typed && record_input_must_wait(&produce->input))
            flush(produce); /* who types wants to see what became of it */
    }
    flush(produce);
    if (result == INPUT_BROKEN)
        return tool_error(produce->tool, "%s", produce->input.problem);
    return EXIT_CODE_OK;
}

/* Counts what was never acknowledged as lost, also if it may have arrived: only an acknowledgement
 * is a promise. */
static enum exit_code summarize(struct produce *produce, enum exit_code code)
{
    char what[320] = "";
    const struct tool *tool = produce->tool;
    if (produce->topic != NULL && produce->progress.record_count == 1 && produce->last_offset >= 0)
        snprintf(what, sizeof what, "to %s (partition %d, offset %lld)",
                 rd_kafka_topic_name(produce->topic), (int)produce->last_partition,
                 (long long)produce->last_offset);
    else if (produce->topic != NULL)
        snprintf(what, sizeof what, "to %s", rd_kafka_topic_name(produce->topic));
    progress_finish(&produce->progress, what);
    uint64_t lost = produce->failed_count + (uint64_t)rd_kafka_outq_len(produce->kafka);
    if (lost > 0)
        return tool_error(tool, "%llu of %llu records were not produced", (unsigned long long)lost,
                          (unsigned long long)produce->input.record_count);
    return produce->input.is_interrupted ? EXIT_CODE_INTERRUPTED : code;
}

static void deinit(struct produce *produce)
{
    if (produce->topic != NULL)
        rd_kafka_topic_destroy(produce->topic);
    if (produce->headers != NULL)
        rd_kafka_headers_destroy(produce->headers);
    if (produce->kafka != NULL) {
        rd_kafka_purge(produce->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(produce->kafka);
    }
    record_input_close(&produce->input);
}

static enum exit_code run_topic_produce(struct tool *tool)
{
    struct produce produce = {.tool = tool, .last_offset = -1};
    produce.interrupt = kafka_catch_interrupt();
    assert(produce.interrupt >= 0);
    enum exit_code code = EXIT_CODE_USAGE;
    if (parse(&produce)) {
        code = EXIT_CODE_FAILED;
        if (connect_producer(&produce)) {
            bool is_live = !(tool->out_is_terminal && produce.has_output) && !isatty(STDIN_FILENO);
            progress_start(&produce.progress, tool, "produced", is_live);
            code = summarize(&produce, run_input(&produce));
        }
    }
    deinit(&produce);
    close(produce.interrupt);
    return code;
}

static const struct option_row rows[] = {
    {'k', "key", "KEY", "key of every record that brings none"},
    {'p', "partition", "N", "partition (default: by the key, as Java's clients; else any)"},
    {'H', "header", "KEY:VALUE", "a header for every record; may be repeated"},
    {'z', "compression", "none|gzip|snappy|lz4|zstd", "codec of the batches (none)"},
    {'Z', "tombstone", NULL, "an empty value becomes null, which deletes its key when compacted"},
    {0, "acks", "all|1|0", "when a record counts as produced (all: when it is on disk)"},
    {'f', "input-format", "FORMAT", "how to read records (%v\\n: one a line)"},
    {'o', "output-format", "FORMAT", "print each produced record (e.g. '%p %o\\n')"},
};

const struct command command_topic_produce = {
    .name = "topic produce",
    .arguments = "NAME",
    .argument_count_max = 1,
    .summary = "produce records read from stdin",
    .description =
        "Reads records from stdin, one a line unless -f says otherwise, and produces them.\n"
        "The producer is idempotent: what is retried is not stored twice.\n\n"
        "The format of -f is made of %v value, %k key, %t topic, %p partition and the text that\n"
        "stands between them; {hex} or {base64} behind %k or %v decodes; \\t \\n \\xNN as in C.\n"
        "The format of -o has the letters of 'topic consume -f'.\n",
    .example = "echo hello | tailrace topic produce demo\n"
               "tailrace topic produce demo -f '%k %v\\n' -z zstd < pairs.txt\n",
    .json_shape = "One line for each produced record:\n"
                  "{\"topic\": string, \"partition\": number, \"offset\": number, "
                  "\"timestamp\": number}\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_produce,
};
