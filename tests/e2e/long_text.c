/* Real text through one partition, many million records of it, and back.
 *
 *   e2e_long_text produce BROKERS TOPIC FILE COUNT
 *   e2e_long_text check   BROKERS TOPIC FILE COUNT
 *
 * Record n is line n of the file, which begins anew when it is used up; its key is n in decimal,
 * and eight records share a millisecond of FIRST_TIME_MS onwards. One idempotent producer and an
 * empty topic: so offset, number and time of a record follow from each other.
 *
 * `check` reads everything from the start of the log to its end, in order, and prints both. */
#include <assert.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_PER_MS = 8, POLL_MS = 100, WAIT_MS = 60000, FLUSH_MS = 600000, BATCH_MAX = 10000 };
static const int64_t FIRST_TIME_MS = 1700000000000;

struct text {
    char *bytes;
    size_t *starts; /* of each line, and the end of the last */
    size_t line_count;
};

struct line {
    const char *bytes;
    size_t size;
};

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* --- The text --------------------------------------------------------------------------------- */

static size_t read_file(const char *path, char **bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        give_up("%s cannot be read", path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    *bytes = malloc(size + 1);
    if (*bytes == NULL || fread(*bytes, 1, size, file) != size)
        give_up("%s cannot be read whole", path);
    fclose(file);
    return size;
}

static struct text load(const char *path)
{
    struct text text = {0};
    size_t size = read_file(path, &text.bytes);
    for (size_t i = 0; i < size; i++)
        text.line_count += text.bytes[i] == '\n';
    if (text.line_count == 0)
        give_up("%s has no lines", path);
    text.starts = calloc(text.line_count + 1, sizeof *text.starts);
    assert(text.starts != NULL);
    size_t line = 1;
    for (size_t i = 0; i < size; i++)
        if (text.bytes[i] == '\n')
            text.starts[line++] = i + 1;
    return text;
}

static struct line line_of(const struct text *text, int64_t number)
{
    size_t index = (size_t)number % text->line_count;
    size_t start = text->starts[index];
    return (struct line){text->bytes + start, text->starts[index + 1] - 1 - start};
}

static int64_t time_of(int64_t number)
{
    return FIRST_TIME_MS + number / RECORDS_PER_MS;
}

/* --- Clients ---------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char problem[256];
    if (rd_kafka_conf_set(conf, name, value, problem, sizeof problem) != RD_KAFKA_CONF_OK)
        give_up("%s=%s: %s", name, value, problem);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers)
{
    char problem[256];
    set(conf, "bootstrap.servers", brokers);
    rd_kafka_t *kafka = rd_kafka_new(type, conf, problem, sizeof problem);
    if (kafka == NULL)
        give_up("%s", problem);
    return kafka;
}

static void progress(const char *what, int64_t done, int64_t count)
{
    if (done % 1000000 == 0)
        fprintf(stderr, "%s %" PRId64 " of %" PRId64 "\n", what, done, count);
}

/* --- Producing -------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("a record was not acknowledged: %s", rd_kafka_err2str(message->err));
    (*(int64_t *)opaque)++;
}

static void send_record(rd_kafka_t *kafka, const char *topic, const struct text *text,
                        int64_t number)
{
    char key[24];
    int key_size = snprintf(key, sizeof key, "%" PRId64, number);
    struct line line = line_of(text, number);
    for (;;) {
        rd_kafka_resp_err_t error = rd_kafka_producev(
            kafka, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, (size_t)key_size),
            RD_KAFKA_V_VALUE((void *)line.bytes, line.size), RD_KAFKA_V_TIMESTAMP(time_of(number)),
            RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            return;
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            give_up("record %" PRId64 ": %s", number, rd_kafka_err2str(error));
        rd_kafka_poll(kafka, POLL_MS);
    }
}

static int produce(const char *brokers, const char *topic, const struct text *text, int64_t count)
{
    int64_t acknowledged = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "5");
    set(conf, "batch.num.messages", "500"); /* some smaller than 32 KiB, some larger */
    set(conf, "queue.buffering.max.messages", "500000");
    rd_kafka_conf_set_opaque(conf, &acknowledged);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, conf, brokers);
    for (int64_t number = 0; number < count; number++) {
        send_record(kafka, topic, text, number);
        if (number % 1000 == 0)
            rd_kafka_poll(kafka, 0);
        progress("sent", number + 1, count);
    }
    rd_kafka_flush(kafka, FLUSH_MS);
    rd_kafka_destroy(kafka);
    if (acknowledged != count)
        give_up("only %" PRId64 " records were acknowledged", acknowledged);
    printf("%" PRId64 " records acknowledged\n", acknowledged);
    return 0;
}

