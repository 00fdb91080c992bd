/* SyncGroup. The answer waits for the leader's assignment, and is given up when the connection
 * ends. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/errors.h"

struct sync_group {
    struct group_request group_request;
    struct sync_group_request in;
    struct sync_group_call call;
    struct group_errand errand;
};

static void ask(struct group_request *group_request)
{
    struct sync_group *s = container_of(group_request, struct sync_group, group_request);
    if (s->in.group_id.size > 0)
        group_request_call(group_request, &s->errand, &s->call.call, GROUP_CALL_SYNC);
    else
        group_request_refuse(group_request, &s->call.call, GROUP_CALL_SYNC, KAFKA_INVALID_GROUP_ID);
}

static void encode(struct group_request *group_request)
{
    struct sync_group *s = container_of(group_request, struct sync_group, group_request);
    struct request *request = group_request->request;
    sync_group_response_encode(&request->response, request->version, &s->call.out);
}

void api_sync_group_handle(struct request *request)
{
    struct sync_group *s = request_require(request, 1, sizeof *s);
    if (s == NULL)
        return;
    enum status status =
        sync_group_request_decode(&request->body, request->version, &request->arena, &s->in);
    if (!request_is_decoded(request, status))
        return;
    s->call.in = &s->in;
    group_request_start(&s->group_request, request, ask, encode);
}
