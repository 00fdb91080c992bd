/* JoinGroup.
 *
 *   no member id, static     a new member, or the one of this instance id under a new id
 *   no member id, dynamic    is given an id to come again with (version 4 on), or a new member
 *   an id given out          a new member
 *   a member's               joins the next generation, or hears of the present one again
 *
 * The answer waits until all have joined, except where the present generation goes on. */
#include "base/assert.h"
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/classic_rebalance.h"
#include "consumer-groups/classic_record.h"
#include "protocol/errors.h"

/* The first version that knows them. */
enum { MEMBER_ID_REQUIRED_VERSION = 4, SKIP_ASSIGNMENT_VERSION = 9 };

static void refuse(struct group_turn *turn, struct join_group_call *call, int16_t error_code)
{
    classic_refuse_join(turn, call, call->in->member_id, error_code);
}

/* Memory has run out: clients look for the coordinator, and come again. */
static void refuse_for_now(struct group_turn *turn, struct join_group_call *call)
{
    refuse(turn, call, KAFKA_COORDINATOR_NOT_AVAILABLE);
}

/* --- May it join? ----------------------------------------------------------------------------- */

/* While a rebalance runs those count who have joined again: so who comes last is left out when the
 * limit was lowered. */
static bool has_room_for(const struct classic_group *group, const struct group_settings *settings,
                         struct bytes member_id)
{
    const struct classic_member *member = classic_find_member(group, member_id);
    switch (group->state) {
    case CLASSIC_EMPTY: return true;
    case CLASSIC_PREPARING_REBALANCE:
        return (member != NULL && member->awaits_join) ||
               group->awaiting_join_count < settings->size_max;
    case CLASSIC_COMPLETING_REBALANCE:
    case CLASSIC_STABLE: return member != NULL || group->member_count < settings->size_max;
    }
    unreachable();
}

static void turn_away(struct classic_group *group, struct group_turn *turn,
                      struct join_group_call *call)
{
    struct classic_member *member = classic_find(group, call->in->member_id);
    classic_refuse_join(turn, call, bytes_of_text(""), KAFKA_GROUP_MAX_SIZE_REACHED);
    if (member == NULL)
        return;
    classic_member_remove(group, turn->memory, member);
    classic_complete_if_joined(group, turn);
}

static bool does_fit(const struct classic_group *group, const struct join_group_request *in)
{
    if (in->protocols_count > CLASSIC_PROTOCOLS_MAX)
        return false;
    if (group->state == CLASSIC_EMPTY)
        return in->protocol_type.size > 0 && in->protocols_count > 0;
    return bytes_equal(group->protocol_type, in->protocol_type) &&
           classic_votes_agree(&group->votes, in->protocols, in->protocols_count,
                               group->member_count);
}

/* --- A new member ----------------------------------------------------------------------------- */

/* A new member cannot send heartbeats, and nobody notices when its client goes away while the join
 * waits. So it has a time of its own, that of the longest rebalance to be reckoned with. */
static void add_member(struct classic_group *group, struct group_turn *turn,
                       struct join_group_call *call, struct bytes member_id)
{
    const struct join_group_request *in = call->in;
    const struct classic_entry entry = {
        .identity = {member_id, in->group_instance_id, call->call.client_id,
                     call->call.client_host},
        .protocols = in->protocols,
        .protocols_count = in->protocols_count,
        .protocol_type = in->protocol_type,
        .session_timeout_ms = in->session_timeout_ms,
        .rebalance_timeout_ms = join_group_rebalance_timeout_ms(call),
    };
    assert(member_id.size > 0);
    struct classic_member *member = classic_member_add(group, turn->memory, &entry);
    if (member == NULL) {
        refuse_for_now(turn, call);
        return;
    }
    member->is_new = true;
    group->has_new_member = true;
    classic_hold_join(group, turn, member, call);
    classic_member_keep(group, turn, member, turn->settings->new_member_join_timeout_ms);
    classic_rebalance_or_complete(group, turn);
}

