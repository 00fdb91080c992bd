#include "broker/producer_id_wish.h"

#include "base/assert.h"
#include "broker/controller_call.h"
#include "broker/limits.h"

#include <stdlib.h>

void producer_ids_init(struct producer_ids *ids)
{
    *ids = (struct producer_ids){0};
    list_init(&ids->waiting);
}

static void serve_waiting(struct broker_core *core, enum status status)
{
    struct producer_ids *ids = &core->producer_ids;
    assert(ids->next <= ids->end);
    while (status != STATUS_OK || ids->next < ids->end) {
        struct list_node *node = list_pop_front(&ids->waiting);
        if (node == NULL)
            return;
        struct producer_id_wish *wish = container_of(node, struct producer_id_wish, node);
        if (status == STATUS_OK)
            wish->producer_id = ids->next++;
        io_land(core->io, &wish->completion, (int32_t)status);
    }
}

static void refill(struct broker_core *core);

static void refilled(struct completion *completion, int32_t result)
{
    struct controller_call *call = container_of(completion, struct controller_call, completion);
    struct broker_core *core = call->home;
    struct producer_ids *ids = &core->producer_ids;
    assert(ids->is_refilling);
    ids->is_refilling = false;
    if (result >= 0) {
        ids->next = call->command.producer_id_first;
        ids->end = ids->next + call->command.producer_id_count;
        assert(ids->next < ids->end);
    }
    free(call);
    serve_waiting(core, result < 0 ? (enum status)result : STATUS_OK);
    if (!list_is_empty(&ids->waiting))
        refill(core);
}

static void refill(struct broker_core *core)
{
    assert(!list_is_empty(&core->producer_ids.waiting));
    if (core->producer_ids.is_refilling)
        return;
    struct controller_call *call = calloc(1, sizeof *call);
    assert(call != NULL);
    core->producer_ids.is_refilling = true;
    call->command.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS;
    call->command.producer_id_count = LIMIT_PRODUCER_ID_BLOCK;
    completion_init(&call->completion, refilled);
    controller_call_send(call, core);
}

void producer_ids_take(struct broker_core *core, struct producer_id_wish *wish)
{
    assert(wish->completion.landed != NULL);
    list_node_init(&wish->node);
    list_push_back(&core->producer_ids.waiting, &wish->node);
    serve_waiting(core, STATUS_OK);
    if (!list_is_empty(&core->producer_ids.waiting))
        refill(core);
}
