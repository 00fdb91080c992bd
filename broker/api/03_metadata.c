/* Metadata: brokers, topics, leaders. Topics that are named and missing are created on the way, if
 * the client and the configuration allow it.
 *
 *   CREATE ──▶ REPLY
 *
 * Kafka answers UNKNOWN_TOPIC_OR_PARTITION to the first request and lets the client ask again; here
 * the answer waits for the new topic, which takes one commit, and clients start without an error.
 */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/controller_call.h"
#include "broker/describe.h"
#include "broker/kafka_status.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/metadata.h"

enum { METADATA_NULL_IS_ALL_SINCE = 1, METADATA_IDS_SINCE = 12 };

enum metadata_stage { METADATA_CREATE, METADATA_REPLY };

static const struct op_stage metadata_stages[] = {
    [METADATA_CREATE] = {"create", 0},
    [METADATA_REPLY] = {"reply", AFTER(METADATA_CREATE)},
};

/* A topic that is named and not there; by name, because a request may name very many. */
struct missing_topic {
    struct map_node by_name;
    struct controller_topic *topic;
};

struct metadata {
    struct op op;
    struct request *request;
    struct metadata_request in;
    struct metadata_response out;
    struct map missing_by_name;
    struct missing_topic *missing; /* as many as the command has topics */
    struct controller_call call;
    int32_t call_result;
};

static bool wants_all(const struct metadata *m)
{
    bool is_null = m->in.topics == NULL;
    bool is_empty = m->in.topics_count == 0;
    return m->request->version >= METADATA_NULL_IS_ALL_SINCE ? is_null : is_empty;
}

static bool is_by_id(const struct metadata_request_topic *topic)
{
    return !uuid_is_zero(topic->topic_id);
}

/* --- Creating what is missing ----------------------------------------------------------------- */

static void call_landed(struct completion *completion, int32_t result)
{
    struct metadata *m = container_of(completion, struct metadata, call.completion);
    assert(m->op.stage == METADATA_REPLY);
    m->call_result = result;
    op_landed(&m->op, STATUS_OK);
}

static bool is_missing(const struct metadata *m, const struct metadata_request_topic *topic)
{
    return !is_by_id(topic) && !bytes_are_null(topic->name) &&
           image_topic_by_name(core_image(m->request->core), topic->name) == NULL;
}

static bool missing_has_name(const struct map_node *node, const void *key)
{
    const struct missing_topic *missing = container_of(node, struct missing_topic, by_name);
    return bytes_equal(missing->topic->name, *(const struct bytes *)key);
}

static uint64_t name_hash(const struct metadata *m, struct bytes name)
{
    return hash_bytes(m->request->core->seed, name);
}

static struct missing_topic *find_missing(const struct metadata *m, struct bytes name)
{
    struct map_node *node = map_find(&m->missing_by_name, name_hash(m, name), &name);
    return node == NULL ? NULL : container_of(node, struct missing_topic, by_name);
}

/* A name that stands twice in the request is created once. */
static void add_missing(struct metadata *m, struct bytes name)
{
    assert(!bytes_are_null(name));
    assert(m->call.command.topic_count <= m->in.topics_count);
    struct controller_command *command = &m->call.command;
    if (find_missing(m, name) != NULL)
        return;
    struct missing_topic *missing = &m->missing[command->topic_count];
    missing->topic = &command->topics[command->topic_count++];
    *missing->topic = (struct controller_topic){
        .name = name,
        .partition_count = -1,
        .replication_factor = -1,
    };
    map_insert(&m->missing_by_name, &missing->by_name, name_hash(m, name));
}

static bool list_missing(struct metadata *m)
{
    assert(m->missing == NULL);
    assert(!wants_all(m));
    struct request *request = m->request;
    struct controller_command *command = &m->call.command;
    command->kind = CONTROLLER_CREATE_TOPICS;
    command->arena = &request->arena;
    command->topics = request_allocate(request, m->in.topics_count, sizeof *command->topics);
    m->missing = request_allocate(request, m->in.topics_count, sizeof *m->missing);
    if (command->topics == NULL || m->missing == NULL)
        return false;
    for (uint32_t i = 0; i < m->in.topics_count; i++) {
        if (is_missing(m, &m->in.topics[i]))
            add_missing(m, m->in.topics[i].name);
    }
    return true;
}

static bool may_create(const struct metadata *m)
{
    return !wants_all(m) && m->in.allow_auto_topic_creation &&
           config_bool(m->request->core->config, CONFIG_AUTO_CREATE_TOPICS_ENABLE);
}

static enum op_progress metadata_create(struct metadata *m)
{
    assert(m->op.waiting == 0);
    op_move(&m->op, METADATA_REPLY);
    if (!may_create(m))
        return OP_AGAIN;
    if (!list_missing(m)) {
        writer_fail(&m->request->response, STATUS_NO_MEMORY);
        return OP_AGAIN;
    }
    if (m->call.command.topic_count == 0)
        return OP_AGAIN;
    op_expect(&m->op);
    completion_init(&m->call.completion, call_landed);
    controller_call_send(&m->call, m->request->core);
    return OP_WAIT;
}

/* What the attempt to create says about a name that is still missing. */
static int16_t creation_error(const struct metadata *m, struct bytes name)
{
    const struct missing_topic *missing = find_missing(m, name);
    if (missing == NULL)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    int16_t error = missing->topic->error;
    /* A full disk passes: clients that are told so go on asking. */
    if (m->call_result < 0 || error == KAFKA_NONE || error == KAFKA_KAFKA_STORAGE_ERROR)
        return KAFKA_LEADER_NOT_AVAILABLE;
    bool is_final =
        error == KAFKA_INVALID_TOPIC_EXCEPTION || error == KAFKA_INVALID_REPLICATION_FACTOR;
    return is_final ? error : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
}

