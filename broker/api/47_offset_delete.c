/* OffsetDelete: a group's offsets of topics that nobody in it reads. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"
#include "protocol/errors.h"

struct offset_delete {
    struct group_request group_request;
    struct offset_delete_request in;
    struct offset_delete_call call;
    struct group_errand errand;
};

/* Unlike commits, which old clients send for it, this has no meaning for the group without a name.
 */
static void ask(struct group_request *group_request)
{
    struct offset_delete *d = container_of(group_request, struct offset_delete, group_request);
    if (d->in.group_id.size > 0)
        group_request_call(group_request, &d->errand, &d->call.call, GROUP_CALL_OFFSET_DELETE);
    else
        d->call.out.error_code = KAFKA_INVALID_GROUP_ID;
}

static void encode(struct group_request *group_request)
{
    struct offset_delete *d = container_of(group_request, struct offset_delete, group_request);
    struct request *request = group_request->request;
    offset_delete_response_encode(&request->response, request->version, &d->call.out);
}

void api_offset_delete_handle(struct request *request)
{
    struct offset_delete *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status =
        offset_delete_request_decode(&request->body, request->version, &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    d->call.in = &d->in;
    offset_delete_response_init(&d->call.out);
    group_request_start(&d->group_request, request, ask, encode);
}
