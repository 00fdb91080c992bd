/* What AlterConfigs and IncrementalAlterConfigs have in common: resources of several kinds go in;
 * topics are decided by the controller, the others are answered here.
 *
 * Settings of brokers are not altered while they run: such a resource is answered as Kafka answers
 * for a setting that must stand in the file. */
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
    uint32_t resource_count;
};

/* An embedded alter_configs with room for `resource_count` resources; false when the request's
 * memory is used up. */
bool alter_configs_prepare(struct alter_configs *alter, struct request *request,
                           enum controller_command_kind kind, uint32_t resource_count,
                           void (*encode)(struct admin_call *admin));

/* One resource with room for its settings; false when the request's memory is used up. */
bool alter_resource_init(struct alter_resource *resource, struct request *request, int8_t type,
                         struct bytes name, uint32_t setting_count);

/* When all resources are filled in: answers those that can be answered here and sends the topics to
 * the controller; `encode` follows. The request is refused when its memory is used up. */
void alter_configs_start(struct alter_configs *alter, bool validate_only);

/* When `encode` is called: takes over what the controller said about the resource. */
void alter_resource_conclude(struct alter_resource *resource, const struct admin_call *admin);

#endif
