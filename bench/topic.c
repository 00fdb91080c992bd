#include "bench/topic.h"

#include "base/assert.h"
#include "bench/system.h"
#include "protocol/errors.h"
#include "protocol/messages/create_topics.h"

#include <time.h>

enum {
    RETRY_NS = 20 * 1000 * 1000,
    OFFSETS_AT_ONCE = 1000,
};

static void request_topic(struct control *control, const char *name, uint32_t partition_count)
{
    struct control_call call;
    struct create_topics_request request;
    struct create_topics_request_topic topic;
    struct create_topics_response response;
    control_call_begin(&call, control, API_CREATE_TOPICS, CREATE_TOPICS_VERSION);
    create_topics_request_init(&request);
    create_topics_request_topic_init(&topic);
    topic.name = bytes_of_text(name);
    topic.num_partitions = (int32_t)partition_count;
    topic.replication_factor = 1;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    create_topics_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    create_topics_response_init(&response);
    control_call_check(&call, create_topics_response_decode(&call.reader, call.version,
                                                            &control->arena, &response));
    int16_t error = response.topics_count == 1 ? response.topics[0].error_code : KAFKA_NONE;
    if (error != KAFKA_NONE && error != KAFKA_TOPIC_ALREADY_EXISTS)
        fail("cannot make topic %s: %s", name, kafka_error_text(error));
}

void topic_create(struct control *control, const char *topic, uint32_t partition_count)
{
    int64_t offsets[OFFSETS_AT_ONCE];
    request_topic(control, topic, partition_count);
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
