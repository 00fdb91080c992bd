#include "broker/group_request.h"

#include "base/assert.h"
#include "broker/connection.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "consumer-groups/group_manager.h"
#include "protocol/errors.h"

enum group_request_stage { GROUP_REQUEST_ASK, GROUP_REQUEST_REPLY };

static const struct op_stage group_request_stages[] = {
    [GROUP_REQUEST_ASK] = {"ask", 0},
    [GROUP_REQUEST_REPLY] = {"reply", AFTER(GROUP_REQUEST_ASK)},
};

/* --- One call --------------------------------------------------------------------------------- */

static const struct image_topic *offsets_topic(const struct broker_core *core)
{
    return image_topic_by_name(core_image(core), bytes_of_text(group_topic_name));
}

static void call_landed(struct completion *completion, int32_t result)
{
    struct group_errand *group_errand = container_of(completion, struct group_errand, done);
    assert(!group_errand->is_finished);
    group_errand->is_finished = true;
    errand_finish(&group_errand->errand, result);
}

/* On the home core of the shard, if it has one. */
static void errand_run(struct errand *errand)
{
    struct group_errand *group_errand = container_of(errand, struct group_errand, errand);
    struct group_call *call = group_errand->call;
    assert(call != NULL);
    assert(!group_errand->is_finished);
    struct group_shard *shard =
        group_manager_find(&errand->core->groups, group_errand->shard_index);
    if (shard == NULL) {
        group_call_fail(call, KAFKA_NOT_COORDINATOR);
        group_errand->is_finished = true;
        errand_finish(errand, (int32_t)call->status);
        return;
    }
    completion_init(&group_errand->done, call_landed);
    group_shard_serve(shard, call);
}

/* "/127.0.0.1", as Kafka shows it: without port and brackets. */
static struct bytes client_host(struct request *request)
{
    const char *peer = request->connection->peer.text;
    const char *colon = strrchr(peer, ':');
    size_t size = colon == NULL ? strlen(peer) : (size_t)(colon - peer);
    if (size >= 2 && peer[0] == '[') {
        peer++;
        size -= 2;
    }
    char *text = arena_allocate(&request->arena, size + 1);
    if (text == NULL)
        return bytes_of_text("/");
    text[0] = '/';
    memcpy(text + 1, peer, size);
    return bytes_of(text, size + 1);
}

void group_request_call_shard(struct group_request *group_request, struct group_errand *errand,
                              struct group_call *call, enum group_call_kind kind,
                              uint32_t shard_index)
{
    assert(call != NULL);
    assert(group_request->op.stage == GROUP_REQUEST_ASK);
    struct request *request = group_request->request;
    const struct image_topic *topic = offsets_topic(request->core);
    uint32_t core_index = io_core_index(request->core->io);
    if (topic != NULL)
        core_index = partition_core_index(request->core, topic->id, (int32_t)shard_index);
    errand->next = group_request->errands;
    group_request->errands = errand;
    errand->call = call;
    errand->shard_index = shard_index;
    errand->group_request = group_request;
    call->kind = kind;
    call->version = request->version;
    call->done = &errand->done;
    call->arena = &group_request->arenas[core_index];
    call->client_host = group_request->client_host;
    call->client_id = bytes_are_null(request->client_id) ? bytes_of_text("") : request->client_id;
    if (topic == NULL) {
        group_call_fail(call, KAFKA_NOT_COORDINATOR);
        return;
    }
    errand->is_sent = true;
    errand_send(&errand->errand, &group_request->op, request->core, core_index, errand_run);
}

uint32_t group_request_shard_count(const struct group_request *group_request)
{
    const struct image_topic *topic = offsets_topic(group_request->request->core);
    return topic == NULL ? 0 : topic->partition_count;
}

void group_request_call(struct group_request *group_request, struct group_errand *errand,
                        struct group_call *call, enum group_call_kind kind)
{
    assert(call != NULL);
    uint32_t count = group_request_shard_count(group_request);
    call->kind = kind;
    uint32_t index = count == 0 ? 0 : group_shard_index(group_call_group_id(call), count);
    group_request_call_shard(group_request, errand, call, kind, index);
}

