/* A producer for the crash tests: sends numbered records, as many more as each line of its stdin
 * says, until that ends; and prints "number partition offset" of each when the broker has
 * acknowledged it.
 *
 *   e2e_producer BROKERS TOPIC PARTITIONS NAME [OPTION...]
 *
 *   idempotent     without it one request is in flight, so that the order survives retries; then a
 *                  record may be stored twice
 *   codec=NAME     of the batches
 *   large=N        every Nth value is large, its batch larger than what fits into the journal
 *   tombstones=N   every Nth value is null
 *
 * All of a record follows from its number n (load.py does the same): its key is NAME/(n * n mod
 * 64), its partition that key modulo PARTITIONS, its header "NAME:n", and its value a piece of one
 * text. A record that is given up is an error: the test keeps the broker away for seconds, not for
 * minutes. */
#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    IN_FLIGHT_MAX = 500,
    POLL_MS = 5,
    FLUSH_MS = 120000,
    KEYS = 64,
    TEXT_SIZE = 128 << 10,
    LARGE_SIZE = 100000,
};

struct options {
    bool is_idempotent;
    const char *codec;
    int64_t large;
    int64_t tombstones;
};

struct producer {
    rd_kafka_t *kafka;
    struct options options;
    const char *topic;
    const char *name;
    int partitions;
    int64_t next;
    int64_t end; /* where it waits to be told to go on */
    bool is_stopped;
    bool is_broken;
    char text[TEXT_SIZE];
};

/* --- Options ---------------------------------------------------------------------------------- */

static void end_with_usage(void)
{
    fprintf(stderr, "usage: e2e_producer BROKERS TOPIC PARTITIONS NAME [idempotent] [codec=NAME] "
                    "[large=N] [tombstones=N]\n");
    exit(2);
}

static void read_option(struct options *options, char *word)
{
    char *value = strchr(word, '=');
    if (value != NULL)
        *value++ = '\0';
    if (strcmp(word, "idempotent") == 0 && value == NULL)
        options->is_idempotent = true;
    else if (strcmp(word, "codec") == 0 && value != NULL)
        options->codec = value;
    else if (strcmp(word, "large") == 0 && value != NULL)
        options->large = atoll(value);
    else if (strcmp(word, "tombstones") == 0 && value != NULL)
        options->tombstones = atoll(value);
    else
        end_with_usage();
}

/* --- The client ------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;
    long long number = (long long)(intptr_t)message->_private;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "%s: record %lld: %s\n", producer->name, number,
                rd_kafka_err2str(message->err));
        producer->is_broken = true;
        return;
    }
    printf("%lld %d %lld\n", number, (int)message->partition, (long long)message->offset);
}

static void on_error(rd_kafka_t *kafka, int error, const char *reason, void *opaque)
{
    struct producer *producer = opaque;
    if (error != RD_KAFKA_RESP_ERR__FATAL)
        return; /* a broker that went away comes back */
    fprintf(stderr, "%s: %s\n", producer->name, reason);
    producer->is_broken = true;
}

static void on_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char problem[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, problem, sizeof problem);
    if (result != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s=%s: %s\n", name, value, problem);
        exit(2);
    }
}

static void create(struct producer *producer, const char *brokers)
{
    char problem[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "acks", "all");
    set(conf, "linger.ms", "1");
    set(conf, "batch.num.messages", "50");
    set(conf, "compression.codec", producer->options.codec);
    set(conf, "reconnect.backoff.ms", "20");
    set(conf, "reconnect.backoff.max.ms", "200");
    set(conf, "retries", "1000000");
    set(conf, "retry.backoff.ms", "50");
    set(conf, "enable.idempotence", producer->options.is_idempotent ? "true" : "false");
    if (!producer->options.is_idempotent)
        set(conf, "max.in.flight.requests.per.connection", "1");
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    producer->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof problem);
    if (producer->kafka == NULL) {
        fprintf(stderr, "%s\n", problem);
        exit(2);
    }
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Four bits of chance in each byte, so that a codec halves it and no more. */
static void write_text(char text[static TEXT_SIZE])
{
    uint32_t state = 1;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        state = (state * 1103515245u + 12345u) & 0x7fffffff;
        text[i] = (char)('a' + (state >> 16) % 16);
    }
}

static bool is_each(int64_t number, int64_t nth)
{
    return nth > 0 && number % nth == nth - 1;
}

static const char *value_of(const struct producer *producer, int64_t number, size_t *size)
{
    if (is_each(number, producer->options.tombstones)) {
        *size = 0;
        return NULL;
    }
    bool is_large = is_each(number, producer->options.large);
    *size = is_large ? LARGE_SIZE : 20 + (size_t)(number * 31 % 200);
    return producer->text + (size_t)(number * 7919) % (TEXT_SIZE - *size);
}

static void send_next(struct producer *producer)
{
    int64_t number = producer->next, key_number = number * number % KEYS;
    char key[64], header[64];
    size_t value_size;
    const char *value = value_of(producer, number, &value_size);
    int key_size = snprintf(key, sizeof key, "%s/%lld", producer->name, (long long)key_number);
    snprintf(header, sizeof header, "%s:%lld", producer->name, (long long)number);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer->kafka, RD_KAFKA_V_TOPIC(producer->topic),
        RD_KAFKA_V_PARTITION((int32_t)(key_number % producer->partitions)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, (size_t)key_size),
        RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_HEADER("record", header, -1),
        RD_KAFKA_V_OPAQUE((void *)(intptr_t)number), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        producer->next++;
    else if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        producer->is_broken = true;
}

/* Waits for a moment if there is nothing else to do. */
static void hear(struct producer *producer, bool may_wait)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[32];
    if (poll(&wait, 1, may_wait ? POLL_MS : 0) != 1)
        return;
    if (fgets(line, sizeof line, stdin) == NULL)
        producer->is_stopped = true;
    else
        producer->end += atoll(line);
}

static void run(struct producer *producer)
{
    while (!producer->is_broken && !producer->is_stopped) {
        bool is_full = rd_kafka_outq_len(producer->kafka) >= IN_FLIGHT_MAX;
        bool may_send = !is_full && producer->next < producer->end;
        if (may_send)
            send_next(producer);
        rd_kafka_poll(producer->kafka, 0);
        hear(producer, !may_send);
    }
}

int main(int argument_count, char **arguments)
{
    struct producer producer = {.options.codec = "none"};
    if (argument_count < 5)
        end_with_usage();
    producer.topic = arguments[2];
    producer.partitions = atoi(arguments[3]);
    producer.name = arguments[4];
    assert(producer.partitions > 0);
    for (int i = 5; i < argument_count; i++)
        read_option(&producer.options, arguments[i]);
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    write_text(producer.text);
    create(&producer, arguments[1]);
    run(&producer);
    bool is_left = rd_kafka_flush(producer.kafka, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR;
    fflush(stdout);
    fprintf(stderr, "%s: %lld records sent%s\n", producer.name, (long long)producer.next,
            is_left ? ", some not acknowledged" : "");
    rd_kafka_destroy(producer.kafka);
    return producer.is_broken || is_left;
}
