/* Work for a partition, done on its home core, and back.
 *
 * An operation on one core starts errands, each of which runs on the core it is sent to and lands
 * back home in the operation (op_landed). An errand to the own core takes the same way, without the
 * mail. What an errand points at belongs to the operation, which does not touch it until the errand
 * has landed. */
#ifndef TAILRACE_BROKER_ERRAND_H
#define TAILRACE_BROKER_ERRAND_H

#include "base/op.h"
#include "broker/core.h"

struct errand {
    struct completion mail;
    struct op *parent;
    struct broker_core *home; /* who sent it */
    struct broker_core *core; /* where it runs */
    void (*run)(struct errand *errand);
};

/* Sends the errand; `run` is called on that core, perhaps before this returns, and must lead to
 * exactly one errand_finish there, at once or later. */
void errand_send(struct errand *errand, struct op *parent, struct broker_core *home,
                 uint32_t core_index, void (*run)(struct errand *errand));

/* On the core where it ran. A negative result becomes the operation's error; what concerns one
 * partition only is better said in the errand's own struct. */
void errand_finish(struct errand *errand, int32_t result);

#endif