static void ask_to_come_again(struct classic_group *group, struct group_turn *turn,
                              struct join_group_call *call, struct bytes member_id)
{
    const struct group_identity identity = {.member_id = member_id};
    struct classic_member *pending = group->pending_count < CLASSIC_PENDING_MAX
                                         ? classic_pending_add(group, turn->memory, &identity)
                                         : NULL;
    if (pending == NULL) {
        refuse_for_now(turn, call);
        return;
    }
    pending->session_timeout_ms = call->in->session_timeout_ms;
    classic_member_keep(group, turn, pending, pending->session_timeout_ms);
    classic_refuse_join(turn, call, member_id, KAFKA_MEMBER_ID_REQUIRED);
}

/* --- A static member under a new id ----------------------------------------------------------- */

/* Nothing is to be assigned anew: the generation goes on with the new id. Before version 9 the
 * member is not told that it leads, as it would assign again; it takes the former id for that of
 * another leader. */
static void answer_renamed(struct classic_group *group, struct group_turn *turn,
                           struct join_group_call *call, const struct classic_member *member,
                           struct bytes former_leader)
{
    bool knows_skipping = call->call.version >= SKIP_ASSIGNMENT_VERSION;
    bool leads = group->leader == member;
    assert(group->state == CLASSIC_STABLE);
    assert(classic_member_is_static(member));
    if (classic_record_put(group, turn) != STATUS_OK) {
        refuse_for_now(turn, call);
        return;
    }
    classic_answer_join(group, turn, call, member,
                        leads && knows_skipping ? CLASSIC_ANSWER_SKIP : CLASSIC_ANSWER_FOLLOWER);
    if (!knows_skipping && call->out.error_code == KAFKA_NONE)
        call->out.leader = former_leader;
}

static void rejoin_renamed(struct classic_group *group, struct group_turn *turn,
                           struct join_group_call *call, struct classic_member *member,
                           struct bytes former_leader)
{
    if (group->state == CLASSIC_STABLE && classic_select_protocol(group) == group->votes.chosen) {
        answer_renamed(group, turn, call, member, former_leader);
        return;
    }
    classic_hold_join(group, turn, member, call);
    /* While the leader assigns it knows the former id only: it is asked again. */
    classic_rebalance_or_complete(group, turn);
}

/* What can fail comes first: who leads now, for the answer, and copies of what is new. */
static bool prepare_replacement(struct classic_group *group, struct group_turn *turn,
                                struct join_group_call *call, struct classic_member *member,
                                struct bytes *member_id, struct bytes *former_leader)
{
    const struct join_group_request *in = call->in;
    assert(group->leader != NULL);
    struct bytes leader = group->leader->identity.member_id;
    char *text = arena_copy_text(call->call.arena, leader.data, leader.size);
    *former_leader = bytes_of(text, leader.size);
    if (text == NULL || !group_memory_copy(turn->memory, member_id, *member_id))
        return false;
    if (classic_member_offer(group, turn->memory, member, in->protocols, in->protocols_count))
        return true;
    group_memory_free_copy(turn->memory, member_id);
    return false;
}

/* Whoever had the instance id before is fenced, whatever it waits for: the last to come is the one
 * that runs (KIP-345). */
static void replace_static(struct classic_group *group, struct group_turn *turn,
                           struct join_group_call *call, struct classic_member *member,
                           struct bytes member_id)
{
    struct bytes former_leader;
    assert(group->state != CLASSIC_EMPTY);
    assert(classic_member_is_static(member));
    if (!prepare_replacement(group, turn, call, member, &member_id, &former_leader)) {
        refuse_for_now(turn, call);
        return;
    }
    classic_fence_waiting(group, turn, member);
    classic_member_rename(group, turn->memory, member, member_id);
    classic_member_keep(group, turn, member, member->session_timeout_ms);
    member->session_timeout_ms = call->in->session_timeout_ms;
    member->rebalance_timeout_ms = join_group_rebalance_timeout_ms(call);
    member->is_new = false;
    rejoin_renamed(group, turn, call, member, former_leader);
}

/* --- Who it is -------------------------------------------------------------------------------- */

