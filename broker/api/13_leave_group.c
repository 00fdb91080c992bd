/* LeaveGroup: members of a classic group go, one of their own will or several by an administrator.
 */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/errors.h"

struct leave_group {
    struct group_request group_request;
    struct leave_group_request in;
    struct leave_group_call call;
    struct group_errand errand;
};

static void ask(struct group_request *group_request)
{
    struct leave_group *l = container_of(group_request, struct leave_group, group_request);
    if (l->in.group_id.size > 0)
        group_request_call(group_request, &l->errand, &l->call.call, GROUP_CALL_LEAVE);
    else
        group_request_refuse(group_request, &l->call.call, GROUP_CALL_LEAVE,
                             KAFKA_INVALID_GROUP_ID);
}

static void encode(struct group_request *group_request)
{
    struct leave_group *l = container_of(group_request, struct leave_group, group_request);
    struct request *request = group_request->request;
    leave_group_response_encode(&request->response, request->version, &l->call.out);
}

void api_leave_group_handle(struct request *request)
{
    struct leave_group *l = request_require(request, 1, sizeof *l);
    if (l == NULL)
        return;
    enum status status =
        leave_group_request_decode(&request->body, request->version, &request->arena, &l->in);
    if (!request_is_decoded(request, status))
        return;
    l->call.in = &l->in;
    group_request_start(&l->group_request, request, ask, encode);
}
