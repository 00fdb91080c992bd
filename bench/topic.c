#include "bench/topic.h"

#include "base/assert.h"
#include "bench/system.h"
#include "protocol/errors.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/metadata.h"

#include <string.h>
#include <time.h>

enum {
    METADATA_VERSION = 9,
    RETRY_NS = 20 * 1000 * 1000,
    OFFSETS_AT_ONCE = 1000,
};

static struct bytes name_of(const char *word)
{
    return bytes_of(word, strcspn(word, "="));
}

static struct bytes value_of(const char *word)
{
    size_t name_size = strcspn(word, "=");
    assert(word[name_size] == '=');
    return bytes_of_text(word + name_size + 1);
}

/* --- Making it -------------------------------------------------------------------------------- */

static void write_request(struct control_call *call, const char *name, uint32_t partition_count,
                          const struct topic_configs *configs)
{
    struct create_topics_request request;
    struct create_topics_request_topic topic;
    struct create_topics_request_config settings[TOPIC_CONFIGS_MAX];
    create_topics_request_init(&request);
    create_topics_request_topic_init(&topic);
    topic.name = bytes_of_text(name);
    topic.num_partitions = (int32_t)partition_count;
    topic.replication_factor = 1;
    for (uint32_t i = 0; i < configs->count; i++)
        settings[i] = (struct create_topics_request_config){.name = name_of(configs->words[i]),
                                                            .value = value_of(configs->words[i])};
    topic.configs = settings;
    topic.configs_count = configs->count;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    create_topics_request_encode(&call->writer, call->version, &request);
}

/* The broker's own words where it has some. */
static struct bytes reason_of(const struct create_topics_response_topic *topic)
{
    return topic->error_message.size > 0 ? topic->error_message
                                         : bytes_of_text(kafka_error_text(topic->error_code));
}

/* False if it was there. */
static bool request_topic(struct control *control, const char *name, uint32_t partition_count,
                          const struct topic_configs *configs)
{
    struct control_call call;
    struct create_topics_response response;
    control_call_begin(&call, control, API_CREATE_TOPICS, CREATE_TOPICS_VERSION);
    write_request(&call, name, partition_count, configs);
    control_call_finish(&call);
    create_topics_response_init(&response);
    control_call_check(&call, create_topics_response_decode(&call.reader, call.version,
                                                            &control->arena, &response));
    int16_t error = response.topics_count == 1 ? response.topics[0].error_code : KAFKA_NONE;
    if (error == KAFKA_TOPIC_ALREADY_EXISTS)
        return false;
    if (error != KAFKA_NONE) {
        struct bytes reason = reason_of(&response.topics[0]);
        fail("cannot make topic %s: %.*s", name, (int)reason.size, (const char *)reason.data);
    }
    return true;
}

/* --- What is there ---------------------------------------------------------------------------- */

/* 0 if the broker does not know it yet. */
static uint32_t count_partitions(struct control *control, const char *name)
{
    struct control_call call;
    struct metadata_request request;
    struct metadata_request_topic topic;
    struct metadata_response response;
    control_call_begin(&call, control, API_METADATA, METADATA_VERSION);
    metadata_request_init(&request);
    metadata_request_topic_init(&topic);
    topic.name = bytes_of_text(name);
    request.topics = &topic;
    request.topics_count = 1;
    request.allow_auto_topic_creation = false;
    metadata_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    metadata_response_init(&response);
    control_call_check(
        &call, metadata_response_decode(&call.reader, call.version, &control->arena, &response));
    return response.topics_count == 1 ? response.topics[0].partitions_count : 0;
}

static void check_config(const struct describe_configs_response_result *settings, const char *name,
                         const char *word)
{
    struct bytes wanted = value_of(word);
    for (uint32_t i = 0; i < settings->configs_count; i++) {
        const struct describe_configs_response_config *config = &settings->configs[i];
        if (!bytes_equal(config->name, name_of(word)) || bytes_equal(config->value, wanted))
            continue;
        fail("topic %s is there already with %.*s=%.*s, not %.*s; take another --topic", name,
             (int)config->name.size, (const char *)config->name.data, (int)config->value.size,
             (const char *)config->value.data, (int)wanted.size, (const char *)wanted.data);
    }
}

static void check_existing(struct control *control, const char *name, uint32_t partition_count,
                           const struct topic_configs *configs)
{
    uint32_t count = count_partitions(control, name);
    if (count > 0 && count < partition_count)
        fail("topic %s is there already with %u partitions, not %u; take another --topic", name,
             count, partition_count);
    if (configs->count == 0)
        return;
    const struct describe_configs_response_result *settings = control_describe_topic(control, name);
    if (settings == NULL)
        fail("topic %s is there already, and the broker does not tell its settings", name);
    for (uint32_t i = 0; i < configs->count; i++)
        check_config(settings, name, configs->words[i]);
}

static void await_leaders(struct control *control, const char *topic, uint32_t partition_count)
{
    int64_t offsets[OFFSETS_AT_ONCE];
    int64_t give_up_ns = now_ns() + CLIENT_TIMEOUT_SECONDS * SECOND_NS;
    for (uint32_t first = 0; first < partition_count; first += OFFSETS_AT_ONCE) {
        uint32_t left = partition_count - first;
        uint32_t count = left < OFFSETS_AT_ONCE ? left : OFFSETS_AT_ONCE;
        while (!control_find_offsets(control, topic, true, first, count, offsets)) {
            if (now_ns() > give_up_ns)
                fail("topic %s does not get leaders for %u partitions", topic, partition_count);
            nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
        }
    }
}

void topic_create(struct control *control, const char *topic, uint32_t partition_count,
                  const struct topic_configs *configs)
{
    static const struct topic_configs none;
    if (configs == NULL)
        configs = &none;
    if (!request_topic(control, topic, partition_count, configs))
        check_existing(control, topic, partition_count, configs);
    await_leaders(control, topic, partition_count);
}
