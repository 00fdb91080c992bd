/* ConsumerGroupDescribe: groups of the consumer protocol, each by its shard. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"

/* Read, delete, describe, and the same of configs (KIP-430): without an authorizer everybody may.
 */
enum { GROUP_OPERATIONS_ALL = 0x0d48 };

struct consumer_group_describe_leg {
    struct group_errand errand;
    struct consumer_describe_call call;
};

struct consumer_group_describe {
    struct group_request group_request;
    struct consumer_group_describe_request in;
    struct consumer_group_describe_leg *legs;
};

static void ask(struct group_request *group_request)
{
    struct consumer_group_describe *d =
        container_of(group_request, struct consumer_group_describe, group_request);
    for (uint32_t i = 0; i < d->in.group_ids_count; i++) {
        struct consumer_group_describe_leg *leg = &d->legs[i];
        leg->call.group_id = d->in.group_ids[i];
        group_request_call(group_request, &leg->errand, &leg->call.call,
                           GROUP_CALL_CONSUMER_DESCRIBE);
    }
}

static void encode(struct group_request *group_request)
{
    struct consumer_group_describe *d =
        container_of(group_request, struct consumer_group_describe, group_request);
    struct request *request = group_request->request;
    struct consumer_group_describe_response out;
    consumer_group_describe_response_init(&out);
    out.groups = request_allocate(request, d->in.group_ids_count, sizeof *out.groups);
    if (out.groups == NULL)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    else
        out.groups_count = d->in.group_ids_count;
    for (uint32_t i = 0; i < out.groups_count; i++) {
        out.groups[i] = d->legs[i].call.out;
        if (d->in.include_authorized_operations)
            out.groups[i].authorized_operations = GROUP_OPERATIONS_ALL;
    }
    consumer_group_describe_response_encode(&request->response, request->version, &out);
}

void api_consumer_group_describe_handle(struct request *request)
{
    struct consumer_group_describe *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status = consumer_group_describe_request_decode(&request->body, request->version,
                                                                &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    d->legs = request_require(request, d->in.group_ids_count, sizeof *d->legs);
    if (d->legs == NULL)
        return;
    group_request_start(&d->group_request, request, ask, encode);
}
