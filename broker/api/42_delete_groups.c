/* DeleteGroups: groups without members go, with all their offsets, each by its shard. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/messages/delete_groups.h"

struct delete_groups_leg {
    struct group_errand errand;
    struct delete_group_call call;
};

struct delete_groups {
    struct group_request group_request;
    struct delete_groups_request in;
    struct delete_groups_leg *legs;
};

static void ask(struct group_request *group_request)
{
    struct delete_groups *d = container_of(group_request, struct delete_groups, group_request);
    for (uint32_t i = 0; i < d->in.groups_names_count; i++) {
        struct delete_groups_leg *leg = &d->legs[i];
        leg->call.group_id = d->in.groups_names[i];
        group_request_call(group_request, &leg->errand, &leg->call.call, GROUP_CALL_DELETE);
    }
}

static void encode(struct group_request *group_request)
{
    struct delete_groups *d = container_of(group_request, struct delete_groups, group_request);
    struct request *request = group_request->request;
    struct delete_groups_response out;
    delete_groups_response_init(&out);
    out.results = request_allocate(request, d->in.groups_names_count, sizeof *out.results);
    if (out.results == NULL)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    else
        out.results_count = d->in.groups_names_count;
    for (uint32_t i = 0; i < out.results_count; i++) {
        delete_groups_response_result_init(&out.results[i]);
        out.results[i].group_id = d->legs[i].call.group_id;
        out.results[i].error_code = d->legs[i].call.error_code;
    }
    delete_groups_response_encode(&request->response, request->version, &out);
}

void api_delete_groups_handle(struct request *request)
{
    struct delete_groups *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status =
        delete_groups_request_decode(&request->body, request->version, &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    d->legs = request_require(request, d->in.groups_names_count, sizeof *d->legs);
    if (d->legs == NULL)
        return;
    group_request_start(&d->group_request, request, ask, encode);
}
