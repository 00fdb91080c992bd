/* Produce: appends one batch to each of the partitions named, and answers when they are on disk.
 *
 *   ADMIT ──▶ COMMIT ──▶ REPLY
 *     └── nothing to append ──▲
 *
 * ADMIT judges every batch and sends them to the home cores of their partitions, all that go to one
 * core in one leg: they arrive in one turn of its loop and share a commit. Mail between two cores
 * keeps its order, so as soon as all legs are on their way the order of this request among those of
 * its connection is fixed, and the next one may begin: that is what makes pipelined producers fast.
 * COMMIT waits until each append is durable and, for acks=all, committed; but no longer than the
 * client's timeout_ms, after which it is told REQUEST_TIMED_OUT, as by Kafka. Kafka does so for
 * acks=all only, because it does not wait for anything else. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/batch_intake.h"
#include "broker/connection.h"
#include "broker/errand.h"
#include "broker/kafka_status.h"
#include "broker/limits.h"
#include "broker/reply.h"
#include "broker/roster.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/produce.h"

enum { ACKS_NONE = 0, ACKS_LEADER = 1, ACKS_ALL = -1 };
enum { PRODUCE_TOPIC_IDS_SINCE = 13 };

enum produce_stage { PRODUCE_ADMIT, PRODUCE_COMMIT, PRODUCE_REPLY };

static const struct op_stage produce_stages[] = {
    [PRODUCE_ADMIT] = {"admit", 0},
    [PRODUCE_COMMIT] = {"commit", AFTER(PRODUCE_ADMIT)},
    [PRODUCE_REPLY] = {"reply", AFTER(PRODUCE_ADMIT) | AFTER(PRODUCE_COMMIT)},
};

struct produce_append;

/* All batches of the request that go to one core, in the order of the request. */
struct produce_leg {
    struct errand errand;
    struct produce_append *first;
    struct produce_append **end; /* where the next one is hung */
    uint32_t waiting;            /* appends that have not landed, on that core */
    int32_t timeout_ms;
    struct timer patience;
};

struct produce {
    struct op op;
    struct request *request;
    struct produce_request in;
    struct produce_response out;
    struct produce_leg legs[]; /* one for each core */
};

/* One batch on its way to its partition. */
struct produce_append {
    struct produce_append *next;
    struct produce_leg *leg;
    struct partition_append append;
    struct uuid topic_id;
    bool is_begun;       /* the partition has it, or had */
    bool is_append_time; /* LogAppendTime: the answer tells the time */
    struct produce_response_partition *answer;
};

static void refuse_partition(struct produce_response_partition *answer, int16_t error,
                             const char *message)
{
    assert(answer != NULL);
    assert(error != KAFKA_NONE);
    answer->error_code = error;
    answer->base_offset = -1;
    if (message != NULL)
        answer->error_message = bytes_of_text(message);
}

/* --- On the partitions' home core ------------------------------------------------------------- */

static void leg_landed(struct produce_leg *leg)
{
    assert(leg->waiting > 0);
    if (--leg->waiting > 0)
        return;
    io_timer_cancel(leg->errand.core->io, &leg->patience);
    errand_finish(&leg->errand, STATUS_OK);
}

static void append_landed(struct completion *completion, int32_t result)
{
    struct produce_append *append =
        container_of(completion, struct produce_append, append.completion);
    struct produce_response_partition *answer = append->answer;
    struct log_append *done = &append->append.append;
    assert(append->is_begun);
    if (result < 0) {
        refuse_partition(answer, kafka_error_of_status((enum status)result), NULL);
    } else {
        answer->base_offset = done->base_offset;
        answer->log_append_time_ms = append->is_append_time ? done->append_time_ms : -1;
        answer->log_start_offset = append->append.log_start_offset;
    }
    leg_landed(append->leg);
}

