/* CreatePartitions: more partitions for a topic that exists. */
#include "base/assert.h"
#include "broker/admin_call.h"
#include "broker/api/api.h"
#include "broker/reply.h"
#include "protocol/messages/create_partitions.h"

struct create_partitions {
    struct admin_call admin;
    struct create_partitions_request in;
};

static void encode(struct admin_call *admin)
{
    struct request *request = admin->request;
    const struct controller_command *command = &admin->call.command;
    struct create_partitions_response out;
    create_partitions_response_init(&out);
    out.results = request_allocate(request, command->topic_count, sizeof *out.results);
    if (out.results == NULL) {
        writer_fail(&request->response, STATUS_NO_MEMORY);
        return;
    }
    out.results_count = command->topic_count;
    for (uint32_t i = 0; i < command->topic_count; i++) {
        out.results[i] = (struct create_partitions_response_topic){
            .name = command->topics[i].name,
            .error_code = admin_call_error(admin, &command->topics[i]),
            .error_message = admin_call_message(admin, &command->topics[i]),
        };
    }
    create_partitions_response_encode(&request->response, request->version, &out);
}

/* The assignments are of the new partitions only; the controller knows where they begin. */
static bool take_topic(struct request *request, const struct create_partitions_request_topic *in,
                       struct controller_topic *topic)
{
    topic->name = in->name;
    topic->partition_count = in->count;
    if (in->assignments == NULL)
        return true;
    struct controller_assignment *assignments =
        request_allocate(request, in->assignments_count, sizeof *assignments);
    if (assignments == NULL)
        return false;
    for (uint32_t i = 0; i < in->assignments_count; i++) {
        assignments[i] = (struct controller_assignment){
            .partition = (int32_t)i,
            .broker_ids = in->assignments[i].broker_ids,
            .broker_id_count = in->assignments[i].broker_ids_count,
        };
    }
    topic->assignments = assignments;
    topic->assignment_count = in->assignments_count;
    return true;
}

void api_create_partitions_handle(struct request *request)
{
    struct create_partitions *c = request_require(request, 1, sizeof *c);
    if (c == NULL)
        return;
    enum status status =
        create_partitions_request_decode(&request->body, request->version, &request->arena, &c->in);
    if (!request_is_decoded(request, status))
        return;
    bool has_memory = admin_call_prepare(&c->admin, request, CONTROLLER_CREATE_PARTITIONS,
                                         c->in.topics_count, encode);
    for (uint32_t i = 0; i < c->in.topics_count && has_memory; i++)
        has_memory = take_topic(request, &c->in.topics[i], &c->admin.call.command.topics[i]);
    if (!has_memory) {
        request_refuse_for_memory(request);
        return;
    }
    c->admin.call.command.validate_only = c->in.validate_only;
    admin_call_start(&c->admin);
}
