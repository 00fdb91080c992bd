/* DescribeTopicPartitions (KIP-966): topics in the order of their names, at most so many partitions
 * at a time; a cursor says where to go on. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/describe.h"
#include "broker/limits.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_topic_partitions.h"

#include <stdlib.h>

struct describe_partitions {
    struct request *request;
    struct describe_topic_partitions_request in;
    struct describe_topic_partitions_response out;
    struct describe_topic_partitions_response_cursor cursor;
    uint32_t left_count; /* partitions that still fit into this answer */
};

static int compare_topics(const void *a, const void *b)
{
    const struct describe_topic_partitions_request_topic *x = a;
    const struct describe_topic_partitions_request_topic *y = b;
    return bytes_compare(x->name, y->name);
}

/* Where the description of this topic begins: at the cursor's partition if the cursor is in it. */
static uint32_t first_partition(const struct describe_partitions *d, struct bytes name)
{
    if (d->in.cursor == NULL || !bytes_equal(d->in.cursor->topic_name, name))
        return 0;
    assert(d->in.cursor->partition_index >= 0);
    return (uint32_t)d->in.cursor->partition_index;
}

static bool is_before_cursor(const struct describe_partitions *d, struct bytes name)
{
    return d->in.cursor != NULL && bytes_compare(name, d->in.cursor->topic_name) < 0;
}

static bool answer_partition(struct request *request, const struct image_topic *topic,
                             uint32_t index,
                             struct describe_topic_partitions_response_partition *out)
{
    assert(index < topic->partition_count);
    const struct image_partition *partition = &topic->partitions[index];
    *out = (struct describe_topic_partitions_response_partition){
        .error_code = partition_error(partition),
        .partition_index = (int32_t)index,
        .leader_id = partition->leader,
        .leader_epoch = partition->leader_epoch,
        .replica_nodes = lend_ids(partition->replicas),
        .replica_nodes_count = partition->replica_count,
        .isr_nodes = lend_ids(partition->in_sync),
        .isr_nodes_count = partition->in_sync_count,
        .eligible_leader_replicas = WIRE_EMPTY,
        .last_known_elr = WIRE_EMPTY,
    };
    return offline_replicas(request, partition, &out->offline_replicas,
                            &out->offline_replicas_count);
}

static bool describe_topic(struct describe_partitions *d, const struct image_topic *topic)
{
    assert(d->left_count > 0);
    assert(d->out.next_cursor == NULL);
    struct describe_topic_partitions_response_topic *out = &d->out.topics[d->out.topics_count++];
    describe_topic_partitions_response_topic_init(out);
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic->is_internal;
    out->topic_authorized_operations = TOPIC_OPERATIONS_ALL;

    uint32_t first = first_partition(d, topic->name);
    uint32_t count = first < topic->partition_count ? topic->partition_count - first : 0;
    if (count > d->left_count) {
        count = d->left_count;
        d->cursor.topic_name = topic->name;
        d->cursor.partition_index = (int32_t)(first + count);
        d->out.next_cursor = &d->cursor;
    }
    out->partitions = request_allocate(d->request, count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!answer_partition(d->request, topic, first + i, &out->partitions[i]))
            return false;
    out->partitions_count = count;
    d->left_count -= count;
    return true;
}

/* The answer is full: the next one begins with this topic. */
static void stop_before(struct describe_partitions *d, struct bytes name)
{
    assert(d->left_count == 0);
    assert(d->out.next_cursor == NULL);
    d->cursor.topic_name = name;
    d->cursor.partition_index = 0;
    d->out.next_cursor = &d->cursor;
}

static bool describe_all(struct describe_partitions *d)
{
    struct image *image = core_image(d->request->core);
    uint32_t first =
        d->in.cursor == NULL ? 0 : image_topic_lower_bound(image, d->in.cursor->topic_name);
    assert(first <= image_topic_count(image));
    uint32_t count = image_topic_count(image) - first;
    d->out.topics = request_allocate(d->request, count, sizeof *d->out.topics);
    if (d->out.topics == NULL)
        return false;
    for (uint32_t i = 0; i < count && d->out.next_cursor == NULL; i++) {
        const struct image_topic *topic = image_topic_at(image, first + i);
        if (d->left_count == 0)
            stop_before(d, topic->name);
        else if (!describe_topic(d, topic))
            return false;
    }
    return true;
}

static void refuse_topic(struct describe_partitions *d, struct bytes name, int16_t error)
{
    assert(error != KAFKA_NONE);
    struct describe_topic_partitions_response_topic *out = &d->out.topics[d->out.topics_count++];
    describe_topic_partitions_response_topic_init(out);
    out->name = name;
    out->error_code = error;
}

static bool describe_named(struct describe_partitions *d)
{
    uint32_t count = d->in.topics_count;
    qsort(d->in.topics, count, sizeof *d->in.topics, compare_topics);
    d->out.topics = request_allocate(d->request, count, sizeof *d->out.topics);
    if (d->out.topics == NULL)
        return false;
    for (uint32_t i = 0; i < count && d->out.next_cursor == NULL; i++) {
        struct bytes name = d->in.topics[i].name;
        int16_t error;
        if (is_before_cursor(d, name) || (i > 0 && bytes_equal(name, d->in.topics[i - 1].name)))
            continue;
        const struct image_topic *topic =
            topic_resolve(d->request->core, false, name, UUID_NONE, &error);
        if (topic == NULL)
            refuse_topic(d, name, error);
        else if (d->left_count == 0)
            stop_before(d, name);
        else if (!describe_topic(d, topic))
            return false;
    }
    return true;
}

static uint32_t partitions_max(int32_t asked)
{
    if (asked < 1)
        return 1;
    return asked < LIMIT_DESCRIBED_PARTITIONS ? (uint32_t)asked : LIMIT_DESCRIBED_PARTITIONS;
}

void api_describe_topic_partitions_handle(struct request *request)
{
    struct describe_partitions d = {.request = request};
    enum status status = describe_topic_partitions_request_decode(&request->body, request->version,
                                                                  &request->arena, &d.in);
    if (!request_is_decoded(request, status))
        return;
    if (d.in.cursor != NULL && d.in.cursor->partition_index < 0) {
        request_refuse(request, "the cursor's partition is negative", STATUS_INVALID);
        return;
    }
    describe_topic_partitions_response_init(&d.out);
    d.left_count = partitions_max(d.in.response_partition_limit);
    if (!(d.in.topics_count == 0 ? describe_all(&d) : describe_named(&d)))
        writer_fail(&request->response, STATUS_NO_MEMORY);
    describe_topic_partitions_response_encode(&request->response, request->version, &d.out);
    request_reply(request);
}