static void join_unknown(struct classic_group *group, struct group_turn *turn,
                         struct join_group_call *call)
{
    const struct join_group_request *in = call->in;
    struct bytes member_id;
    if (!group_identity_make_id(call->call.arena, in->group_instance_id, call->call.client_id,
                                turn->fresh_id, &member_id)) {
        refuse_for_now(turn, call);
        return;
    }
    assert(classic_find(group, member_id) == NULL);
    struct classic_member *holder = classic_find_static(group, in->group_instance_id);
    if (holder != NULL)
        replace_static(group, turn, call, holder, member_id);
    else if (bytes_are_null(in->group_instance_id) &&
             call->call.version >= MEMBER_ID_REQUIRED_VERSION)
        ask_to_come_again(group, turn, call, member_id);
    else
        add_member(group, turn, call, member_id);
}

static void rejoin(struct classic_group *group, struct group_turn *turn,
                   struct join_group_call *call, struct classic_member *member)
{
    const struct join_group_request *in = call->in;
    assert(bytes_equal(member->identity.member_id, in->member_id));
    if (!classic_member_offer(group, turn->memory, member, in->protocols, in->protocols_count)) {
        refuse_for_now(turn, call);
        return;
    }
    member->session_timeout_ms = in->session_timeout_ms;
    member->rebalance_timeout_ms = join_group_rebalance_timeout_ms(call);
    classic_hold_join(group, turn, member, call);
    classic_rebalance_or_complete(group, turn);
}

/* A member who comes again with what it came with before has not got its answer. But when the
 * leader of a stable group does so, it wants to assign anew: topics may have changed. */
static bool only_wants_to_hear(const struct classic_group *group,
                               const struct join_group_request *in,
                               const struct classic_member *member)
{
    if (group->state == CLASSIC_PREPARING_REBALANCE ||
        (group->state == CLASSIC_STABLE && group->leader == member))
        return false;
    return classic_offer_matches(member->offer, in->protocols, in->protocols_count);
}

static void join_member(struct classic_group *group, struct group_turn *turn,
                        struct join_group_call *call)
{
    const struct join_group_request *in = call->in;
    struct classic_member *member;
    int16_t error_code = classic_validate(group, in->member_id, in->group_instance_id, &member);
    if (error_code != KAFKA_NONE) {
        refuse(turn, call, error_code);
        return;
    }
    assert(group->state != CLASSIC_EMPTY);
    if (only_wants_to_hear(group, in, member))
        classic_answer_join(group, turn, call, member,
                            group->leader == member ? CLASSIC_ANSWER_LEADER
                                                    : CLASSIC_ANSWER_FOLLOWER);
    else
        rejoin(group, turn, call, member);
}

static void join_fitting(struct classic_group *group, struct group_turn *turn,
                         struct join_group_call *call)
{
    const struct join_group_request *in = call->in;
    if (in->member_id.size == 0)
        join_unknown(group, turn, call);
    else if (classic_find_pending(group, in->member_id) == NULL)
        join_member(group, turn, call);
    else if (bytes_are_null(in->group_instance_id))
        add_member(group, turn, call, in->member_id);
    else
        refuse(turn, call, KAFKA_UNKNOWN_MEMBER_ID); /* Only dynamic members are given ids. */
}

void classic_join(struct classic_group *group, struct group_turn *turn,
                  struct join_group_call *call)
{
    const struct join_group_request *in = call->in;
    const struct group_settings *settings = turn->settings;
    if (in->session_timeout_ms < settings->session_timeout_ms_min ||
        in->session_timeout_ms > settings->session_timeout_ms_max)
        refuse(turn, call, KAFKA_INVALID_SESSION_TIMEOUT);
    else if (!has_room_for(group, settings, in->member_id))
        turn_away(group, turn, call);
    else if (!does_fit(group, in))
        refuse(turn, call, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    else
        join_fitting(group, turn, call);

    /* A group is known from its first member on, also after a restart. */
    if (!group->is_recorded && group->member_count + group->pending_count > 0)
        classic_record_put_new(group, turn);
    classic_assert_is_sound(group);
}
