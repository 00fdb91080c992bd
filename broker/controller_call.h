/* A command to the controller from any core: travels to core 0, is decided and committed there, and
 * lands back home. */
#ifndef TAILRACE_BROKER_CONTROLLER_CALL_H
#define TAILRACE_BROKER_CONTROLLER_CALL_H

#include "broker/core.h"
#include "cluster/controller.h"

struct controller_call {
    struct controller_command command; /* filled in by the caller, but for its completion */
    struct completion completion;      /* the caller's: lands on his core */
    struct completion mail;
    struct broker_core *home;
};

/* From any core. The call belongs to the controller until it has landed, and cannot be taken back.
 */
void controller_call_send(struct controller_call *call, struct broker_core *home);

#endif
