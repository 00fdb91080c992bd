/* InitProducerId: an id for an idempotent producer. A producer that comes with the id and epoch it
 * had gets a new id as well: without transactions nobody else can hold the old one.
 *
 *   TAKE ──▶ REPLY
 */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/producer_id_wish.h"
#include "broker/reply.h"
#include "protocol/errors.h"
#include "protocol/messages/init_producer_id.h"

enum init_producer_id_stage { INIT_PRODUCER_ID_TAKE, INIT_PRODUCER_ID_REPLY };

static const struct op_stage init_producer_id_stages[] = {
    [INIT_PRODUCER_ID_TAKE] = {"take", 0},
    [INIT_PRODUCER_ID_REPLY] = {"reply", AFTER(INIT_PRODUCER_ID_TAKE)},
};

struct init_producer_id {
    struct op op;
    struct request *request;
    struct init_producer_id_request in;
    struct producer_id_wish wish;
};

static void wish_landed(struct completion *completion, int32_t result)
{
    struct init_producer_id *init =
        container_of(completion, struct init_producer_id, wish.completion);
    assert(init->op.stage == INIT_PRODUCER_ID_REPLY);
    op_landed(&init->op, result);
}

/* An id without its epoch, or an epoch without its id, is nothing to go on with. */
static bool is_half(const struct init_producer_id_request *in)
{
    return (in->producer_id == -1) != (in->producer_epoch == -1);
}

/* Why there will be no id; KAFKA_NONE if there will. Transactions are not served, and
 * FindCoordinator is not advertised for them; a client that gets here with a transactional id all
 * the same is told for good. */
static enum kafka_error refusal_of(const struct init_producer_id_request *in)
{
    if (is_half(in))
        return KAFKA_INVALID_REQUEST;
    if (bytes_are_null(in->transactional_id))
        return KAFKA_NONE;
    return in->transactional_id.size == 0 ? KAFKA_INVALID_REQUEST
                                          : KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

static enum op_progress init_producer_id_take(struct init_producer_id *init)
{
    assert(init->op.waiting == 0);
    op_move(&init->op, INIT_PRODUCER_ID_REPLY);
    if (refusal_of(&init->in) != KAFKA_NONE)
        return OP_AGAIN;
    op_expect(&init->op);
    completion_init(&init->wish.completion, wish_landed);
    producer_ids_take(init->request->core, &init->wish);
    return OP_WAIT;
}

static enum op_progress init_producer_id_reply(struct init_producer_id *init)
{
    struct request *request = init->request;
    struct init_producer_id_response out;
    init_producer_id_response_init(&out);
    out.producer_epoch = -1;
    out.error_code = (int16_t)refusal_of(&init->in);
    if (out.error_code == KAFKA_NONE && init->op.error < 0)
        out.error_code = KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
    if (out.error_code == KAFKA_NONE) {
        out.producer_id = init->wish.producer_id;
        assert(out.producer_id >= 0);
        out.producer_epoch = 0;
    }
    init_producer_id_response_encode(&request->response, request->version, &out);
    request_reply(request);
    return OP_DONE;
}

static enum op_progress init_producer_id_step(struct op *op)
{
    struct init_producer_id *init = container_of(op, struct init_producer_id, op);
    switch ((enum init_producer_id_stage)op->stage) {
    case INIT_PRODUCER_ID_TAKE: return init_producer_id_take(init);
    case INIT_PRODUCER_ID_REPLY: return init_producer_id_reply(init);
    }
    unreachable();
}

static const struct op_kind init_producer_id_kind = {
    .name = "init_producer_id",
    .step = init_producer_id_step,
    .stages = init_producer_id_stages,
};

void api_init_producer_id_handle(struct request *request)
{
    struct init_producer_id *init = request_require(request, 1, sizeof *init);
    if (init == NULL)
        return;
    enum status status = init_producer_id_request_decode(&request->body, request->version,
                                                         &request->arena, &init->in);
    if (!request_is_decoded(request, status))
        return;
    init->request = request;
    op_start(&init->op, &init_producer_id_kind, io_ops(request->core->io));
}
