/* An operation: anything that takes more than one turn of the reactor.
 *
 * One struct per operation embeds `struct op`; its stage is the only thing that says how far it
 * is. The step function looks at the stage, does what can be done now, and answers
 *
 *   OP_AGAIN  the stage moved, call me again
 *   OP_WAIT   I asked for `waiting` completions; call me when all have landed
 *   OP_DONE   over; the operation's memory may be gone already
 *
 * A stage table names the stages and says which may follow which, so a wrong turn is an assertion
 * and not a mystery. op_move is the one place where stages change: tracing and counting live there.
 *
 * Rules: nothing shared is changed between deciding to wait and the wait; after a wait, things are
 * looked up again by id and epoch; a wish to cancel is a flag, and what is in flight still lands.
 */
#ifndef TAILRACE_BASE_OP_H
#define TAILRACE_BASE_OP_H

#include "base/assert.h"
#include "base/completion.h"
#include "base/list.h"
#include "base/trace.h"

#include <stdint.h>

struct op;

enum op_progress { OP_AGAIN, OP_WAIT, OP_DONE };

/* The set that holds one stage; or them together for `may_follow`. */
#define AFTER(stage) (1u << (stage))

struct op_stage {
    const char *name;
    uint32_t may_follow; /* set of stages that may come before this one */
};

struct op_kind {
    const char *name;
    enum op_progress (*step)(struct op *op);
    const struct op_stage *stages;
};

/* The operations of one core, so that each one in flight can be seen with its stage. */
struct op_registry {
    struct list in_flight;
    uint32_t in_flight_count;
    struct trace *trace; /* may be NULL */
};

void op_registry_init(struct op_registry *registry, struct trace *trace);

struct op {
    const struct op_kind *kind;
    struct op_registry *registry;
    struct list_node node;
    uint32_t waiting; /* completions that have not landed yet */
    int32_t error;    /* first negative result that landed, or 0 */
    uint8_t stage;
};

/* Starts at stage 0 and steps at once. `op` may be gone when this returns. */
void op_start(struct op *op, const struct op_kind *kind, struct op_registry *registry);

/* Changes the stage; asserts that the table allows it. */
void op_move(struct op *op, uint8_t stage);

/* One of the completions that the operation waits for has landed. The first failure is kept; when
 * none is left the operation steps, and may be gone when this returns. */
void op_landed(struct op *op, int32_t result);

/* Says that one more completion is under way. */
static inline void op_expect(struct op *op)
{
    assert(op->waiting < UINT32_MAX);
    op->waiting++;
}

static inline const char *op_stage_name(const struct op *op)
{
    return op->kind->stages[op->stage].name;
}

#endif
