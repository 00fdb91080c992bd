/* ListOffsets: the offset that belongs to a time, or to one of the special times below.
 *
 *   LOOK ──▶ REPLY
 *
 * All partitions are looked at side by side, so none is twice: whoever names one several times is
 * refused all of these, as by Kafka. */
#include "base/assert.h"
#include "base/hash.h"
#include "broker/api/api.h"
#include "broker/errand.h"
#include "broker/kafka_status.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/list_offsets.h"

/* Times with a meaning of their own, and the version that brought them. */
enum {
    TIME_LATEST = -1,
    TIME_EARLIEST = -2,
    TIME_MAX_TIMESTAMP = -3,           /* v7 */
    TIME_EARLIEST_LOCAL = -4,          /* v8 */
    TIME_LATEST_TIERED = -5,           /* v9 */
    TIME_EARLIEST_PENDING_UPLOAD = -6, /* v11 */
};

enum { LIST_OFFSETS_EPOCHS_SINCE = 4 };
enum { ISOLATION_READ_COMMITTED = 1, REPLICA_ID_CONSUMER = -1, REPLICA_ID_DEBUG = -2 };

enum list_offsets_stage { LIST_OFFSETS_LOOK, LIST_OFFSETS_REPLY };

static const struct op_stage list_offsets_stages[] = {
    [LIST_OFFSETS_LOOK] = {"look", 0},
    [LIST_OFFSETS_REPLY] = {"reply", AFTER(LIST_OFFSETS_LOOK)},
};

struct list_offsets {
    struct op op;
    struct request *request;
    struct map looks; /* by partition */
    struct list_offsets_request in;
    struct list_offsets_response out;
};

struct list_offsets_look {
    struct errand errand;
    struct map_node by_partition;
    bool is_twice;
    struct log_lookup lookup;
    struct uuid topic_id;
    int32_t leader_epoch;
    int64_t timestamp;
    bool read_committed;
    struct list_offsets_response_partition *answer;
};

static bool is_known_time(int64_t timestamp, int16_t version)
{
    switch (timestamp) {
    case TIME_MAX_TIMESTAMP: return version >= 7;
    case TIME_EARLIEST_LOCAL: return version >= 8;
    case TIME_LATEST_TIERED: return version >= 9;
    case TIME_EARLIEST_PENDING_UPLOAD: return version >= 11;
    default: return timestamp >= TIME_EARLIEST;
    }
}

static void lookup_landed(struct completion *completion, int32_t result)
{
    struct list_offsets_look *look =
        container_of(completion, struct list_offsets_look, lookup.completion);
    struct list_offsets_response_partition *answer = look->answer;
    assert(look->timestamp >= 0 || look->timestamp == TIME_MAX_TIMESTAMP);
    assert(answer->error_code == KAFKA_NONE);
    if (result < 0) {
        answer->error_code = kafka_error_of_status((enum status)result);
    } else if (look->lookup.found) {
        answer->offset = look->lookup.found_offset;
        answer->timestamp = look->lookup.found_timestamp_ms;
        answer->leader_epoch = look->lookup.found_leader_epoch;
    }
    errand_finish(&look->errand, STATUS_OK);
}

static int64_t visible_end(const struct partition *partition, bool read_committed)
{
    return read_committed ? partition_last_stable_offset(partition)
                          : partition_high_watermark(partition);
}

static void answer_edge(struct list_offsets_look *look, const struct partition *partition)
{
    assert(look->timestamp < 0);
    assert(look->timestamp != TIME_MAX_TIMESTAMP);
    struct list_offsets_response_partition *answer = look->answer;
    switch (look->timestamp) {
    case TIME_LATEST:
        answer->offset = visible_end(partition, look->read_committed);
        answer->leader_epoch = partition->core.leader_epoch;
        break;
    case TIME_EARLIEST:
    case TIME_EARLIEST_LOCAL:
        answer->offset = log_start_offset(partition->log);
        answer->leader_epoch = log_epoch_at(partition->log, answer->offset);
        break;
    default: break; /* Nothing is tiered, so there is no such offset: -1. */
    }
    errand_finish(&look->errand, STATUS_OK);
}

