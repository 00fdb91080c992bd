/* What time does to a classic group: sessions expire, delays and rebalances end. */
#include "base/assert.h"
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/classic_rebalance.h"
#include "protocol/errors.h"

/* --- Sessions --------------------------------------------------------------------------------- */

static void remove_expired(struct classic_group *group, struct group_turn *turn,
                           struct classic_member *member)
{
    bool was_pending = member->offer == NULL;
    assert(!group_deadline_is_set(&member->session));
    if (!was_pending)
        classic_refuse_waiting(group, turn, member, bytes_of_text(""), KAFKA_UNKNOWN_MEMBER_ID);
    classic_member_remove(group, turn->memory, member);
    if (group->state == CLASSIC_PREPARING_REBALANCE) {
        if (classic_have_all_joined(group))
            classic_complete_join(group, turn);
    } else if (!was_pending) {
        classic_prepare_rebalance(group, turn);
    }
}

static void expire_session(struct classic_group *group, struct group_turn *turn)
{
    assert(group->sessions.first != NULL);
    struct classic_member *member =
        container_of(group->sessions.first, struct classic_member, session);
    assert(member->session.at_ms <= turn->now_ms);
    group_deadline_clear(&group->sessions, &member->session);
    /* Who waits for our answer cannot be asked for heartbeats. A new member can: with version 3 and
     * before it may come again as somebody else, and would stay here for ever. */
    if (member->is_new || !(member->awaits_join || member->awaits_sync)) {
        turn->tally.expired_sessions++;
        remove_expired(group, turn, member);
    }
}

/* --- Rebalances ------------------------------------------------------------------------------- */

/* Who comes while an empty group waits extends the wait, up to the rebalance timeout. */
static void end_initial_delay(struct classic_group *group, struct group_turn *turn)
{
    assert(group->initial_delay_ms >= 0);
    assert(group->initial_remaining_ms >= 0);
    if (!group->has_new_member || group->initial_remaining_ms == 0) {
        classic_complete_join(group, turn);
        return;
    }
    int32_t remaining_ms = group->initial_remaining_ms;
    int32_t delay_ms = turn->settings->initial_rebalance_delay_ms;
    group->initial_remaining_ms =
        remaining_ms > group->initial_delay_ms ? remaining_ms - group->initial_delay_ms : 0;
    group->initial_delay_ms = delay_ms < remaining_ms ? delay_ms : remaining_ms;
    group->has_new_member = false;
    group->join_deadline_ms = turn->now_ms + group->initial_delay_ms;
}

static void end_join(struct classic_group *group, struct group_turn *turn)
{
    assert(group->state == CLASSIC_PREPARING_REBALANCE);
    if (group->is_initial)
        end_initial_delay(group, turn);
    else
        classic_complete_join(group, turn);
}

/* Who has joined and not asked for its assignment since is out. */
static void expire_syncs(struct classic_group *group, struct group_turn *turn)
{
    assert(group->owing_sync_count > 0);
    assert(group->state == CLASSIC_COMPLETING_REBALANCE || group->state == CLASSIC_STABLE);
    struct classic_member *member = classic_member_first(group);
    while (member != NULL) {
        struct classic_member *following = classic_member_after(group, member);
        if (member->owes_sync)
            classic_member_remove(group, turn->memory, member);
        member = following;
    }
    classic_prepare_rebalance(group, turn);
}

/* --- The clock -------------------------------------------------------------------------------- */

int64_t classic_deadline_ms(const struct classic_group *group)
{
    int64_t deadline_ms = group_deadlines_next_ms(&group->sessions);
    if (group->join_deadline_ms < deadline_ms)
        deadline_ms = group->join_deadline_ms;
    return group->sync_deadline_ms < deadline_ms ? group->sync_deadline_ms : deadline_ms;
}

/* In the order of their deadlines. Every step takes one away, or sets it beyond now. */
void classic_tick(struct classic_group *group, struct group_turn *turn)
{
    int64_t deadline_ms;
    while ((deadline_ms = classic_deadline_ms(group)) <= turn->now_ms) {
        if (deadline_ms == group_deadlines_next_ms(&group->sessions))
            expire_session(group, turn);
        else if (deadline_ms == group->join_deadline_ms)
            end_join(group, turn);
        else
            expire_syncs(group, turn);
    }
    classic_assert_is_sound(group);
}

static void forgive_sessions(struct classic_group *group, const struct group_turn *turn,
                             struct list *members)
{
    struct classic_member *member;
    list_for_each_entry (member, members, place)
        classic_member_keep(group, turn, member,
                            member->is_new ? turn->settings->new_member_join_timeout_ms
                                           : member->session_timeout_ms);
}

void classic_forgive(struct classic_group *group, struct group_turn *turn)
{
    forgive_sessions(group, turn, &group->members);
    forgive_sessions(group, turn, &group->pending);
    if (group->join_deadline_ms != INT64_MAX)
        group->join_deadline_ms = classic_rebalance_deadline_ms(group, turn);
    if (group->sync_deadline_ms != INT64_MAX)
        group->sync_deadline_ms = classic_rebalance_deadline_ms(group, turn);
    if (group->state == CLASSIC_STABLE && group->member_count > turn->settings->size_max)
        classic_prepare_rebalance(group, turn);
    classic_assert_is_sound(group);
}