/* --- The answer ------------------------------------------------------------------------------- */

static bool describe_brokers(struct metadata *m)
{
    assert(m->out.brokers_count == 0);
    struct request *request = m->request;
    struct image *image = core_image(request->core);
    uint32_t count = image_broker_count(image);
    m->out.brokers = request_allocate(request, count, sizeof *m->out.brokers);
    if (m->out.brokers == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct image_broker *broker = image_broker_at(image, i);
        const struct image_endpoint *endpoint = broker_endpoint(request, broker);
        if (endpoint == NULL || broker->is_fenced)
            continue;
        m->out.brokers[m->out.brokers_count++] = (struct metadata_response_broker){
            .node_id = broker->id,
            .host = endpoint->host,
            .port = endpoint->port,
            .rack = broker->rack,
        };
    }
    return true;
}

static bool describe_partitions(struct metadata *m, const struct image_topic *topic,
                                struct metadata_response_topic *out)
{
    assert(topic->partition_count > 0);
    out->partitions = request_allocate(m->request, topic->partition_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = topic->partition_count;
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = &topic->partitions[i];
        out->partitions[i] = (struct metadata_response_partition){
            .error_code = partition_error(partition),
            .partition_index = (int32_t)i,
            .leader_id = partition->leader,
            .leader_epoch = partition->leader_epoch,
            .replica_nodes = lend_ids(partition->replicas),
            .replica_nodes_count = partition->replica_count,
            .isr_nodes = lend_ids(partition->in_sync),
            .isr_nodes_count = partition->in_sync_count,
        };
        if (!offline_replicas(m->request, partition, &out->partitions[i].offline_replicas,
                              &out->partitions[i].offline_replicas_count))
            return false;
    }
    return true;
}

static bool describe_topic(struct metadata *m, const struct image_topic *topic,
                           struct metadata_response_topic *out)
{
    metadata_response_topic_init(out);
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic->is_internal;
    if (m->in.include_topic_authorized_operations)
        out->topic_authorized_operations = TOPIC_OPERATIONS_ALL;
    return describe_partitions(m, topic, out);
}

/* Ids are for v12 and later; the fields, and null names, stand in requests since v10. Whoever gives
 * neither an id nor a name asks for nothing. */
static bool is_allowed(const struct metadata *m, const struct metadata_request_topic *topic)
{
    return is_by_id(topic) ? m->request->version >= METADATA_IDS_SINCE
                           : !bytes_are_null(topic->name);
}

static bool answer_topic(struct metadata *m, const struct metadata_request_topic *in,
                         struct metadata_response_topic *out)
{
    int16_t error = KAFKA_INVALID_REQUEST;
    const struct image_topic *topic = NULL;
    if (is_allowed(m, in))
        topic = topic_resolve(m->request->core, is_by_id(in), in->name, in->topic_id, &error);
    if (topic != NULL)
        return describe_topic(m, topic, out);
    metadata_response_topic_init(out);
    bool has_null_names = m->request->version >= METADATA_IDS_SINCE;
    out->name = has_null_names ? in->name : name_or_empty(in->name);
    out->topic_id = in->topic_id;
    bool was_looked_for = is_allowed(m, in) && !is_by_id(in);
    out->error_code = was_looked_for ? creation_error(m, in->name) : error;
    return true;
}

static bool describe_topics(struct metadata *m)
{
    assert(m->out.topics_count == 0);
    struct request *request = m->request;
    struct image *image = core_image(request->core);
    bool all = wants_all(m);
    uint32_t count = all ? image_topic_count(image) : m->in.topics_count;
    m->out.topics = request_allocate(request, count, sizeof *m->out.topics);
    if (m->out.topics == NULL)
        return false;
    m->out.topics_count = count;
    for (uint32_t i = 0; i < count; i++) {
        bool is_done = all ? describe_topic(m, image_topic_at(image, i), &m->out.topics[i])
                           : answer_topic(m, &m->in.topics[i], &m->out.topics[i]);
        if (!is_done)
            return false;
    }
    return true;
}

static enum op_progress metadata_reply(struct metadata *m)
{
    struct request *request = m->request;
    metadata_response_init(&m->out);
    m->out.cluster_id = cluster_id_text(request);
    m->out.controller_id = image_controller_id(core_image(request->core));
    if (m->in.include_cluster_authorized_operations)
        m->out.cluster_authorized_operations = CLUSTER_OPERATIONS_ALL;
    if (!describe_brokers(m) || !describe_topics(m))
        writer_fail(&request->response, STATUS_NO_MEMORY);
    metadata_response_encode(&request->response, request->version, &m->out);
    map_deinit(&m->missing_by_name);
    request_reply(request);
    return OP_DONE;
}

static enum op_progress metadata_step(struct op *op)
{
    struct metadata *m = container_of(op, struct metadata, op);
    switch ((enum metadata_stage)op->stage) {
    case METADATA_CREATE: return metadata_create(m);
    case METADATA_REPLY: return metadata_reply(m);
    }
    unreachable();
}

static const struct op_kind metadata_kind = {
    .name = "metadata",
    .step = metadata_step,
    .stages = metadata_stages,
};

void api_metadata_handle(struct request *request)
{
    struct metadata *m = request_require(request, 1, sizeof *m);
    if (m == NULL)
        return;
    enum status status =
        metadata_request_decode(&request->body, request->version, &request->arena, &m->in);
    if (!request_is_decoded(request, status))
        return;
    m->request = request;
    map_init(&m->missing_by_name, missing_has_name);
    op_start(&m->op, &metadata_kind, io_ops(request->core->io));
}