static void append_run(struct produce_append *append)
{
    assert(!append->is_begun);
    assert(append->answer->error_code == KAFKA_NONE);
    struct produce_leg *leg = append->leg;
    assert(leg->waiting > 0);
    int16_t error;
    struct partition *partition =
        partition_resolve(leg->errand.core, append->topic_id, append->answer->index, -1, &error);
    if (partition == NULL) {
        refuse_partition(append->answer, error, NULL);
        return;
    }
    leg->waiting++;
    append->is_begun = true;
    completion_init(&append->append.completion, append_landed);
    partition_append(partition, &append->append);
}

static void patience_ended(struct timer *timer)
{
    struct produce_leg *leg = container_of(timer, struct produce_leg, patience);
    assert(leg->waiting > 0);
    for (struct produce_append *append = leg->first; append != NULL; append = append->next)
        if (append->is_begun)
            partition_append_give_up(&append->append, leg->errand.core->io);
}

static void start_patience(struct produce_leg *leg)
{
    assert(leg->waiting == 1);
    struct io *io = leg->errand.core->io;
    int64_t timeout_ms =
        leg->timeout_ms < LIMIT_PRODUCE_MS_MIN ? LIMIT_PRODUCE_MS_MIN : leg->timeout_ms;
    timer_init(&leg->patience, patience_ended);
    io_timer_start(io, &leg->patience, io_now_ns(io) + (uint64_t)timeout_ms * 1000000);
}

/* The leg counts itself, so that it does not land before its last append has begun. */
static void leg_run(struct errand *errand)
{
    struct produce_leg *leg = container_of(errand, struct produce_leg, errand);
    assert(leg->waiting == 0);
    assert(leg->first != NULL);
    leg->waiting = 1;
    start_patience(leg);
    for (struct produce_append *append = leg->first; append != NULL; append = append->next)
        append_run(append);
    leg_landed(leg);
}

/* --- Admitting -------------------------------------------------------------------------------- */

static void answer_verdict(struct produce *p, const struct batch_verdict *verdict,
                           struct produce_response_partition *answer)
{
    assert(verdict->error != KAFKA_NONE);
    refuse_partition(answer, (int16_t)verdict->error, verdict->message);
    if (verdict->record_error_count == 0)
        return;
    struct produce_response_record_error *errors =
        request_allocate(p->request, verdict->record_error_count, sizeof *errors);
    if (errors == NULL)
        return;
    for (uint32_t i = 0; i < verdict->record_error_count; i++) {
        errors[i].batch_index = verdict->record_errors[i].batch_index;
        errors[i].batch_index_error_message = bytes_of_text(verdict->record_errors[i].message);
    }
    answer->record_errors = errors;
    answer->record_errors_count = verdict->record_error_count;
}

/* What is the same for all batches of one topic. */
struct topic_rules {
    const struct image_topic *topic;
    struct batch_intake intake;
};

static bool has_enough_in_sync(const struct produce *p, const struct topic_rules *rules,
                               const struct image_partition *partition)
{
    return p->in.acks != ACKS_ALL || partition->in_sync_count >= rules->intake.in_sync_count_min;
}

/* What stands in internal topics is the broker's to write, and read back as such at a start. Kafka
 * makes one exception, for its tools: by the client's own word. */
static bool may_append(const struct produce *p, const struct image_topic *topic)
{
    return !topic->is_internal || bytes_equal_text(p->request->client_id, "__admin_client");
}

/* All that is known before the batch travels. False when the partition has been refused. */
static bool admit_partition(struct produce *p, const struct topic_rules *rules,
                            struct bytes records, struct produce_append *append)
{
    assert(append->answer != NULL);
    assert(rules->topic != NULL);
    const struct image_topic *topic = rules->topic;
    struct produce_response_partition *answer = append->answer;
    if (answer->index < 0 || (uint32_t)answer->index >= topic->partition_count) {
        refuse_partition(answer, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, NULL);
        return false;
    }
    if (!may_append(p, topic)) {
        refuse_partition(answer, KAFKA_INVALID_TOPIC_EXCEPTION, "Cannot append to internal topic");
        return false;
    }
    if (!has_enough_in_sync(p, rules, &topic->partitions[answer->index])) {
        refuse_partition(answer, KAFKA_NOT_ENOUGH_REPLICAS, NULL);
        return false;
    }
    struct batch_arrival arrival;
    batch_intake_take(&rules->intake, records, &p->request->arena, &arrival);
    if (arrival.verdict.error != KAFKA_NONE) {
        answer_verdict(p, &arrival.verdict, answer);
        return false;
    }
    if (batch_is_transactional(&arrival.verdict.header)) {
        refuse_partition(answer, KAFKA_INVALID_TXN_STATE,
                         "transactions are not supported by this broker");
        return false;
    }
    const struct batch_rules *batch_rules = &rules->intake.rules;
    append->topic_id = topic->id;
    append->is_append_time = batch_rules->timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
    append->append.wait_committed = p->in.acks == ACKS_ALL;
    append->append.append.batch = arrival.batch;
    assert(append->append.append.batch.size > 0);
    append->append.append.now_ms = batch_rules->now_ms;
    return true;
}

