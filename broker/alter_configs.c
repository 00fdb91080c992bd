#include "broker/alter_configs.h"
#include "broker/reply.h"
#include "broker/resource.h"

#include "base/assert.h"
#include "base/text.h"
#include "protocol/errors.h"

#include <stdarg.h>
#include <stdio.h>

/* What the controller was asked about has its answer from there. */
static void conclude(struct admin_call *admin)
{
    struct alter_configs *alter = container_of(admin, struct alter_configs, admin);
    for (uint32_t i = 0; i < alter->resource_count; i++) {
        struct alter_resource *resource = &alter->resources[i];
        if (resource->topic == NULL)
            continue;
        resource->error = admin_call_error(admin, resource->topic);
        resource->message = admin_call_message(admin, resource->topic);
    }
    alter->encode(alter);
}

struct alter_configs *alter_configs_begin(struct request *request,
                                          enum controller_command_kind kind,
                                          uint32_t resource_count_max,
                                          void (*encode)(struct alter_configs *alter))
{
    assert(kind == CONTROLLER_ALTER_CONFIGS || kind == CONTROLLER_REPLACE_CONFIGS);
    assert(encode != NULL);
    struct alter_configs *alter = request_allocate(request, 1, sizeof *alter);
    struct alter_resource *resources =
        request_allocate(request, resource_count_max, sizeof *resources);
    if (alter == NULL || resources == NULL ||
        !admin_call_prepare(&alter->admin, request, kind, resource_count_max, conclude)) {
        request_refuse_for_memory(request);
        return NULL;
    }
    alter->resources = resources;
    alter->resource_count_max = resource_count_max;
    alter->encode = encode;
    return alter;
}

struct controller_setting *alter_configs_add(struct alter_configs *alter, int8_t type,
                                             struct bytes name, uint32_t setting_count)
{
    assert(alter->resource_count < alter->resource_count_max);
    assert(!bytes_are_null(name));
    struct alter_resource *resource = &alter->resources[alter->resource_count++];
    *resource = (struct alter_resource){.type = type, .name = name, .setting_count = setting_count};
    resource->settings =
        request_allocate(alter->admin.request, setting_count, sizeof *resource->settings);
    if (resource->settings == NULL)
        alter->has_no_memory = true;
    return resource->settings;
}

/* --- What is answered here -------------------------------------------------------------------- */

/* The format is printf's. False when the request's memory is used up. */
__attribute__((format(printf, 3, 4))) static bool refuse(struct request *request,
                                                         struct alter_resource *resource,
                                                         const char *format, ...)
{
    assert(resource->error == KAFKA_NONE);
    char *text = request_allocate(request, 1, CONTROLLER_MESSAGE_SIZE);
    if (text == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, CONTROLLER_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    resource->error = KAFKA_INVALID_REQUEST;
    resource->message = bytes_of_text(text);
    return true;
}

/* How much of a stranger's text an answer repeats. */
static int shown(struct bytes text)
{
    return text.size > 100 ? 100 : (int)text.size;
}

/* Kafka's words for what Kafka refuses too. */
static bool refuse_setting(struct request *request, struct alter_resource *resource)
{
    assert(resource->setting_count > 0);
    struct bytes name = resource->settings[0].name;
    enum config_key key;
    bool is_alterable = config_key_find(name, &key) && !config_row(key)->is_read_only;
    return refuse(request, resource,
                  is_alterable ? "This release reads settings of brokers at its start alone: [%.*s]"
                               : "Cannot update these configs dynamically: [%.*s]",
                  shown(name), (const char *)name.data);
}

/* An empty name means all brokers. Nothing to alter is fine, as in Kafka. */
static bool answer_broker(struct request *request, struct alter_resource *resource)
{
    assert(resource->type == RESOURCE_BROKER);
    int32_t node_id = request->core->replicas.options.node_id;
    struct bytes name = resource->name;
    int64_t number = node_id;
    if (name.size > 0 && text_parse_i64(name, INT32_MIN, INT32_MAX, &number) != STATUS_OK)
        return refuse(request, resource, "Node id must be an integer, but it is: %.*s", shown(name),
                      (const char *)name.data);
    if (number != node_id)
        return refuse(request, resource, "Unexpected broker id, expected %d, but received %.*s",
                      node_id, shown(name), (const char *)name.data);
    return resource->setting_count == 0 || refuse_setting(request, resource);
}

/* False when the request's memory is used up. */
static bool start_resource(struct alter_configs *alter, struct alter_resource *resource)
{
    struct controller_command *command = &alter->admin.call.command;
    switch (resource->type) {
    case RESOURCE_BROKER: return answer_broker(alter->admin.request, resource);
    case RESOURCE_TOPIC:
    case RESOURCE_GROUP:
        assert(command->topic_count < alter->resource_count);
        resource->topic = &command->topics[command->topic_count++];
        resource->topic->name = resource->name;
        resource->topic->is_group = resource->type == RESOURCE_GROUP;
        resource->topic->settings = resource->settings;
        resource->topic->setting_count = resource->setting_count;
        return true;
    default:
        return refuse(alter->admin.request, resource, "Unknown resource type %d", resource->type);
    }
}

void alter_configs_start(struct alter_configs *alter, bool validate_only)
{
    struct controller_command *command = &alter->admin.call.command;
    bool has_memory = !alter->has_no_memory;
    assert(alter->resource_count == alter->resource_count_max);
    command->topic_count = 0;
    for (uint32_t i = 0; has_memory && i < alter->resource_count; i++)
        has_memory = start_resource(alter, &alter->resources[i]);
    if (!has_memory) {
        request_refuse_for_memory(alter->admin.request);
        return;
    }
    command->validate_only = validate_only;
    admin_call_start(&alter->admin);
}
