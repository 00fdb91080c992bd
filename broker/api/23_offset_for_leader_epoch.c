/* OffsetForLeaderEpoch: where an epoch ends in the leader's log (KIP-101, KIP-320). Java consumers
 * check with it, after a change of leader, that what they have read is still there.
 *
 *   LOOK ──▶ REPLY
 */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/errand.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/offset_for_leader_epoch.h"

enum epoch_stage { EPOCH_LOOK, EPOCH_REPLY };

static const struct op_stage epoch_stages[] = {
    [EPOCH_LOOK] = {"look", 0},
    [EPOCH_REPLY] = {"reply", AFTER(EPOCH_LOOK)},
};

struct epoch_request {
    struct op op;
    struct request *request;
    struct offset_for_leader_epoch_request in;
    struct offset_for_leader_epoch_response out;
};

struct epoch_look {
    struct errand errand;
    struct uuid topic_id;
    int32_t current_leader_epoch;
    int32_t leader_epoch;
    struct offset_for_leader_epoch_response_partition *answer;
};

/* On the partition's home core. The present epoch has not ended: its end is that of the log, also
 * when nothing has been written in it yet. Of a later one nothing is known. */
static void look_run(struct errand *errand)
{
    struct epoch_look *look = container_of(errand, struct epoch_look, errand);
    struct offset_for_leader_epoch_response_partition *answer = look->answer;
    assert(answer->error_code == KAFKA_NONE);
    assert(answer->partition >= 0);
    struct partition *partition =
        partition_resolve(errand->core, look->topic_id, answer->partition,
                          look->current_leader_epoch, &answer->error_code);
    if (partition != NULL) {
        int32_t epoch;
        int64_t end_offset;
        if (look->leader_epoch == partition->core.leader_epoch) {
            answer->leader_epoch = look->leader_epoch;
            answer->end_offset = log_end_offset(partition->log);
        } else if (look->leader_epoch < partition->core.leader_epoch &&
                   log_epoch_end(partition->log, look->leader_epoch, &epoch, &end_offset)) {
            answer->leader_epoch = epoch;
            answer->end_offset = end_offset;
        }
    }
    errand_finish(errand, STATUS_OK);
}

static bool look_topic(struct epoch_request *e,
                       const struct offset_for_leader_epoch_request_topic *in,
                       struct offset_for_leader_epoch_response_topic *out)
{
    struct request *request = e->request;
    uint32_t count = in->partitions_count;
    out->topic = in->topic;
    out->partitions = request_allocate(request, count, sizeof *out->partitions);
    struct epoch_look *looks = request_allocate(request, count, sizeof *looks);
    if (out->partitions == NULL || looks == NULL)
        return false;
    out->partitions_count = count;

    int16_t error;
    const struct image_topic *topic =
        topic_resolve(request->core, false, in->topic, UUID_NONE, &error);
    for (uint32_t i = 0; i < count; i++) {
        struct offset_for_leader_epoch_response_partition *answer = &out->partitions[i];
        int32_t index = in->partitions[i].partition;
        offset_for_leader_epoch_response_partition_init(answer);
        answer->partition = index;
        if (topic == NULL || index < 0 || (uint32_t)index >= topic->partition_count) {
            answer->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        looks[i] = (struct epoch_look){
            .topic_id = topic->id,
            .current_leader_epoch = in->partitions[i].current_leader_epoch,
            .leader_epoch = in->partitions[i].leader_epoch,
            .answer = answer,
        };
        errand_send(&looks[i].errand, &e->op, request->core,
                    partition_core_index(request->core, topic->id, index), look_run);
    }
    return true;
}

static enum op_progress epoch_look(struct epoch_request *e)
{
    assert(e->op.waiting == 0);
    struct request *request = e->request;
    e->out.topics = request_allocate(request, e->in.topics_count, sizeof *e->out.topics);
    bool has_memory = e->out.topics != NULL;
    for (uint32_t t = 0; t < e->in.topics_count && has_memory; t++) {
        has_memory = look_topic(e, &e->in.topics[t], &e->out.topics[t]);
        e->out.topics_count += has_memory;
    }
    if (!has_memory)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    op_move(&e->op, EPOCH_REPLY);
    return e->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

static enum op_progress epoch_step(struct op *op)
{
    struct epoch_request *e = container_of(op, struct epoch_request, op);
    switch ((enum epoch_stage)op->stage) {
    case EPOCH_LOOK: return epoch_look(e);
    case EPOCH_REPLY:
        offset_for_leader_epoch_response_encode(&e->request->response, e->request->version,
                                                &e->out);
        request_reply(e->request);
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind epoch_kind = {
    .name = "offset_for_leader_epoch",
    .step = epoch_step,
    .stages = epoch_stages,
};

void api_offset_for_leader_epoch_handle(struct request *request)
{
    struct epoch_request *e = request_require(request, 1, sizeof *e);
    if (e == NULL)
        return;
    enum status status = offset_for_leader_epoch_request_decode(&request->body, request->version,
                                                                &request->arena, &e->in);
    if (!request_is_decoded(request, status))
        return;
    e->request = request;
    offset_for_leader_epoch_response_init(&e->out);
    op_start(&e->op, &epoch_kind, io_ops(request->core->io));
}