/* --- Checking --------------------------------------------------------------------------------- */

static void check_record(const rd_kafka_message_t *message, const struct text *text,
                         int64_t expected)
{
    char key[24];
    size_t key_size = (size_t)snprintf(key, sizeof key, "%" PRId64, expected);
    struct line line = line_of(text, expected);
    rd_kafka_timestamp_type_t type;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("at offset %" PRId64 ": %s", expected, rd_kafka_err2str(message->err));
    if (message->offset != expected)
        give_up("offset %" PRId64 " came instead of %" PRId64, message->offset, expected);
    if (message->key_len != key_size || memcmp(message->key, key, key_size) != 0)
        give_up("offset %" PRId64 " has a wrong key", expected);
    if (message->len != line.size || memcmp(message->payload, line.bytes, line.size) != 0)
        give_up("offset %" PRId64 " has a wrong value", expected);
    if (rd_kafka_message_timestamp(message, &type) != time_of(expected))
        give_up("offset %" PRId64 " has a wrong time", expected);
}

static rd_kafka_topic_t *open_topic(rd_kafka_t *kafka, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    if (topic == NULL)
        give_up("%s: %s", name, rd_kafka_err2str(rd_kafka_last_error()));
    return topic;
}

static void check_all(const char *brokers, const char *name, const struct text *text, int64_t from,
                      int64_t to)
{
    rd_kafka_message_t *messages[BATCH_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "queued.min.messages", "1000000");
    set(conf, "auto.offset.reset", "error"); /* it would go on at the end, and wait there */
    rd_kafka_t *kafka = client(RD_KAFKA_CONSUMER, conf, brokers);
    rd_kafka_topic_t *topic = open_topic(kafka, name);
    rd_kafka_consume_start(topic, 0, from);
    int32_t waited_ms = 0;
    for (int64_t next = from; next < to;) {
        /* It waits until it has all that it is asked for, also with an error among it. */
        size_t wanted = to - next < BATCH_MAX ? (size_t)(to - next) : BATCH_MAX;
        ssize_t count = rd_kafka_consume_batch(topic, 0, POLL_MS, messages, wanted);
        waited_ms = count > 0 ? 0 : waited_ms + POLL_MS;
        if (count < 0 || waited_ms >= WAIT_MS)
            give_up("nothing came behind offset %" PRId64, next);
        for (ssize_t i = 0; i < count; i++) {
            check_record(messages[i], text, next++);
            rd_kafka_message_destroy(messages[i]);
            progress("read", next - from, to - from);
        }
    }
    rd_kafka_consume_stop(topic, 0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(kafka);
}

static int check(const char *brokers, const char *name, const struct text *text, int64_t count)
{
    int64_t from, to;
    rd_kafka_t *kafka = client(RD_KAFKA_CONSUMER, rd_kafka_conf_new(), brokers);
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(kafka, name, 0, &from, &to, WAIT_MS);
    rd_kafka_destroy(kafka);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("%s: %s", name, rd_kafka_err2str(error));
    if (to != count || from >= to)
        give_up("the log is %" PRId64 " to %" PRId64 ", it should end at %" PRId64, from, to,
                count);
    check_all(brokers, name, text, from, to);
    printf("%" PRId64 " to %" PRId64 " in order\n", from, to);
    return 0;
}

int main(int argument_count, char **arguments)
{
    bool produces = argument_count == 6 && strcmp(arguments[1], "produce") == 0;
    bool checks = argument_count == 6 && strcmp(arguments[1], "check") == 0;
    if (!produces && !checks) {
        fprintf(stderr, "usage: e2e_long_text produce|check BROKERS TOPIC FILE COUNT\n");
        return 2;
    }
    struct text text = load(arguments[4]);
    int64_t count = atoll(arguments[5]);
    int status = produces ? produce(arguments[2], arguments[3], &text, count)
                          : check(arguments[2], arguments[3], &text, count);
    free(text.starts);
    free(text.bytes);
    return status;
}