static struct bytes records_of(const struct produce_request_partition *in)
{
    return in->records.piece_count == 0 ? (struct bytes){0} : in->records.pieces[0];
}

static void join_leg(struct produce *p, struct produce_append *append)
{
    assert(append->answer->error_code == KAFKA_NONE);
    uint32_t core_index =
        partition_core_index(p->request->core, append->topic_id, append->answer->index);
    struct produce_leg *leg = &p->legs[core_index];
    assert(leg->end != NULL);
    append->leg = leg;
    append->next = NULL;
    *leg->end = append;
    leg->end = &append->next;
}

static bool admit_topic(struct produce *p, const struct produce_request_topic *in,
                        struct produce_response_topic *out)
{
    struct request *request = p->request;
    uint32_t count = in->partition_data_count;
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partition_responses = request_allocate(request, count, sizeof *out->partition_responses);
    struct produce_append *appends = request_allocate(request, count, sizeof *appends);
    if (out->partition_responses == NULL || appends == NULL)
        return false;
    out->partition_responses_count = count;

    int16_t error;
    struct topic_rules rules;
    const struct image_topic *topic = topic_resolve(
        request->core, request->version >= PRODUCE_TOPIC_IDS_SINCE, in->name, in->topic_id, &error);
    rules.topic = topic;
    if (topic != NULL)
        batch_intake_init(&rules.intake, request->core, topic, request->version);
    for (uint32_t i = 0; i < count; i++) {
        struct produce_response_partition *answer = &out->partition_responses[i];
        produce_response_partition_init(answer);
        answer->index = in->partition_data[i].index;
        appends[i].answer = answer;
        if (topic == NULL)
            refuse_partition(answer, error, NULL);
        else if (admit_partition(p, &rules, records_of(&in->partition_data[i]), &appends[i]))
            join_leg(p, &appends[i]);
    }
    return true;
}

static void init_legs(struct produce *p)
{
    uint32_t count = p->request->core->roster->core_count;
    assert(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        p->legs[i].end = &p->legs[i].first;
        p->legs[i].timeout_ms = p->in.timeout_ms;
    }
}

static void send_leg(struct produce *p, uint32_t core_index)
{
    assert(core_index < p->request->core->roster->core_count);
    struct produce_leg *leg = &p->legs[core_index];
    if (leg->first != NULL)
        errand_send(&leg->errand, &p->op, p->request->core, core_index, leg_run);
}

/* The own core's leg runs at once; the others are on their way before. */
static void send_legs(struct produce *p)
{
    assert(p->op.stage == PRODUCE_ADMIT);
    uint32_t own = io_core_index(p->request->core->io);
    for (uint32_t i = 0; i < p->request->core->roster->core_count; i++)
        if (i != own)
            send_leg(p, i);
    send_leg(p, own);
}

/* acks is the client's promise to understand the answer; any other number has none. */
static void refuse_acks(struct produce *p)
{
    for (uint32_t t = 0; t < p->out.responses_count; t++) {
        struct produce_response_topic *topic = &p->out.responses[t];
        for (uint32_t i = 0; i < topic->partition_responses_count; i++)
            refuse_partition(&topic->partition_responses[i], KAFKA_INVALID_REQUIRED_ACKS, NULL);
    }
}

