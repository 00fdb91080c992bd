/* FindCoordinator: which broker leads the partition of __consumer_offsets that has a group.
 *
 *   CREATE ──▶ REPLY
 *
 * The first one for a group makes that topic. Kafka answers it COORDINATOR_NOT_AVAILABLE and lets
 * the client come again; here the answer waits for the topic, which takes one commit. Coordinators
 * of transactions and of shares there are none, which is said as "none is available": librdkafka
 * takes the API for the sign that a broker can store lz4, and a final error would end clients that
 * only ask. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/describe.h"
#include "broker/group_topic.h"
#include "broker/reply.h"
#include "consumer-groups/group_shard.h"
#include "protocol/errors.h"
#include "protocol/messages/find_coordinator.h"

enum { FIND_COORDINATOR_BATCHES_SINCE = 4, NODE_NONE = -1 };

enum key_type { KEY_GROUP, KEY_TRANSACTION, KEY_SHARE };

enum find_coordinator_stage { FIND_COORDINATOR_CREATE, FIND_COORDINATOR_REPLY };

static const struct op_stage find_coordinator_stages[] = {
    [FIND_COORDINATOR_CREATE] = {"create", 0},
    [FIND_COORDINATOR_REPLY] = {"reply", AFTER(FIND_COORDINATOR_CREATE)},
};

struct find_coordinator {
    struct op op;
    struct request *request;
    struct find_coordinator_request in;
    struct group_topic_wish wish;
};

static void wish_landed(struct completion *completion, int32_t result)
{
    struct find_coordinator *f =
        container_of(completion, struct find_coordinator, wish.call.completion);
    assert(f->op.stage == FIND_COORDINATOR_REPLY);
    op_landed(&f->op, STATUS_OK);
}

static enum op_progress find_coordinator_create(struct find_coordinator *f)
{
    assert(f->op.waiting == 0);
    struct request *request = f->request;
    op_move(&f->op, FIND_COORDINATOR_REPLY);
    if (f->in.key_type != KEY_GROUP || group_topic(request->core) != NULL)
        return OP_AGAIN;
    op_expect(&f->op);
    completion_init(&f->wish.call.completion, wish_landed);
    group_topic_create(&f->wish, request->core, &request->arena);
    return OP_WAIT;
}

/* --- The answer ------------------------------------------------------------------------------- */

static void refuse(struct find_coordinator_response_coordinator *out, int16_t error_code,
                   const char *message)
{
    assert(error_code != KAFKA_NONE);
    assert(message != NULL);
    out->node_id = NODE_NONE;
    out->port = NODE_NONE;
    out->error_code = error_code;
    out->error_message = bytes_of_text(message);
}

/* The broker that leads the group's partition; NULL while there is none. */
static const struct image_broker *find_leader(const struct broker_core *core, struct bytes group_id)
{
    const struct image_topic *topic = group_topic(core);
    if (topic == NULL)
        return NULL;
    uint32_t index = group_shard_index(group_id, topic->partition_count);
    assert(index < topic->partition_count);
    return image_broker_by_id(core_image(core), topic->partitions[index].leader);
}

static void find_group(const struct request *request, struct bytes group_id,
                       struct find_coordinator_response_coordinator *out)
{
    const struct image_broker *broker = find_leader(request->core, group_id);
    const struct image_endpoint *endpoint =
        broker == NULL ? NULL : broker_endpoint(request, broker);
    if (endpoint == NULL) {
        refuse(out, KAFKA_COORDINATOR_NOT_AVAILABLE, "The coordinator is not available.");
        return;
    }
    out->node_id = broker->id;
    out->host = endpoint->host;
    out->port = endpoint->port;
}

static void find(const struct find_coordinator *f, struct bytes key,
                 struct find_coordinator_response_coordinator *out)
{
    find_coordinator_response_coordinator_init(out);
    out->key = key;
    switch (f->in.key_type) {
    case KEY_GROUP: find_group(f->request, key, out); return;
    case KEY_TRANSACTION:
    case KEY_SHARE:
        refuse(out, KAFKA_COORDINATOR_NOT_AVAILABLE,
               "This broker does not serve transactions or share groups");
        return;
    default: refuse(out, KAFKA_INVALID_REQUEST, "Unknown type of key"); return;
    }
}

static bool find_each(const struct find_coordinator *f, struct find_coordinator_response *out)
{
    assert(f->request->version >= FIND_COORDINATOR_BATCHES_SINCE);
    uint32_t count = f->in.coordinator_keys_count;
    out->coordinators = request_allocate(f->request, count, sizeof *out->coordinators);
    if (out->coordinators == NULL)
        return false;
    out->coordinators_count = count;
    for (uint32_t i = 0; i < count; i++)
        find(f, f->in.coordinator_keys[i], &out->coordinators[i]);
    return true;
}

static void find_one(const struct find_coordinator *f, struct find_coordinator_response *out)
{
    assert(f->request->version < FIND_COORDINATOR_BATCHES_SINCE);
    struct find_coordinator_response_coordinator found;
    find(f, f->in.key, &found);
    out->error_code = found.error_code;
    out->error_message = found.error_message;
    out->node_id = found.node_id;
    out->host = found.host;
    out->port = found.port;
}

static enum op_progress find_coordinator_reply(struct find_coordinator *f)
{
    struct request *request = f->request;
    struct find_coordinator_response out;
    find_coordinator_response_init(&out);
    if (request->version < FIND_COORDINATOR_BATCHES_SINCE)
        find_one(f, &out);
    else if (!find_each(f, &out))
        writer_fail(&request->response, STATUS_NO_MEMORY);
    find_coordinator_response_encode(&request->response, request->version, &out);
    request_reply(request);
    return OP_DONE;
}

static enum op_progress find_coordinator_step(struct op *op)
{
    struct find_coordinator *f = container_of(op, struct find_coordinator, op);
    switch ((enum find_coordinator_stage)op->stage) {
    case FIND_COORDINATOR_CREATE: return find_coordinator_create(f);
    case FIND_COORDINATOR_REPLY: return find_coordinator_reply(f);
    }
    unreachable();
}

static const struct op_kind find_coordinator_kind = {
    .name = "find_coordinator",
    .step = find_coordinator_step,
    .stages = find_coordinator_stages,
};

void api_find_coordinator_handle(struct request *request)
{
    struct find_coordinator *f = request_require(request, 1, sizeof *f);
    if (f == NULL)
        return;
    enum status status =
        find_coordinator_request_decode(&request->body, request->version, &request->arena, &f->in);
    if (!request_is_decoded(request, status))
        return;
    f->request = request;
    op_start(&f->op, &find_coordinator_kind, io_ops(request->core->io));
}
