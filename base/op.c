/* While an operation steps it is on no list: its last step may free it, and a list must not be
 * touched through memory that is gone. Whoever waits for something goes back to the list
 * afterwards. */
#include "base/op.h"

#include "base/assert.h"

void op_registry_init(struct op_registry *registry, struct trace *trace)
{
    assert(registry != NULL);
    list_init(&registry->in_flight);
    registry->in_flight_count = 0;
    registry->trace = trace;
}

static void op_note(struct op *op, const char *event)
{
    if (op->registry->trace != NULL)
        trace_note(op->registry->trace, op->kind->name, event, op->error);
}

/* The registry lets go of the operation before the last step answers, because that step may give
 * its memory back: `done` is known only from the progress. */
static void op_run(struct op *op)
{
    assert(list_node_is_linked(&op->node));
    assert(op->registry->in_flight_count > 0);
    assert(op->waiting == 0);
    struct op_registry *registry = op->registry;
    list_remove(&op->node);
    registry->in_flight_count--;

    enum op_progress progress;
    do {
        progress = op->kind->step(op);
    } while (progress == OP_AGAIN);
    if (progress == OP_DONE)
        return;

    assert(op->waiting > 0);
    list_push_back(&registry->in_flight, &op->node);
    registry->in_flight_count++;
}

/* The operation may be over, and its memory gone, when this returns; so nothing is read from it
 * after the run. */
void op_start(struct op *op, const struct op_kind *kind, struct op_registry *registry)
{
    assert(kind->stages != NULL);
    assert(registry != NULL);
    assert(kind->step != NULL);
    op->kind = kind;
    op->registry = registry;
    op->stage = 0;
    op->waiting = 0;
    op->error = 0;
    list_node_init(&op->node);
    list_push_back(&registry->in_flight, &op->node);
    registry->in_flight_count++;
    op_note(op, kind->stages[0].name);
    op_run(op);
}

/* The one place where a stage changes, so tracing it here shows every operation of the program. */
void op_move(struct op *op, uint8_t stage)
{
    assert(stage < 32);
    assert(op->kind->stages[stage].name != NULL);
    assert(op->kind->stages[stage].may_follow & AFTER(op->stage));
    op->stage = stage;
    op_note(op, op_stage_name(op));
}

/* The first failure is kept and later ones are mostly its consequences. The step runs when nothing
 * is under way any more, so no completion can land on an operation that has ended. */
void op_landed(struct op *op, int32_t result)
{
    assert(op->waiting > 0);
    if (result < 0 && op->error == 0)
        op->error = result;
    if (--op->waiting == 0)
        op_run(op);
}