static bool acks_are_valid(int16_t acks)
{
    return acks == ACKS_NONE || acks == ACKS_LEADER || acks == ACKS_ALL;
}

static bool list_partitions(struct produce *p, const struct produce_request_topic *in,
                            struct produce_response_topic *out)
{
    assert(!acks_are_valid(p->in.acks));
    uint32_t count = in->partition_data_count;
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partition_responses =
        request_allocate(p->request, count, sizeof *out->partition_responses);
    if (out->partition_responses == NULL)
        return false;
    out->partition_responses_count = count;
    for (uint32_t i = 0; i < count; i++) {
        produce_response_partition_init(&out->partition_responses[i]);
        out->partition_responses[i].index = in->partition_data[i].index;
    }
    return true;
}

static enum op_progress produce_admit(struct produce *p)
{
    assert(p->op.waiting == 0);
    struct request *request = p->request;
    bool is_valid = acks_are_valid(p->in.acks);
    bool has_memory = true;
    init_legs(p);
    p->out.responses_count = p->in.topic_data_count;
    p->out.responses = request_allocate(request, p->in.topic_data_count, sizeof *p->out.responses);
    if (p->out.responses == NULL) {
        p->out.responses_count = 0;
        has_memory = false;
    }
    for (uint32_t t = 0; t < p->out.responses_count && has_memory; t++) {
        const struct produce_request_topic *in = &p->in.topic_data[t];
        struct produce_response_topic *out = &p->out.responses[t];
        has_memory = is_valid ? admit_topic(p, in, out) : list_partitions(p, in, out);
    }
    if (!is_valid)
        refuse_acks(p);
    /* Nothing of a request that cannot be answered is appended. */
    if (has_memory)
        send_legs(p);
    else
        writer_fail(&request->response, STATUS_NO_MEMORY);

    if (p->op.waiting == 0) {
        op_move(&p->op, PRODUCE_REPLY);
        return OP_AGAIN;
    }
    connection_release(request->connection, request);
    op_move(&p->op, PRODUCE_COMMIT);
    return OP_WAIT;
}

static bool has_error(const struct produce_response *out)
{
    for (uint32_t t = 0; t < out->responses_count; t++) {
        const struct produce_response_topic *topic = &out->responses[t];
        for (uint32_t i = 0; i < topic->partition_responses_count; i++) {
            if (topic->partition_responses[i].error_code != KAFKA_NONE)
                return true;
        }
    }
    return false;
}

/* With acks=0 nothing is answered; a closed connection is the only way to say that it failed, and
 * makes the producer look for the right leader. */
static enum op_progress produce_reply(struct produce *p)
{
    assert(p->op.waiting == 0);
    struct request *request = p->request;
    if (p->in.acks == ACKS_NONE) {
        struct connection *connection = request->connection;
        bool failed = has_error(&p->out);
        request_end_silently(request);
        if (failed)
            connection_end(connection, "a produce request with acks=0 failed", true);
        return OP_DONE;
    }
    produce_response_encode(&request->response, request->version, &p->out);
    request_reply(request);
    return OP_DONE;
}

static enum op_progress produce_step(struct op *op)
{
    struct produce *p = container_of(op, struct produce, op);
    switch ((enum produce_stage)op->stage) {
    case PRODUCE_ADMIT: return produce_admit(p);
    case PRODUCE_COMMIT: op_move(op, PRODUCE_REPLY); return OP_AGAIN;
    case PRODUCE_REPLY: return produce_reply(p);
    }
    unreachable();
}

static const struct op_kind produce_kind = {
    .name = "produce",
    .step = produce_step,
    .stages = produce_stages,
};

void api_produce_handle(struct request *request)
{
    size_t legs_size = request->core->roster->core_count * sizeof(struct produce_leg);
    struct produce *p = request_require(request, 1, sizeof *p + legs_size);
    if (p == NULL)
        return;
    enum status status =
        produce_request_decode(&request->body, request->version, &request->arena, &p->in);
    if (!request_is_decoded(request, status))
        return;
    p->request = request;
    produce_response_init(&p->out);
    op_start(&p->op, &produce_kind, io_ops(request->core->io));
}
