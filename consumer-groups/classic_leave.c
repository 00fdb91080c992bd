/* LeaveGroup: members leave by themselves, or are taken out by whoever runs them, static ones by
 * their instance id alone. */
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/classic_rebalance.h"
#include "protocol/errors.h"

/* A join of it that still waits is told, so that its client comes again if it is alive. */
static void remove_member(struct classic_group *group, struct group_turn *turn,
                          struct classic_member *member)
{
    classic_refuse_waiting(group, turn, member, bytes_of_text(""), KAFKA_UNKNOWN_MEMBER_ID);
    classic_member_remove(group, turn->memory, member);
}

static int16_t leave(struct classic_group *group, struct group_turn *turn,
                     const struct leave_group_request_member *who)
{
    struct classic_member *member;
    int16_t error_code = KAFKA_NONE;
    if (who->member_id.size == 0)
        member = classic_find_static(group, who->group_instance_id);
    else if ((member = classic_find_pending(group, who->member_id)) == NULL)
        error_code = classic_validate(group, who->member_id, who->group_instance_id, &member);
    if (error_code != KAFKA_NONE)
        return error_code;
    if (member == NULL)
        return KAFKA_UNKNOWN_MEMBER_ID;
    remove_member(group, turn, member);
    return KAFKA_NONE;
}

/* Answers whether anybody left. */
static bool leave_all(struct classic_group *group, struct group_turn *turn,
                      const struct leave_group_request_member *from,
                      struct leave_group_response_member *to, uint32_t count)
{
    bool has_left = false;
    for (uint32_t i = 0; i < count; i++) {
        to[i].member_id = from[i].member_id;
        to[i].group_instance_id = from[i].group_instance_id;
        to[i].error_code = leave(group, turn, &from[i]);
        has_left |= to[i].error_code == KAFKA_NONE;
    }
    return has_left;
}

void classic_leave(struct classic_group *group, struct group_turn *turn,
                   struct leave_group_call *call)
{
    const struct leave_group_request *in = call->in;
    const struct leave_group_request_member one = {.member_id = in->member_id};
    bool is_single = call->call.version < 3;
    uint32_t count = is_single ? 1 : in->members_count;
    leave_group_response_init(&call->out);
    struct leave_group_response_member *members =
        arena_allocate_array(call->call.arena, count, sizeof *members);
    if (members == NULL) {
        call->out.error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
        group_turn_answer(turn, &call->call);
        return;
    }
    bool has_left = leave_all(group, turn, is_single ? &one : in->members, members, count);
    if (is_single) {
        call->out.error_code = members[0].error_code;
    } else {
        call->out.members = members;
        call->out.members_count = count;
    }
    group_turn_answer(turn, &call->call);
    if (has_left && group->state != CLASSIC_EMPTY)
        classic_rebalance_or_complete(group, turn);
    classic_assert_is_sound(group);
}
