/* A producer for the crash tests: sends numbered records until it is told to stop (end of its
 * stdin), and prints the number of each record when the broker acknowledged it.
 *
 *   e2e_producer BROKERS TOPIC PARTITIONS NAME idempotent|plain
 *
 * Record number n goes to partition n % PARTITIONS and holds "NAME n". The plain producer keeps one
 * request in flight, so that its order survives retries; it may store a record twice. A record that
 * is given up is an error: the test keeps the broker away for seconds, not for minutes. */
#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 2000, POLL_MS = 5, FLUSH_MS = 120000 };

struct producer {
    rd_kafka_t *kafka;
    const char *topic;
    const char *name;
    int partitions;
    int64_t next;
    bool is_broken;
};

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "%s: record %lld: %s\n", producer->name,
                (long long)(intptr_t)message->_private, rd_kafka_err2str(message->err));
        producer->is_broken = true;
        return;
    }
    printf("%lld\n", (long long)(intptr_t)message->_private);
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

static void create(struct producer *producer, const char *brokers, bool is_idempotent)
{
    char problem[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "acks", "all");
    set(conf, "linger.ms", "1");
    set(conf, "batch.num.messages", "50");
    set(conf, "reconnect.backoff.ms", "20");
    set(conf, "reconnect.backoff.max.ms", "200");
    set(conf, "retries", "1000000");
    set(conf, "retry.backoff.ms", "50");
    set(conf, "enable.idempotence", is_idempotent ? "true" : "false");
    if (!is_idempotent)
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

static void send_next(struct producer *producer)
{
    char value[128];
    int size = snprintf(value, sizeof value, "%s %lld", producer->name, (long long)producer->next);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer->kafka, RD_KAFKA_V_TOPIC(producer->topic),
        RD_KAFKA_V_PARTITION((int32_t)(producer->next % producer->partitions)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, (size_t)size),
        RD_KAFKA_V_OPAQUE((void *)(intptr_t)producer->next), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        producer->next++;
    else if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        producer->is_broken = true;
}

static bool is_told_to_stop(void)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 6) {
        fprintf(stderr, "usage: e2e_producer BROKERS TOPIC PARTITIONS NAME idempotent|plain\n");
        return 2;
    }
    struct producer producer = {
        .topic = arguments[2], .partitions = atoi(arguments[3]), .name = arguments[4]};
    assert(producer.partitions > 0);
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    create(&producer, arguments[1], strcmp(arguments[5], "idempotent") == 0);
    while (!producer.is_broken && !is_told_to_stop()) {
        bool is_full = rd_kafka_outq_len(producer.kafka) >= IN_FLIGHT_MAX;
        if (!is_full)
            send_next(&producer);
        rd_kafka_poll(producer.kafka, is_full ? POLL_MS : 0);
    }
    bool is_left = rd_kafka_flush(producer.kafka, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR;
    fflush(stdout);
    fprintf(stderr, "%s: %lld records sent%s\n", producer.name, (long long)producer.next,
            is_left ? ", some not acknowledged" : "");
    rd_kafka_destroy(producer.kafka);
    return producer.is_broken || is_left;
}
