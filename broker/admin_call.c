#include "broker/admin_call.h"
#include "broker/reply.h"

#include "base/assert.h"
#include "protocol/errors.h"

enum admin_call_stage { ADMIN_CALL_DECIDE, ADMIN_CALL_REPLY };

static const struct op_stage admin_call_stages[] = {
    [ADMIN_CALL_DECIDE] = {"decide", 0},
    [ADMIN_CALL_REPLY] = {"reply", AFTER(ADMIN_CALL_DECIDE)},
};

bool admin_call_prepare(struct admin_call *admin, struct request *request,
                        enum controller_command_kind kind, uint32_t topic_count,
                        void (*encode)(struct admin_call *admin))
{
    assert(request != NULL);
    struct controller_command *command = &admin->call.command;
    assert(encode != NULL);
    admin->request = request;
    admin->encode = encode;
    command->kind = kind;
    command->arena = &request->arena;
    command->topics = request_allocate(request, topic_count, sizeof *command->topics);
    command->topic_count = command->topics == NULL ? 0 : topic_count;
    return command->topics != NULL;
}

static void call_landed(struct completion *completion, int32_t result)
{
    struct admin_call *admin = container_of(completion, struct admin_call, call.completion);
    assert(admin->op.stage == ADMIN_CALL_REPLY);
    admin->result = result;
    op_landed(&admin->op, STATUS_OK);
}

static enum op_progress admin_call_step(struct op *op)
{
    struct admin_call *admin = container_of(op, struct admin_call, op);
    switch ((enum admin_call_stage)op->stage) {
    case ADMIN_CALL_DECIDE:
        op_move(op, ADMIN_CALL_REPLY);
        op_expect(op);
        completion_init(&admin->call.completion, call_landed);
        controller_call_send(&admin->call, admin->request->core);
        return OP_WAIT;
    case ADMIN_CALL_REPLY:
        admin->encode(admin);
        request_reply(admin->request);
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind admin_call_kind = {
    .name = "admin_call",
    .step = admin_call_step,
    .stages = admin_call_stages,
};

void admin_call_start(struct admin_call *admin)
{
    assert(admin->request != NULL);
    assert(admin->encode != NULL);
    op_start(&admin->op, &admin_call_kind, io_ops(admin->request->core->io));
}

int16_t admin_call_error(const struct admin_call *admin, const struct controller_topic *topic)
{
    switch (admin->result) {
    case STATUS_OK:
    case STATUS_NO_SPACE: return topic->error;
    case STATUS_CANCELLED: return KAFKA_NOT_CONTROLLER;
    default: return KAFKA_REQUEST_TIMED_OUT;
    }
}

struct bytes admin_call_message(const struct admin_call *admin,
                                const struct controller_topic *topic)
{
    bool is_answered = admin->result == STATUS_OK || admin->result == STATUS_NO_SPACE;
    if (!is_answered || topic->message[0] == '\0')
        return (struct bytes){0};
    return bytes_of_text(topic->message);
}