/* On the partition's home core. */
static void look_run(struct errand *errand)
{
    struct list_offsets_look *look = container_of(errand, struct list_offsets_look, errand);
    struct list_offsets_response_partition *answer = look->answer;
    assert(answer->error_code == KAFKA_NONE);
    struct partition *partition =
        partition_resolve(errand->core, look->topic_id, answer->partition_index, look->leader_epoch,
                          &answer->error_code);
    if (partition == NULL) {
        errand_finish(errand, STATUS_OK);
        return;
    }
    if (look->timestamp < 0 && look->timestamp != TIME_MAX_TIMESTAMP) {
        answer_edge(look, partition);
        return;
    }
    look->lookup.timestamp_ms = look->timestamp;
    look->lookup.want_max = look->timestamp == TIME_MAX_TIMESTAMP;
    look->lookup.end_offset = visible_end(partition, look->read_committed);
    completion_init(&look->lookup.completion, lookup_landed);
    log_lookup(partition->log, &look->lookup);
}

/* Followers ask too, but this cluster has none that we know of. */
static bool is_ordinary_client(int32_t replica_id)
{
    return replica_id == REPLICA_ID_CONSUMER || replica_id == REPLICA_ID_DEBUG;
}

/* --- Planning --------------------------------------------------------------------------------- */

static bool look_is_at(const struct map_node *node, const void *key)
{
    const struct list_offsets_look *look =
        container_of(node, struct list_offsets_look, by_partition);
    const struct list_offsets_look *other = key;
    return uuid_equal(look->topic_id, other->topic_id) &&
           look->answer->partition_index == other->answer->partition_index;
}

static uint64_t look_hash(const struct list_offsets *l, const struct list_offsets_look *look)
{
    struct hash_seed seed = l->request->core->seed;
    uint64_t topic = hash_bytes(seed, bytes_of(&look->topic_id, sizeof look->topic_id));
    return hash_u64(seed, topic ^ (uint32_t)look->answer->partition_index);
}

static void note_partition(struct list_offsets *l, struct list_offsets_look *look)
{
    uint64_t hash = look_hash(l, look);
    struct map_node *node = map_find(&l->looks, hash, look);
    if (node == NULL) {
        map_insert(&l->looks, &look->by_partition, hash);
        return;
    }
    look->is_twice = true;
    container_of(node, struct list_offsets_look, by_partition)->is_twice = true;
}

static int16_t why_not(const struct list_offsets *l, const struct image_topic *topic,
                       const struct list_offsets_request_partition *in)
{
    if (in->partition_index < 0 || (uint32_t)in->partition_index >= topic->partition_count)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (!is_known_time(in->timestamp, l->request->version))
        return KAFKA_UNSUPPORTED_VERSION;
    return is_ordinary_client(l->in.replica_id) ? KAFKA_NONE : KAFKA_NOT_LEADER_OR_FOLLOWER;
}

static void plan_partition(struct list_offsets *l, const struct image_topic *topic,
                           const struct list_offsets_request_partition *in,
                           struct list_offsets_look *look)
{
    assert(topic != NULL);
    assert(look->answer->error_code == KAFKA_NONE);
    look->answer->error_code = why_not(l, topic, in);
    look->topic_id = topic->id;
    look->leader_epoch = in->current_leader_epoch;
    look->timestamp = in->timestamp;
    look->read_committed = l->in.isolation_level == ISOLATION_READ_COMMITTED;
    note_partition(l, look);
}

