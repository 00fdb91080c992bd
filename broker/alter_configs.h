/* What AlterConfigs and IncrementalAlterConfigs have in common: resources of several kinds go in;
 * topics are decided by the controller, the others are answered here.
 *
 * Settings of brokers are not altered while they run: such a resource is answered as Kafka answers
 * for a setting that must stand in the file.
 *
 * Either handler decodes its message, adds the resources, starts, and encodes its answer. */
#ifndef TAILRACE_BROKER_ALTER_CONFIGS_H
#define TAILRACE_BROKER_ALTER_CONFIGS_H

#include "broker/admin_call.h"

/* One resource of the request and what became of it. */
struct alter_resource {
    int8_t type;
    struct bytes name;
    struct controller_setting *settings; /* filled in by the handler */
    uint32_t setting_count;
    struct controller_topic *topic; /* NULL: it is no topic, and answered already */
    int16_t error;
    struct bytes message;
};

struct alter_configs {
    struct admin_call admin;
    struct alter_resource *resources;
    uint32_t resource_count;     /* that were added */
    uint32_t resource_count_max; /* that there is room for */
    bool has_no_memory;          /* the request's is used up: alter_configs_start refuses it */
    void (*encode)(struct alter_configs *alter);
};

/* In the memory of the request, with room for so many resources. NULL when that memory is used up;
 * the request has been refused then. `encode` is called when each resource has its answer. */
struct alter_configs *alter_configs_begin(struct request *request,
                                          enum controller_command_kind kind,
                                          uint32_t resource_count_max,
                                          void (*encode)(struct alter_configs *alter));

/* One more resource. Answers its settings, cleared, for the caller to fill in; NULL when the
 * request's memory is used up, which needs no regard before alter_configs_start. */
struct controller_setting *alter_configs_add(struct alter_configs *alter, int8_t type,
                                             struct bytes name, uint32_t setting_count);

/* When all resources are filled in: answers those that can be answered here and sends the topics to
 * the controller; `encode` follows. The request is refused when its memory is used up. */
void alter_configs_start(struct alter_configs *alter, bool validate_only);

#endif
