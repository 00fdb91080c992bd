/* A classic group from its first breath to its last, and what others may ask of it. */
#include "base/assert.h"
#include "consumer-groups/classic_answer.h"
#include "protocol/errors.h"

static bool member_has_id(const struct map_node *node, const void *id)
{
    return bytes_equal(container_of(node, const struct classic_member, node)->identity.member_id,
                       *(const struct bytes *)id);
}

static bool member_has_instance(const struct map_node *node, const void *id)
{
    const struct classic_member *member =
        container_of(node, const struct classic_member, static_node);
    return bytes_equal(member->identity.instance_id, *(const struct bytes *)id);
}

void classic_init(struct classic_group *group, struct bytes id, const struct group_turn *turn)
{
    *group = (struct classic_group){
        .state = CLASSIC_EMPTY,
        .id = id,
        .seed = turn->settings->hash_seed,
        .join_deadline_ms = INT64_MAX,
        .sync_deadline_ms = INT64_MAX,
        .state_since_ms = turn->wall_ms,
    };
    map_init(&group->by_id, member_has_id);
    map_init(&group->by_instance, member_has_instance);
    list_init(&group->members);
    list_init(&group->pending);
    classic_votes_init(&group->votes, group->seed);
    classic_topics_init(&group->topics, group->seed);
}

void classic_deinit(struct classic_group *group, struct group_memory *memory)
{
    classic_forget(group, memory);
    classic_votes_deinit(&group->votes);
    classic_topics_deinit(&group->topics, memory);
    map_deinit(&group->by_id);
    map_deinit(&group->by_instance);
    assert(group->sessions.first == NULL);
}

/* --- Calls that nobody waits for any more ----------------------------------------------------- */

void classic_abandon(struct classic_group *group, struct group_turn *turn, struct group_call *call)
{
    assert(list_node_is_linked(&call->node));
    assert(group->member_count > 0);
    list_remove(&call->node);
    if (call->kind == GROUP_CALL_JOIN) {
        struct join_group_call *join = container_of(call, struct join_group_call, call);
        classic_refuse_join(turn, join, join->in->member_id, KAFKA_COORDINATOR_NOT_AVAILABLE);
    } else {
        assert(call->kind == GROUP_CALL_SYNC);
        classic_refuse_sync(turn, container_of(call, struct sync_group_call, call),
                            KAFKA_COORDINATOR_NOT_AVAILABLE);
    }
    classic_assert_is_sound(group); /* Its member is waited for no less. */
}

void classic_drop_calls(struct classic_group *group, struct group_turn *turn, int16_t error_code)
{
    struct classic_member *member;
    for_each_member (member, group)
        classic_refuse_waiting(group, turn, member, bytes_of_text(""), error_code);
    assert(group->awaiting_join_count == 0);
}

/* --- Views ------------------------------------------------------------------------------------ */

bool classic_is_subscribed(const struct classic_group *group, struct bytes topic)
{
    if (group->topics.are_known)
        return classic_topics_have(&group->topics, topic);
    return bytes_equal_text(group->protocol_type, "consumer");
}

bool classic_is_empty(const struct classic_group *group)
{
    assert(group->state != CLASSIC_EMPTY || group->member_count == 0);
    return group->state == CLASSIC_EMPTY && group->pending_count == 0;
}

int64_t classic_empty_since_ms(const struct classic_group *group)
{
    bool only_keeps_offsets = bytes_are_null(group->protocol_type);
    return classic_is_empty(group) && !only_keeps_offsets ? group->state_since_ms : -1;
}

const char *classic_state_name(const struct classic_group *group)
{
    switch (group->state) {
    case CLASSIC_EMPTY: return "Empty";
    case CLASSIC_PREPARING_REBALANCE: return "PreparingRebalance";
    case CLASSIC_COMPLETING_REBALANCE: return "CompletingRebalance";
    case CLASSIC_STABLE: return "Stable";
    }
    unreachable();
}

struct bytes classic_protocol_type(const struct classic_group *group)
{
    return bytes_are_null(group->protocol_type) ? bytes_of_text("") : group->protocol_type;
}

/* --- DescribeGroups --------------------------------------------------------------------------- */

static struct bytes keep(struct arena *arena, enum status *status, struct bytes from)
{
    if (bytes_are_null(from))
        return from;
    char *copy = arena_copy_text(arena, from.data, from.size);
    if (copy == NULL)
        *status = STATUS_NO_MEMORY;
    return bytes_of(copy, from.size);
}

static enum status describe_member(const struct classic_group *group,
                                   const struct classic_member *member, struct arena *arena,
                                   struct describe_groups_response_member *to)
{
    enum status status = STATUS_OK;
    describe_groups_response_member_init(to);
    to->member_id = keep(arena, &status, member->identity.member_id);
    to->group_instance_id = keep(arena, &status, member->identity.instance_id);
    if (!bytes_are_null(member->identity.client_id))
        to->client_id = keep(arena, &status, member->identity.client_id);
    if (!bytes_are_null(member->identity.client_host))
        to->client_host = keep(arena, &status, member->identity.client_host);
    if (!bytes_are_null(member->assignment))
        to->member_assignment = keep(arena, &status, member->assignment);
    if (group->state == CLASSIC_STABLE)
        to->member_metadata = keep(arena, &status, classic_member_metadata(group, member));
    return status;
}

enum status classic_describe(const struct classic_group *group, struct arena *arena,
                             struct describe_groups_response_group *out)
{
    enum status status = STATUS_OK;
    out->group_state = bytes_of_text(classic_state_name(group));
    out->protocol_type = keep(arena, &status, classic_protocol_type(group));
    out->protocol_data = bytes_of_text("");
    if (group->state == CLASSIC_STABLE)
        out->protocol_data = keep(arena, &status, classic_protocol_name(group));
    out->members = arena_allocate_array(arena, group->member_count, sizeof *out->members);
    if (status != STATUS_OK || out->members == NULL)
        return STATUS_NO_MEMORY;
    out->members_count = 0;
    const struct classic_member *member;
    list_for_each_entry (member, &group->members, place) {
        status = describe_member(group, member, arena, &out->members[out->members_count++]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
