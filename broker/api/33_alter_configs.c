/* AlterConfigs: what a topic is given here is all that is set on it; what is not named goes back to
 * its default. Tools that have IncrementalAlterConfigs use that. */
#include "broker/alter_configs.h"
#include "broker/api/api.h"
#include "broker/reply.h"
#include "protocol/messages/alter_configs.h"

struct replace_configs {
    struct alter_configs alter;
    struct alter_configs_request in;
};

static void encode(struct admin_call *admin)
{
    struct request *request = admin->request;
    struct alter_configs *alter = container_of(admin, struct alter_configs, admin);
    struct alter_configs_response out;
    alter_configs_response_init(&out);
    out.responses = request_allocate(request, alter->resource_count, sizeof *out.responses);
    if (out.responses == NULL) {
        writer_fail(&request->response, STATUS_NO_MEMORY);
        return;
    }
    out.responses_count = alter->resource_count;
    for (uint32_t i = 0; i < alter->resource_count; i++) {
        struct alter_resource *resource = &alter->resources[i];
        alter_resource_conclude(resource, admin);
        out.responses[i] = (struct alter_configs_response_response){
            .error_code = resource->error,
            .error_message = resource->message,
            .resource_type = resource->type,
            .resource_name = resource->name,
        };
    }
    alter_configs_response_encode(&request->response, request->version, &out);
}

static bool take_resource(struct request *request, const struct alter_configs_request_resource *in,
                          struct alter_resource *resource)
{
    if (!alter_resource_init(resource, request, in->resource_type, in->resource_name,
                             in->configs_count))
        return false;
    for (uint32_t i = 0; i < in->configs_count; i++)
        resource->settings[i] = (struct controller_setting){
            .name = in->configs[i].name,
            .value = in->configs[i].value,
        };
    return true;
}

void api_alter_configs_handle(struct request *request)
{
    struct replace_configs *a = request_allocate(request, 1, sizeof *a);
    if (a == NULL) {
        request_refuse(request, "no memory for the request", STATUS_NO_MEMORY);
        return;
    }
    enum status status =
        alter_configs_request_decode(&request->body, request->version, &request->arena, &a->in);
    if (!request_is_decoded(request, status))
        return;
    bool has_memory = alter_configs_prepare(&a->alter, request, CONTROLLER_REPLACE_CONFIGS,
                                            a->in.resources_count, encode);
    for (uint32_t i = 0; i < a->in.resources_count && has_memory; i++)
        has_memory = take_resource(request, &a->in.resources[i], &a->alter.resources[i]);
    if (!has_memory) {
        request_refuse(request, "no memory for the request", STATUS_NO_MEMORY);
        return;
    }
    alter_configs_start(&a->alter, a->in.validate_only);
}
