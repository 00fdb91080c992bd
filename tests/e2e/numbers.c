/* An idempotent producer for the tests of error codes: sends COUNT records to partition 0, whose
 * values are 0, 1, 2 ..., each in a batch of its own, and says what became of each:
 *
 *   e2e_numbers BROKERS TOPIC COUNT
 *
 *   version OF-THE-CLIENT
 *   delivered VALUE OFFSET
 *   failed VALUE ERROR
 *
 * It does not stop at an error: what later records meet is part of the answer. Nor does it give
 * anything up because time has gone by: whoever reads the lines decides how long is too long. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 100, TEXT_SIZE = 512 };

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    int size = (int)message->len;
    const char *value = message->payload;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        printf("delivered %.*s %lld\n", size, value, (long long)message->offset);
    else
        printf("failed %.*s %s\n", size, value, rd_kafka_err2name(message->err));
}

static void on_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
}

static rd_kafka_t *create(const char *brokers)
{
    static const char *const settings[][2] = {
        {"enable.idempotence", "true"}, {"linger.ms", "0"},
        {"batch.num.messages", "1"},    {"retry.backoff.ms", "50"},
        {"reconnect.backoff.ms", "20"}, {"reconnect.backoff.max.ms", "200"},
        {"message.timeout.ms", "0"},    {"socket.timeout.ms", "300000"},
    };
    char problem[TEXT_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result =
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, problem, sizeof problem);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && result == RD_KAFKA_CONF_OK; i++)
        result = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], problem, sizeof problem);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_t *kafka = result == RD_KAFKA_CONF_OK
                            ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof problem)
                            : NULL;
    if (kafka == NULL) {
        fprintf(stderr, "%s\n", problem);
        exit(2);
    }
    return kafka;
}

/* A producer that has had a fatal error refuses at once. */
static void send_number(rd_kafka_t *kafka, const char *topic, long number)
{
    char value[TEXT_SIZE];
    int size = snprintf(value, sizeof value, "%ld", number);
    rd_kafka_resp_err_t error =
        rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(value, (size_t)size), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        printf("failed %s %s\n", value, rd_kafka_err2name(error));
}

/* Until it is known what became of all. What waits behind a fatal error will not be sent any more,
 * and would wait for ever. */
static void hear_of_all(rd_kafka_t *kafka)
{
    char text[TEXT_SIZE];
    while (rd_kafka_outq_len(kafka) > 0) {
        rd_kafka_poll(kafka, POLL_MS);
        if (rd_kafka_fatal_error(kafka, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR)
            rd_kafka_purge(kafka, RD_KAFKA_PURGE_F_QUEUE);
    }
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 4) {
        fprintf(stderr, "usage: e2e_numbers BROKERS TOPIC COUNT\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    rd_kafka_t *kafka = create(arguments[1]);
    printf("version %s\n", rd_kafka_version_str());
    for (long number = 0; number < atol(arguments[3]); number++)
        send_number(kafka, arguments[2], number);
    hear_of_all(kafka);
    rd_kafka_destroy(kafka);
    return 0;
}
