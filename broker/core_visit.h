/* Work that core 0 has done on every core: a visit travels to each by mail, is worked off there,
 * and comes home to the operation that sent it. */
#ifndef TAILRACE_BROKER_CORE_VISIT_H
#define TAILRACE_BROKER_CORE_VISIT_H

#include "base/op.h"
#include "broker/roster.h"

struct core_visit {
    struct completion mail;
    struct completion done; /* to be landed by the work, with its status */
    struct broker_core *core;
    struct op *parent; /* core 0's; by it the work finds what does not change meanwhile */
    void (*work)(struct core_visit *visit);
};

/* On core 0: `work` is called on every core. Adds one to what `parent` waits for, for each. */
void core_visit_all(const struct roster *roster, struct op *parent,
                    void (*work)(struct core_visit *visit));

#endif
