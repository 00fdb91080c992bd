/* Heartbeat of a member of a classic group. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/errors.h"

struct heartbeat {
    struct group_request group_request;
    struct heartbeat_request in;
    struct heartbeat_call call;
    struct group_errand errand;
};

static void ask(struct group_request *group_request)
{
    struct heartbeat *h = container_of(group_request, struct heartbeat, group_request);
    if (h->in.group_id.size > 0)
        group_request_call(group_request, &h->errand, &h->call.call, GROUP_CALL_HEARTBEAT);
    else
        group_request_refuse(group_request, &h->call.call, GROUP_CALL_HEARTBEAT,
                             KAFKA_INVALID_GROUP_ID);
}

static void encode(struct group_request *group_request)
{
    struct heartbeat *h = container_of(group_request, struct heartbeat, group_request);
    struct request *request = group_request->request;
    heartbeat_response_encode(&request->response, request->version, &h->call.out);
}

void api_heartbeat_handle(struct request *request)
{
    struct heartbeat *h = request_require(request, 1, sizeof *h);
    if (h == NULL)
        return;
    enum status status =
        heartbeat_request_decode(&request->body, request->version, &request->arena, &h->in);
    if (!request_is_decoded(request, status))
        return;
    h->call.in = &h->in;
    group_request_start(&h->group_request, request, ask, encode);
}