static bool plan_topic(struct list_offsets *l, const struct list_offsets_request_topic *in,
                       struct list_offsets_response_topic *out, struct list_offsets_look **looks)
{
    struct request *request = l->request;
    uint32_t count = in->partitions_count;
    out->name = in->name;
    out->partitions = request_allocate(request, count, sizeof *out->partitions);
    *looks = request_allocate(request, count, sizeof **looks);
    if (out->partitions == NULL || *looks == NULL)
        return false;
    out->partitions_count = count;

    int16_t error;
    const struct image_topic *topic =
        topic_resolve(request->core, false, in->name, UUID_NONE, &error);
    for (uint32_t i = 0; i < count; i++) {
        struct list_offsets_response_partition *answer = &out->partitions[i];
        list_offsets_response_partition_init(answer);
        answer->partition_index = in->partitions[i].partition_index;
        (*looks)[i].answer = answer;
        if (topic == NULL)
            answer->error_code = error;
        else
            plan_partition(l, topic, &in->partitions[i], &(*looks)[i]);
    }
    return true;
}

static void send_look(struct list_offsets *l, struct list_offsets_look *look)
{
    struct broker_core *core = l->request->core;
    if (look->is_twice)
        look->answer->error_code = KAFKA_INVALID_REQUEST;
    if (look->answer->error_code == KAFKA_NONE)
        errand_send(&look->errand, &l->op, core,
                    partition_core_index(core, look->topic_id, look->answer->partition_index),
                    look_run);
}

static enum op_progress list_offsets_look(struct list_offsets *l)
{
    assert(l->op.waiting == 0);
    struct request *request = l->request;
    uint32_t count = l->in.topics_count;
    l->out.topics = request_allocate(request, count, sizeof *l->out.topics);
    struct list_offsets_look **looks = request_allocate(request, count, sizeof *looks);
    bool has_memory = l->out.topics != NULL && looks != NULL;
    map_init(&l->looks, look_is_at);
    for (uint32_t t = 0; t < count && has_memory; t++) {
        has_memory = plan_topic(l, &l->in.topics[t], &l->out.topics[t], &looks[t]);
        l->out.topics_count += has_memory;
    }
    map_deinit(&l->looks);
    for (uint32_t t = 0; t < count && has_memory; t++)
        for (uint32_t i = 0; i < l->out.topics[t].partitions_count; i++)
            send_look(l, &looks[t][i]);
    if (!has_memory)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    op_move(&l->op, LIST_OFFSETS_REPLY);
    return l->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

/* Older versions have no place for epochs, and the codec refuses what it cannot carry. */
static void forget_epochs(struct list_offsets_response *out)
{
    for (uint32_t t = 0; t < out->topics_count; t++) {
        for (uint32_t i = 0; i < out->topics[t].partitions_count; i++)
            out->topics[t].partitions[i].leader_epoch = -1;
    }
}

static enum op_progress list_offsets_step(struct op *op)
{
    struct list_offsets *l = container_of(op, struct list_offsets, op);
    switch ((enum list_offsets_stage)op->stage) {
    case LIST_OFFSETS_LOOK: return list_offsets_look(l);
    case LIST_OFFSETS_REPLY:
        if (l->request->version < LIST_OFFSETS_EPOCHS_SINCE)
            forget_epochs(&l->out);
        list_offsets_response_encode(&l->request->response, l->request->version, &l->out);
        request_reply(l->request);
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind list_offsets_kind = {
    .name = "list_offsets",
    .step = list_offsets_step,
    .stages = list_offsets_stages,
};

void api_list_offsets_handle(struct request *request)
{
    struct list_offsets *l = request_require(request, 1, sizeof *l);
    if (l == NULL)
        return;
    enum status status =
        list_offsets_request_decode(&request->body, request->version, &request->arena, &l->in);
    if (!request_is_decoded(request, status))
        return;
    l->request = request;
    list_offsets_response_init(&l->out);
    op_start(&l->op, &list_offsets_kind, io_ops(request->core->io));
}
