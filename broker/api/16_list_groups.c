/* ListGroups: the groups of all shards that this broker has. While one of them loads, the list
 * would not be whole, and the answer says so. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/errors.h"

struct list_groups_leg {
    struct group_errand errand;
    struct list_groups_call call;
};

struct list_groups {
    struct group_request group_request;
    struct list_groups_request in;
    struct list_groups_response out;
    struct list_groups_leg *legs;
    uint32_t leg_count;
};

static void ask(struct group_request *group_request)
{
    struct list_groups *l = container_of(group_request, struct list_groups, group_request);
    struct request *request = group_request->request;
    assert(l->legs == NULL);
    uint32_t count = group_request_shard_count(group_request);
    l->legs = request_allocate(request, count, sizeof *l->legs);
    if (l->legs == NULL) {
        writer_fail(&request->response, STATUS_NO_MEMORY);
        return;
    }
    l->leg_count = count;
    for (uint32_t i = 0; i < count; i++) {
        l->legs[i].call.in = &l->in;
        group_request_call_shard(group_request, &l->legs[i].errand, &l->legs[i].call.call,
                                 GROUP_CALL_LIST, i);
    }
}

/* Shards of other brokers are theirs to list. */
static bool gather(struct list_groups *l)
{
    assert(l->out.groups_count == 0);
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->leg_count; i++)
        count += l->legs[i].call.out.groups_count;
    l->out.groups = request_allocate(l->group_request.request, count, sizeof *l->out.groups);
    if (l->out.groups == NULL)
        return false;
    for (uint32_t i = 0; i < l->leg_count; i++) {
        const struct list_groups_response *some = &l->legs[i].call.out;
        if (some->error_code != KAFKA_NONE && some->error_code != KAFKA_NOT_COORDINATOR)
            l->out.error_code = some->error_code;
        for (uint32_t g = 0; g < some->groups_count; g++)
            l->out.groups[l->out.groups_count++] = some->groups[g];
    }
    if (l->out.error_code != KAFKA_NONE)
        l->out.groups_count = 0;
    return true;
}

static void encode(struct group_request *group_request)
{
    struct list_groups *l = container_of(group_request, struct list_groups, group_request);
    struct request *request = group_request->request;
    list_groups_response_init(&l->out);
    if (!gather(l))
        writer_fail(&request->response, STATUS_NO_MEMORY);
    list_groups_response_encode(&request->response, request->version, &l->out);
}

void api_list_groups_handle(struct request *request)
{
    struct list_groups *l = request_require(request, 1, sizeof *l);
    if (l == NULL)
        return;
    enum status status =
        list_groups_request_decode(&request->body, request->version, &request->arena, &l->in);
    if (!request_is_decoded(request, status))
        return;
    group_request_start(&l->group_request, request, ask, encode);
}
