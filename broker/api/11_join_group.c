/* JoinGroup. The answer waits for the other members, and is given up when the connection ends. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/errors.h"

struct join_group {
    struct group_request group_request;
    struct join_group_request in;
    struct join_group_call call;
    struct group_errand errand;
};

static void ask(struct group_request *group_request)
{
    struct join_group *j = container_of(group_request, struct join_group, group_request);
    if (j->in.group_id.size > 0)
        group_request_call(group_request, &j->errand, &j->call.call, GROUP_CALL_JOIN);
    else
        group_request_refuse(group_request, &j->call.call, GROUP_CALL_JOIN, KAFKA_INVALID_GROUP_ID);
}

static void encode(struct group_request *group_request)
{
    struct join_group *j = container_of(group_request, struct join_group, group_request);
    struct request *request = group_request->request;
    assert(j->call.call.kind == GROUP_CALL_JOIN);
    join_group_response_encode(&request->response, request->version, &j->call.out);
}

void api_join_group_handle(struct request *request)
{
    struct join_group *j = request_require(request, 1, sizeof *j);
    if (j == NULL)
        return;
    enum status status =
        join_group_request_decode(&request->body, request->version, &request->arena, &j->in);
    if (!request_is_decoded(request, status))
        return;
    j->call.in = &j->in;
    group_request_start(&j->group_request, request, ask, encode);
}
