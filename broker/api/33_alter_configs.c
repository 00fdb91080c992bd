/* AlterConfigs: what a topic is given here is all that is set on it; what is not named goes back to
 * its default. Tools that have IncrementalAlterConfigs use that. */
#include "broker/alter_configs.h"
#include "broker/api/api.h"
#include "broker/reply.h"
#include "protocol/messages/alter_configs.h"

static void encode(struct alter_configs *alter)
{
    struct request *request = alter->admin.request;
    struct alter_configs_response out;
    alter_configs_response_init(&out);
    out.responses = request_allocate(request, alter->resource_count, sizeof *out.responses);
    if (out.responses == NULL) {
        writer_fail(&request->response, STATUS_NO_MEMORY);
        return;
    }
    out.responses_count = alter->resource_count;
    for (uint32_t i = 0; i < alter->resource_count; i++) {
        const struct alter_resource *resource = &alter->resources[i];
        out.responses[i] = (struct alter_configs_response_response){
            .error_code = resource->error,
            .error_message = resource->message,
            .resource_type = resource->type,
            .resource_name = resource->name,
        };
    }
    alter_configs_response_encode(&request->response, request->version, &out);
}

static void add_resource(struct alter_configs *alter,
                         const struct alter_configs_request_resource *in)
{
    struct controller_setting *settings =
        alter_configs_add(alter, in->resource_type, in->resource_name, in->configs_count);
    for (uint32_t i = 0; i < in->configs_count && settings != NULL; i++)
        settings[i] = (struct controller_setting){
            .name = in->configs[i].name,
            .value = in->configs[i].value,
        };
}

void api_alter_configs_handle(struct request *request)
{
    struct alter_configs_request in;
    enum status status =
        alter_configs_request_decode(&request->body, request->version, &request->arena, &in);
    if (!request_is_decoded(request, status))
        return;
    struct alter_configs *alter =
        alter_configs_begin(request, CONTROLLER_REPLACE_CONFIGS, in.resources_count, encode);
    if (alter == NULL)
        return;
    for (uint32_t i = 0; i < in.resources_count; i++)
        add_resource(alter, &in.resources[i]);
    alter_configs_start(alter, in.validate_only);
}
