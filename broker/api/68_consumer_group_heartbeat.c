/* ConsumerGroupHeartbeat, the one request of members of the consumer protocol (KIP-848). */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"

struct consumer_group_heartbeat {
    struct group_request group_request;
    struct consumer_group_heartbeat_request in;
    struct consumer_group_heartbeat_call call;
    struct group_errand errand;
};

static void ask(struct group_request *group_request)
{
    struct consumer_group_heartbeat *h =
        container_of(group_request, struct consumer_group_heartbeat, group_request);
    group_request_call(group_request, &h->errand, &h->call.call, GROUP_CALL_CONSUMER_HEARTBEAT);
}

static void encode(struct group_request *group_request)
{
    struct consumer_group_heartbeat *h =
        container_of(group_request, struct consumer_group_heartbeat, group_request);
    struct request *request = group_request->request;
    consumer_group_heartbeat_response_encode(&request->response, request->version, &h->call.out);
}

void api_consumer_group_heartbeat_handle(struct request *request)
{
    struct consumer_group_heartbeat *h = request_require(request, 1, sizeof *h);
    if (h == NULL)
        return;
    enum status status = consumer_group_heartbeat_request_decode(&request->body, request->version,
                                                                 &request->arena, &h->in);
    if (!request_is_decoded(request, status))
        return;
    h->call.in = &h->in;
    group_request_start(&h->group_request, request, ask, encode);
}
