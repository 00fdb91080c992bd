/* librdkafka reports every broken connection by itself, also those that it mends; the tool keeps
 * silent about them and speaks when a call has failed for good. */
#include "cli/kafka.h"

#include "base/assert.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

/* librdkafka tells of every broken connection; what matters is said by the calls that fail. */
static void ignore_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
}

static void ignore_error(rd_kafka_t *kafka, int error, const char *reason, void *opaque)
{
}

static bool set(const struct tool *tool, rd_kafka_conf_t *conf, const char *name, const char *value)
{
    assert(name != NULL);
    assert(value != NULL);
    char problem[256];
    if (rd_kafka_conf_set(conf, name, value, problem, sizeof problem) == RD_KAFKA_CONF_OK)
        return true;
    tool_usage_error(tool, "-X %s=%s: %s", name, value, problem);
    return false;
}

rd_kafka_conf_t *kafka_configure(const struct tool *tool, const struct kafka_default *defaults)
{
    assert(defaults != NULL);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok =
        set(tool, conf, "client.id", "tailrace") && set(tool, conf, "broker.address.family", "any");
    for (; ok && defaults->name != NULL; defaults++)
        ok = set(tool, conf, defaults->name, defaults->value);
    for (uint32_t i = 0; ok && i < tool->setting_count; i++)
        ok = set(tool, conf, tool->settings[i].name, tool->settings[i].value);
    ok = ok && set(tool, conf, "bootstrap.servers", tool->brokers);
    if (!ok) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    if (tool_setting(tool, "debug") == NULL)
        rd_kafka_conf_set_log_cb(conf, ignore_log);
    rd_kafka_conf_set_error_cb(conf, ignore_error);
    return conf;
}

rd_kafka_t *kafka_create(const struct tool *tool, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    assert(conf != NULL);
    char problem[256];
    rd_kafka_t *kafka = rd_kafka_new(type, conf, problem, sizeof problem);
    if (kafka == NULL) {
        rd_kafka_conf_destroy(conf);
        tool_usage_error(tool, "%s", problem);
    }
    return kafka;
}

const struct rd_kafka_metadata *kafka_metadata(const struct tool *tool, rd_kafka_t *kafka,
                                               rd_kafka_topic_t *topic)
{
    assert(kafka != NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(kafka, topic == NULL, topic, &metadata, tool_timeout_ms(tool));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return metadata;
    if (error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__TIMED_OUT)
        tool_error(tool, "no broker answers at %s; is it running? ./dev start", tool->brokers);
    else
        tool_error(tool, "%s", rd_kafka_err2str(error));
    return NULL;
}

struct record kafka_record(const rd_kafka_message_t *message, int64_t index)
{
    assert(index > 0);
    return (struct record){
        .topic = bytes_of_text(rd_kafka_topic_name(message->rkt)),
        .key = bytes_of(message->key, message->key_len),
        .value = bytes_of(message->payload, message->len),
        .partition = message->partition,
        .leader_epoch = -1,
        .offset = message->offset,
        .time_ms = rd_kafka_message_timestamp(message, NULL),
        .index = index,
    };
}

int kafka_catch_interrupt(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    int result = pthread_sigmask(SIG_BLOCK, &signals, NULL);
    assert(result == 0);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool kafka_is_interrupted(int interrupt)
{
    return kafka_interrupted_within(interrupt, 0);
}

bool kafka_interrupted_within(int interrupt, int wait_ms)
{
    assert(interrupt >= 0);
    assert(wait_ms >= 0);
    struct pollfd wait = {.fd = interrupt, .events = POLLIN};
    return poll(&wait, 1, wait_ms) == 1;
}
