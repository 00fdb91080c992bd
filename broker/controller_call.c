#include "broker/controller_call.h"

#include "base/assert.h"
#include "broker/roster.h"

/* The controller lives on core 0. */
enum { CONTROLLER_CORE = 0 };

static void call_returned(struct completion *mail, int32_t result)
{
    struct controller_call *call = container_of(mail, struct controller_call, mail);
    call->completion.landed(&call->completion, result);
}

static void call_decided(struct completion *completion, int32_t result)
{
    struct controller_call *call =
        container_of(completion, struct controller_call, command.completion);
    struct broker_core *controller_core = roster_core(call->home->roster, CONTROLLER_CORE);
    completion_init(&call->mail, call_returned);
    io_post(controller_core->io, io_core_index(call->home->io), &call->mail, result);
}

static void call_arrived(struct completion *mail, int32_t result)
{
    struct controller_call *call = container_of(mail, struct controller_call, mail);
    assert(call->home->roster->controller != NULL);
    completion_init(&call->command.completion, call_decided);
    controller_submit(call->home->roster->controller, &call->command);
}

void controller_call_send(struct controller_call *call, struct broker_core *home)
{
    assert(call->completion.landed != NULL);
    assert(home != NULL);
    call->home = home;
    completion_init(&call->mail, call_arrived);
    io_post(home->io, CONTROLLER_CORE, &call->mail, STATUS_OK);
}
