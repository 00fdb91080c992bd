/* OffsetCommit. An answer without an error says that the offsets are on disk. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"

struct offset_commit {
    struct group_request group_request;
    struct offset_commit_request in;
    struct offset_commit_call call;
    struct group_errand errand;
};

static void ask(struct group_request *group_request)
{
    struct offset_commit *c = container_of(group_request, struct offset_commit, group_request);
    group_request_call(group_request, &c->errand, &c->call.call, GROUP_CALL_COMMIT);
}

static void encode(struct group_request *group_request)
{
    struct offset_commit *c = container_of(group_request, struct offset_commit, group_request);
    struct request *request = group_request->request;
    assert(c->call.call.kind == GROUP_CALL_COMMIT);
    offset_commit_response_encode(&request->response, request->version, &c->call.out);
}

void api_offset_commit_handle(struct request *request)
{
    struct offset_commit *c = request_require(request, 1, sizeof *c);
    if (c == NULL)
        return;
    enum status status =
        offset_commit_request_decode(&request->body, request->version, &request->arena, &c->in);
    if (!request_is_decoded(request, status))
        return;
    c->call.in = &c->in;
    group_request_start(&c->group_request, request, ask, encode);
}
