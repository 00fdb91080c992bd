/* What the cores of one broker know of each other and of the broker. It is filled in before the
 * loops run and not changed after that, so every core may read it. */
#ifndef TAILRACE_BROKER_ROSTER_H
#define TAILRACE_BROKER_ROSTER_H

#include "base/assert.h"
#include "broker/core.h"
#include "cluster/config.h"

struct controller;
struct gate;
struct log_dirs;

struct roster {
    int32_t node_id;
    struct broker_core *cores;
    uint32_t core_count;
    const struct log_dirs *log_dirs;
    struct controller *controller; /* lives on core 0; others send mail (controller_call.h) */
    struct gate *gate;             /* lives on core 0 */
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    uint32_t listener_count;
};

static inline struct broker_core *roster_core(const struct roster *roster, uint32_t core_index)
{
    assert(core_index < roster->core_count);
    return &roster->cores[core_index];
}

static inline const char *roster_listener_name(const struct roster *roster, uint32_t listener_index)
{
    assert(listener_index < roster->listener_count);
    return roster->listeners[listener_index].name;
}

#endif
