#include "bench/topic.h"

#include "base/assert.h"
#include "bench/system.h"
#include "protocol/errors.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/metadata.h"

#include <string.h>
#include <time.h>

enum {
    METADATA_VERSION = 9,
    RETRY_NS = 20 * 1000 * 1000,
    LEADERS_TIMEOUT_SECONDS = 300, /* Kafka takes long for 10,000 */
    OFFSETS_AT_ONCE = 1000,
    CREATE_PARTITIONS_VERSION = 1,
    PARTITIONS_AT_ONCE = 5000, /* Kafka's controller takes no 10,000 */
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
static _Noreturn void fail_to_make(const char *name, int16_t error, struct bytes message)
{
    struct bytes reason = message.size > 0 ? message : bytes_of_text(kafka_error_text(error));
    fail("cannot make topic %s: %.*s", name, (int)reason.size, (const char *)reason.data);
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
    if (error != KAFKA_NONE)
        fail_to_make(name, error, response.topics[0].error_message);
    return true;
}

static void request_partitions(struct control *control, const char *name, uint32_t partition_count)
{
    struct control_call call;
    struct create_partitions_request request;
    struct create_partitions_request_topic topic;
    struct create_partitions_response response;
    control_call_begin(&call, control, API_CREATE_PARTITIONS, CREATE_PARTITIONS_VERSION);
    create_partitions_request_init(&request);
    create_partitions_request_topic_init(&topic);
    topic.name = bytes_of_text(name);
    topic.count = (int32_t)partition_count;
    topic.assignments = NULL;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    create_partitions_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    create_partitions_response_init(&response);
    control_call_check(&call, create_partitions_response_decode(&call.reader, call.version,
                                                                &control->arena, &response));
    if (response.results_count != 1 || response.results[0].error_code != KAFKA_NONE)
        fail_to_make(name, response.results_count == 1 ? response.results[0].error_code : -1,
                     response.results_count == 1 ? response.results[0].error_message
                                                 : (struct bytes){0});
}

static uint32_t next_count(uint32_t now, uint32_t wanted)
{
    return wanted - now > PARTITIONS_AT_ONCE ? now + PARTITIONS_AT_ONCE : wanted;
}

/* False if it was there. */
static bool make(struct control *control, const char *name, uint32_t partition_count,
                 const struct topic_configs *configs)
{
    uint32_t count = next_count(0, partition_count);
    if (!request_topic(control, name, count, configs))
        return false;
    while (count < partition_count) {
        count = next_count(count, partition_count);
        request_partitions(control, name, count);
    }
    return true;
}

/* --- What is there ---------------------------------------------------------------------------- */

uint32_t topic_count_partitions(struct control *control, const char *name)
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
        fail("topic %s is there already with %.*s=%.*s, not %.*s; delete it, or take another", name,
             (int)config->name.size, (const char *)config->name.data, (int)config->value.size,
             (const char *)config->value.data, (int)wanted.size, (const char *)wanted.data);
    }
}

static void check_existing(struct control *control, const char *name, uint32_t partition_count,
                           const struct topic_configs *configs)
{
    uint32_t count = topic_count_partitions(control, name);
    if (count > 0 && count < partition_count)
        fail("topic %s is there already with %u partitions, not %u; delete it, or take another",
             name, count, partition_count);
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
    int64_t give_up_ns = now_ns() + LEADERS_TIMEOUT_SECONDS * SECOND_NS;
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
    if (!make(control, topic, partition_count, configs))
        check_existing(control, topic, partition_count, configs);
    await_leaders(control, topic, partition_count);
}
