/* DeleteRecords: the oldest records of partitions go, up to an offset.
 *
 *   DELETE ──▶ REPLY
 *
 * An answer says what is on disk, as with produce, so it waits for the disk however short the
 * request's timeout is: that is meant for replicas that lag, of which there are none. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/errand.h"
#include "broker/kafka_status.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/delete_records.h"

enum { ANY_EPOCH = -1 };

enum delete_records_stage { DELETE_RECORDS_DELETE, DELETE_RECORDS_REPLY };

static const struct op_stage delete_records_stages[] = {
    [DELETE_RECORDS_DELETE] = {"delete", 0},
    [DELETE_RECORDS_REPLY] = {"reply", AFTER(DELETE_RECORDS_DELETE)},
};

struct delete_records {
    struct op op;
    struct request *request;
    struct delete_records_request in;
    struct delete_records_response out;
};

/* One partition. */
struct delete_records_leg {
    struct errand errand;
    struct log_delete_records deletion;
    struct uuid topic_id;
    struct delete_records_response_partition *answer;
};

static void deletion_landed(struct completion *completion, int32_t result)
{
    struct delete_records_leg *leg =
        container_of(completion, struct delete_records_leg, deletion.completion);
    struct delete_records_response_partition *answer = leg->answer;
    assert(answer->error_code == KAFKA_NONE);
    if (result == STATUS_OK)
        answer->low_watermark = leg->deletion.start_offset;
    else if (result == STATUS_DENIED)
        answer->error_code = KAFKA_POLICY_VIOLATION;
    else
        answer->error_code = kafka_error_of_status((enum status)result);
    errand_finish(&leg->errand, STATUS_OK);
}

/* On the partition's home core. */
static void leg_run(struct errand *errand)
{
    struct delete_records_leg *leg = container_of(errand, struct delete_records_leg, errand);
    struct delete_records_response_partition *answer = leg->answer;
    assert(answer->error_code == KAFKA_NONE);
    assert(answer->partition_index >= 0);
    struct partition *partition = partition_resolve(
        errand->core, leg->topic_id, answer->partition_index, ANY_EPOCH, &answer->error_code);
    if (partition == NULL) {
        errand_finish(errand, STATUS_OK);
        return;
    }
    completion_init(&leg->deletion.completion, deletion_landed);
    log_delete_records(partition->log, &leg->deletion);
}

static int16_t why_not(const struct image_topic *topic, int32_t index)
{
    if (topic == NULL || index < 0 || (uint32_t)index >= topic->partition_count)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    return topic->is_internal ? KAFKA_INVALID_TOPIC_EXCEPTION : KAFKA_NONE;
}

static bool delete_in_topic(struct delete_records *d, const struct delete_records_request_topic *in,
                            struct delete_records_response_topic *out)
{
    struct request *request = d->request;
    uint32_t count = in->partitions_count;
    out->name = in->name;
    out->partitions = request_allocate(request, count, sizeof *out->partitions);
    struct delete_records_leg *legs = request_allocate(request, count, sizeof *legs);
    if (out->partitions == NULL || legs == NULL)
        return false;
    out->partitions_count = count;

    int16_t error;
    const struct image_topic *topic =
        topic_resolve(request->core, false, in->name, UUID_NONE, &error);
    for (uint32_t i = 0; i < count; i++) {
        int32_t index = in->partitions[i].partition_index;
        out->partitions[i] = (struct delete_records_response_partition){
            .partition_index = index,
            .low_watermark = -1,
            .error_code = why_not(topic, index),
        };
        if (out->partitions[i].error_code != KAFKA_NONE)
            continue;
        legs[i].topic_id = topic->id;
        legs[i].deletion.offset = in->partitions[i].offset;
        legs[i].answer = &out->partitions[i];
        errand_send(&legs[i].errand, &d->op, request->core,
                    partition_core_index(request->core, topic->id, index), leg_run);
    }
    return true;
}

static enum op_progress delete_records_delete(struct delete_records *d)
{
    assert(d->op.waiting == 0);
    struct request *request = d->request;
    d->out.topics = request_allocate(request, d->in.topics_count, sizeof *d->out.topics);
    bool has_memory = d->out.topics != NULL;
    for (uint32_t t = 0; t < d->in.topics_count && has_memory; t++) {
        has_memory = delete_in_topic(d, &d->in.topics[t], &d->out.topics[t]);
        d->out.topics_count += has_memory;
    }
    if (!has_memory)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    op_move(&d->op, DELETE_RECORDS_REPLY);
    return d->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

static enum op_progress delete_records_step(struct op *op)
{
    struct delete_records *d = container_of(op, struct delete_records, op);
    switch ((enum delete_records_stage)op->stage) {
    case DELETE_RECORDS_DELETE: return delete_records_delete(d);
    case DELETE_RECORDS_REPLY:
        delete_records_response_encode(&d->request->response, d->request->version, &d->out);
        request_reply(d->request);
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind delete_records_kind = {
    .name = "delete_records",
    .step = delete_records_step,
    .stages = delete_records_stages,
};

void api_delete_records_handle(struct request *request)
{
    struct delete_records *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status =
        delete_records_request_decode(&request->body, request->version, &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    d->request = request;
    delete_records_response_init(&d->out);
    op_start(&d->op, &delete_records_kind, io_ops(request->core->io));
}
