/* What an answer says is copied when it is given: the group may have changed when it leaves,
 * because answers wait for the disk. */
#include "consumer-groups/classic_answer.h"

#include "base/assert.h"
#include "protocol/errors.h"

/* Null becomes empty, unless the field may be null. A failure stays in `status`. */
static struct bytes keep(struct group_call *call, enum status *status, struct bytes from)
{
    if (bytes_are_null(from))
        return from;
    char *copy = arena_copy_text(call->arena, from.data, from.size);
    if (copy == NULL) {
        *status = STATUS_NO_MEMORY;
        return bytes_of_text("");
    }
    return bytes_of(copy, from.size);
}

/* --- Joins ------------------------------------------------------------------------------------ */

void classic_refuse_join(struct group_turn *turn, struct join_group_call *call,
                         struct bytes member_id, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    join_group_response_init(&call->out);
    call->out.error_code = error_code;
    call->out.member_id = member_id;
    if (call->call.version >= 7)
        call->out.protocol_name = (struct bytes){NULL, 0};
    group_turn_answer(turn, &call->call);
}

static enum status tell_members(struct classic_group *group, struct join_group_call *call)
{
    struct join_group_response_member *to =
        arena_allocate_array(call->call.arena, group->member_count, sizeof *to);
    if (to == NULL)
        return STATUS_NO_MEMORY;
    call->out.members = to;
    enum status status = STATUS_OK;
    struct classic_member *member;
    for_each_member (member, group) {
        to->member_id = keep(&call->call, &status, member->identity.member_id);
        to->group_instance_id = keep(&call->call, &status, member->identity.instance_id);
        to->metadata = keep(&call->call, &status, classic_member_metadata(group, member));
        to++;
    }
    call->out.members_count = group->member_count;
    return status;
}

void classic_answer_join(struct classic_group *group, struct group_turn *turn,
                         struct join_group_call *call, const struct classic_member *member,
                         enum classic_answer_part part)
{
    assert(group->leader != NULL);
    struct join_group_response *out = &call->out;
    enum status status = STATUS_OK;
    join_group_response_init(out);
    out->generation_id = group->generation;
    out->protocol_type = keep(&call->call, &status, group->protocol_type);
    out->protocol_name = keep(&call->call, &status, classic_protocol_name(group));
    out->leader = keep(&call->call, &status, group->leader->identity.member_id);
    out->member_id = keep(&call->call, &status, member->identity.member_id);
    out->skip_assignment = part == CLASSIC_ANSWER_SKIP;
    if (part != CLASSIC_ANSWER_FOLLOWER && status == STATUS_OK)
        status = tell_members(group, call);
    if (status == STATUS_OK)
        group_turn_answer(turn, &call->call);
    else
        classic_refuse_join(turn, call, call->in->member_id, KAFKA_COORDINATOR_NOT_AVAILABLE);
}

/* --- Syncs ------------------------------------------------------------------------------------ */

void classic_answer_sync(const struct classic_group *group, struct group_turn *turn,
                         struct sync_group_call *call, const struct classic_member *member)
{
    struct sync_group_response *out = &call->out;
    enum status status = STATUS_OK;
    sync_group_response_init(out);
    out->protocol_type = keep(&call->call, &status, group->protocol_type);
    out->protocol_name = keep(&call->call, &status, classic_protocol_name(group));
    if (!bytes_are_null(member->assignment))
        out->assignment = keep(&call->call, &status, member->assignment);
    if (status == STATUS_OK)
        group_turn_answer(turn, &call->call);
    else
        classic_refuse_sync(turn, call, KAFKA_COORDINATOR_NOT_AVAILABLE);
}

void classic_refuse_sync(struct group_turn *turn, struct sync_group_call *call, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    sync_group_response_init(&call->out);
    call->out.error_code = error_code;
    group_turn_answer(turn, &call->call);
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static struct group_call *take_call(struct list *waiting)
{
    struct list_node *node = list_pop_front(waiting);
    assert(list_is_empty(waiting));
    return node == NULL ? NULL : container_of(node, struct group_call, node);
}

struct join_group_call *classic_release_join(struct classic_group *group,
                                             struct classic_member *member)
{
    if (member->awaits_join) {
        assert(group->awaiting_join_count > 0);
        group->awaiting_join_count--;
        member->awaits_join = false;
    }
    struct group_call *call = take_call(&member->join_call);
    return call == NULL ? NULL : container_of(call, struct join_group_call, call);
}

struct sync_group_call *classic_release_sync(struct classic_member *member)
{
    member->awaits_sync = false;
    struct group_call *call = take_call(&member->sync_call);
    return call == NULL ? NULL : container_of(call, struct sync_group_call, call);
}

void classic_hold_join(struct classic_group *group, struct group_turn *turn,
                       struct classic_member *member, struct join_group_call *call)
{
    struct join_group_call *former = classic_release_join(group, member);
    if (former != NULL)
        classic_refuse_join(turn, former, former->in->member_id, KAFKA_NOT_COORDINATOR);
    assert(!list_node_is_linked(&call->call.node));
    list_push_back(&member->join_call, &call->call.node);
    member->awaits_join = true;
    group->awaiting_join_count++;
    assert(group->awaiting_join_count <= group->member_count);
}

void classic_hold_sync(struct group_turn *turn, struct classic_member *member,
                       struct sync_group_call *call)
{
    struct sync_group_call *former = classic_release_sync(member);
    if (former != NULL)
        classic_refuse_sync(turn, former, KAFKA_NOT_COORDINATOR);
    assert(!list_node_is_linked(&call->call.node));
    list_push_back(&member->sync_call, &call->call.node);
    member->awaits_sync = true;
}

void classic_refuse_waiting(struct classic_group *group, struct group_turn *turn,
                            struct classic_member *member, struct bytes member_id,
                            int16_t error_code)
{
    struct join_group_call *join = classic_release_join(group, member);
    if (join != NULL)
        classic_refuse_join(turn, join, member_id, error_code);
    struct sync_group_call *sync = classic_release_sync(member);
    if (sync != NULL)
        classic_refuse_sync(turn, sync, error_code);
}

void classic_fence_waiting(struct classic_group *group, struct group_turn *turn,
                           struct classic_member *member)
{
    struct join_group_call *join = classic_release_join(group, member);
    if (join != NULL) {
        enum status status = STATUS_OK;
        struct bytes member_id = keep(&join->call, &status, member->identity.member_id);
        classic_refuse_join(turn, join, member_id, KAFKA_FENCED_INSTANCE_ID);
    }
    struct sync_group_call *sync = classic_release_sync(member);
    if (sync != NULL)
        classic_refuse_sync(turn, sync, KAFKA_FENCED_INSTANCE_ID);
}