/* Errors of a few words need no memory. */
void group_request_refuse(struct group_request *group_request, struct group_call *call,
                          enum group_call_kind kind, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    call->kind = kind;
    call->version = group_request->request->version;
    call->arena = &group_request->request->arena;
    group_call_fail(call, error_code);
}

/* --- Calling back ----------------------------------------------------------------------------- */

/* On the shard's core, behind the call. A shard that has gone has let its calls go. */
static void give_up(struct group_errand *group_errand)
{
    struct group_shard *shard =
        group_manager_find(&group_errand->errand.core->groups, group_errand->shard_index);
    if (!group_errand->is_finished && shard != NULL)
        group_shard_abandon(shard, group_errand->call);
}

static void recall_returned(struct completion *recall, int32_t result)
{
    op_landed(&container_of(recall, struct group_errand, recall)->group_request->op, STATUS_OK);
}

static void recall_arrived(struct completion *recall, int32_t result)
{
    struct group_errand *group_errand = container_of(recall, struct group_errand, recall);
    assert(group_errand->is_sent);
    struct errand *errand = &group_errand->errand;
    give_up(group_errand);
    completion_init(recall, recall_returned);
    io_post(errand->core->io, io_core_index(errand->home->io), recall, STATUS_OK);
}

static void request_cancelled(struct request *request)
{
    struct group_request *group_request = request->operation;
    assert(request->state == REQUEST_RUNNING);
    request->cancel = NULL;
    for (struct group_errand *e = group_request->errands; e != NULL; e = e->next) {
        if (!e->is_sent)
            continue;
        op_expect(&group_request->op);
        completion_init(&e->recall, recall_arrived);
        io_post(request->core->io, io_core_index(e->errand.core->io), &e->recall, STATUS_OK);
    }
}

/* --- The request ------------------------------------------------------------------------------ */

static enum op_progress group_request_step(struct op *op)
{
    struct group_request *group_request = container_of(op, struct group_request, op);
    struct request *request = group_request->request;
    switch ((enum group_request_stage)op->stage) {
    case GROUP_REQUEST_ASK:
        group_request->ask(group_request);
        op_move(op, GROUP_REQUEST_REPLY);
        return op->waiting > 0 ? OP_WAIT : OP_AGAIN;
    case GROUP_REQUEST_REPLY:
        if (op->error != STATUS_OK)
            writer_fail(&request->response, (enum status)op->error);
        else
            group_request->encode(group_request);
        request_reply(request);
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind group_request_kind = {
    .name = "group_request",
    .step = group_request_step,
    .stages = group_request_stages,
};

static void answer_sent(struct request *request)
{
    struct group_request *group_request = request->operation;
    for (uint32_t i = 0; i < group_request->arena_count; i++)
        arena_deinit(&group_request->arenas[i]);
}

void group_request_start(struct group_request *group_request, struct request *request,
                         void (*ask)(struct group_request *),
                         void (*encode)(struct group_request *))
{
    assert(ask != NULL);
    assert(encode != NULL);
    assert(request->operation == NULL);
    assert(request->sent == NULL);
    uint32_t core_count = io_core_count(request->core->io);
    group_request->arenas = request_require(request, core_count, sizeof *group_request->arenas);
    if (group_request->arenas == NULL)
        return;
    for (uint32_t i = 0; i < core_count; i++)
        arena_init(&group_request->arenas[i], LIMIT_REQUEST_ARENA_BYTES);
    group_request->arena_count = core_count;
    group_request->client_host = client_host(request);
    group_request->request = request;
    group_request->ask = ask;
    group_request->encode = encode;
    request->operation = group_request;
    request->sent = answer_sent;
    request->cancel = request_cancelled;
    op_start(&group_request->op, &group_request_kind, io_ops(request->core->io));
}
