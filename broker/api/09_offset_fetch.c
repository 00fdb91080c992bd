/* OffsetFetch, of one group or, since version 8, of several. Requests and answers of the older
 * versions are brought into the newer form and back. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/group_request.h"
#include "broker/reply.h"

enum { OFFSET_FETCH_GROUPS_SINCE = 8 };

/* One group. */
struct offset_fetch_leg {
    struct group_errand errand;
    struct offset_fetch_call call;
};

struct offset_fetch {
    struct group_request group_request;
    struct offset_fetch_request in;
    struct offset_fetch_response out;
    struct offset_fetch_leg *legs;
    uint32_t leg_count;
};

static bool ask_groups(struct offset_fetch *f)
{
    assert(f->legs == NULL);
    f->legs = request_allocate(f->group_request.request, f->in.groups_count, sizeof *f->legs);
    if (f->legs == NULL)
        return false;
    f->leg_count = f->in.groups_count;
    for (uint32_t i = 0; i < f->leg_count; i++) {
        struct offset_fetch_leg *leg = &f->legs[i];
        leg->call.in = &f->in.groups[i];
        leg->call.require_stable = f->in.require_stable;
        group_request_call(&f->group_request, &leg->errand, &leg->call.call, GROUP_CALL_FETCH);
    }
    return true;
}

static void ask(struct group_request *group_request)
{
    struct offset_fetch *f = container_of(group_request, struct offset_fetch, group_request);
    if (!ask_groups(f))
        writer_fail(&group_request->request->response, STATUS_NO_MEMORY);
}

/* --- Versions about one group ----------------------------------------------------------------- */

/* The group that the request is about, as one of several. */
static bool lift_request(struct request *request, struct offset_fetch_request *in)
{
    assert(request->version < OFFSET_FETCH_GROUPS_SINCE);
    assert(in->groups_count == 0);
    struct offset_fetch_request_group *group = request_allocate(request, 1, sizeof *group);
    if (group == NULL)
        return false;
    offset_fetch_request_group_init(group);
    group->group_id = in->group_id;
    in->groups = group;
    in->groups_count = 1;
    group->topics = NULL;
    if (in->topics == NULL)
        return true;
    group->topics = request_allocate(request, in->topics_count, sizeof *group->topics);
    if (group->topics == NULL)
        return false;
    group->topics_count = in->topics_count;
    for (uint32_t i = 0; i < in->topics_count; i++) {
        group->topics[i].name = in->topics[i].name;
        group->topics[i].partition_indexes = in->topics[i].partition_indexes;
        group->topics[i].partition_indexes_count = in->topics[i].partition_indexes_count;
    }
    return true;
}

static bool lower_topic(struct request *request, const struct offset_fetch_response_group_topic *in,
                        struct offset_fetch_response_topic *out)
{
    out->name = in->name;
    out->partitions = request_allocate(request, in->partitions_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partitions_count;
    for (uint32_t i = 0; i < in->partitions_count; i++)
        out->partitions[i] = (struct offset_fetch_response_partition){
            .partition_index = in->partitions[i].partition_index,
            .committed_offset = in->partitions[i].committed_offset,
            .committed_leader_epoch = in->partitions[i].committed_leader_epoch,
            .metadata = in->partitions[i].metadata,
            .error_code = in->partitions[i].error_code,
        };
    return true;
}

static bool lower_response(struct offset_fetch *f)
{
    assert(f->leg_count == 1);
    struct request *request = f->group_request.request;
    const struct offset_fetch_response_group *group = &f->legs[0].call.out;
    f->out.error_code = group->error_code;
    f->out.topics = request_allocate(request, group->topics_count, sizeof *f->out.topics);
    if (f->out.topics == NULL)
        return false;
    f->out.topics_count = group->topics_count;
    for (uint32_t i = 0; i < group->topics_count; i++)
        if (!lower_topic(request, &group->topics[i], &f->out.topics[i]))
            return false;
    return true;
}

/* --- The answer ------------------------------------------------------------------------------- */

static bool gather_groups(struct offset_fetch *f)
{
    assert(f->group_request.request->version >= OFFSET_FETCH_GROUPS_SINCE);
    f->out.groups = request_allocate(f->group_request.request, f->leg_count, sizeof *f->out.groups);
    if (f->out.groups == NULL)
        return false;
    f->out.groups_count = f->leg_count;
    for (uint32_t i = 0; i < f->leg_count; i++)
        f->out.groups[i] = f->legs[i].call.out;
    return true;
}

static void encode(struct group_request *group_request)
{
    struct offset_fetch *f = container_of(group_request, struct offset_fetch, group_request);
    struct request *request = group_request->request;
    bool has_memory = true;
    offset_fetch_response_init(&f->out);
    if (request->version >= OFFSET_FETCH_GROUPS_SINCE)
        has_memory = gather_groups(f);
    else if (f->leg_count > 0)
        has_memory = lower_response(f);
    if (!has_memory)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    offset_fetch_response_encode(&request->response, request->version, &f->out);
}

void api_offset_fetch_handle(struct request *request)
{
    struct offset_fetch *f = request_require(request, 1, sizeof *f);
    if (f == NULL)
        return;
    enum status status =
        offset_fetch_request_decode(&request->body, request->version, &request->arena, &f->in);
    if (!request_is_decoded(request, status))
        return;
    if (request->version < OFFSET_FETCH_GROUPS_SINCE && !lift_request(request, &f->in)) {
        request_refuse_for_memory(request);
        return;
    }
    group_request_start(&f->group_request, request, ask, encode);
}
