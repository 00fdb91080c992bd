/* DescribeGroups: groups of the classic protocol, each by its shard. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"

/* Read, delete, describe, and the same of configs (KIP-430): without an authorizer everybody may.
 */
enum { GROUP_OPERATIONS_ALL = 0x0d48 };

struct describe_groups_leg {
    struct group_errand errand;
    struct describe_group_call call;
};

struct describe_groups {
    struct group_request group_request;
    struct describe_groups_request in;
    struct describe_groups_leg *legs;
};

static void ask(struct group_request *group_request)
{
    struct describe_groups *d = container_of(group_request, struct describe_groups, group_request);
    for (uint32_t i = 0; i < d->in.groups_count; i++) {
        struct describe_groups_leg *leg = &d->legs[i];
        leg->call.group_id = d->in.groups[i];
        group_request_call(group_request, &leg->errand, &leg->call.call, GROUP_CALL_DESCRIBE);
    }
}

static void encode(struct group_request *group_request)
{
    struct describe_groups *d = container_of(group_request, struct describe_groups, group_request);
    struct request *request = group_request->request;
    struct describe_groups_response out;
    describe_groups_response_init(&out);
    out.groups = request_allocate(request, d->in.groups_count, sizeof *out.groups);
    if (out.groups == NULL)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    else
        out.groups_count = d->in.groups_count;
    for (uint32_t i = 0; i < out.groups_count; i++) {
        out.groups[i] = d->legs[i].call.out;
        if (d->in.include_authorized_operations)
            out.groups[i].authorized_operations = GROUP_OPERATIONS_ALL;
    }
    describe_groups_response_encode(&request->response, request->version, &out);
}

void api_describe_groups_handle(struct request *request)
{
    struct describe_groups *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status =
        describe_groups_request_decode(&request->body, request->version, &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    d->legs = request_require(request, d->in.groups_count, sizeof *d->legs);
    if (d->legs == NULL)
        return;
    group_request_start(&d->group_request, request, ask, encode);
}
