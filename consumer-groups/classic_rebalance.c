/* From one generation to the next. A state is entered in one place, which knows from where it may
 * be: whoever adds a way between two states has to add it to that table, and to the picture in
 * classic_core.h. */
#include "consumer-groups/classic_rebalance.h"

#include "base/assert.h"
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/classic_record.h"
#include "protocol/errors.h"

/* Members may allow no time at all; without any of them it is not tried all the time. */
enum { RETRY_MS_MIN = 1000 };

static void enter(struct classic_group *group, const struct group_turn *turn,
                  enum classic_state state)
{
    static const uint32_t may_follow[] = {
        [CLASSIC_EMPTY] = 1u << CLASSIC_PREPARING_REBALANCE,
        [CLASSIC_PREPARING_REBALANCE] =
            1u << CLASSIC_EMPTY | 1u << CLASSIC_COMPLETING_REBALANCE | 1u << CLASSIC_STABLE,
        [CLASSIC_COMPLETING_REBALANCE] = 1u << CLASSIC_PREPARING_REBALANCE,
        [CLASSIC_STABLE] = 1u << CLASSIC_COMPLETING_REBALANCE,
    };
    assert(may_follow[state] & 1u << group->state);
    group->state = state;
    group->state_since_ms = turn->wall_ms;
}

/* As long as the slowest member may take. */
static int32_t rebalance_timeout_ms(struct classic_group *group)
{
    int32_t timeout_ms = 0;
    struct classic_member *member;
    for_each_member (member, group) {
        if (member->rebalance_timeout_ms > timeout_ms)
            timeout_ms = member->rebalance_timeout_ms;
    }
    assert(timeout_ms >= 0);
    return timeout_ms;
}

int64_t classic_rebalance_deadline_ms(struct classic_group *group, const struct group_turn *turn)
{
    bool is_delay = group->state == CLASSIC_PREPARING_REBALANCE && group->is_initial;
    assert(group->initial_delay_ms >= 0);
    return turn->now_ms + (is_delay ? group->initial_delay_ms : rebalance_timeout_ms(group));
}

/* --- Before: everybody is to join ------------------------------------------------------------- */

/* The session of who waited begins anew: it did not count while it waited. */
static void refuse_syncs(struct classic_group *group, struct group_turn *turn, int16_t error_code)
{
    assert(group->state == CLASSIC_COMPLETING_REBALANCE);
    assert(error_code != KAFKA_NONE);
    struct classic_member *member;
    for_each_member (member, group) {
        classic_member_assign(turn->memory, member, (struct bytes){NULL, 0});
        classic_member_set_owing(group, member, false);
        if (!member->awaits_sync)
            continue;
        struct sync_group_call *call = classic_release_sync(member);
        if (call != NULL)
            classic_refuse_sync(turn, call, error_code);
        classic_member_keep(group, turn, member, member->session_timeout_ms);
    }
    assert(group->owing_sync_count == 0);
}

static void forgive_owing(struct classic_group *group)
{
    struct classic_member *member;
    if (group->owing_sync_count > 0) {
        for_each_member (member, group)
            classic_member_set_owing(group, member, false);
    }
    group->sync_deadline_ms = INT64_MAX;
    assert(group->owing_sync_count == 0);
}

static void begin_initial_delay(struct classic_group *group, const struct group_turn *turn)
{
    int32_t delay_ms = turn->settings->initial_rebalance_delay_ms;
    int32_t timeout_ms = rebalance_timeout_ms(group);
    assert(group->is_initial);
    assert(delay_ms >= 0);
    group->initial_delay_ms = delay_ms;
    group->initial_remaining_ms = timeout_ms > delay_ms ? timeout_ms - delay_ms : 0;
    group->has_new_member = false;
    group->join_deadline_ms = turn->now_ms + delay_ms;
}

void classic_prepare_rebalance(struct classic_group *group, struct group_turn *turn)
{
    assert(group->state != CLASSIC_PREPARING_REBALANCE);
    if (group->state == CLASSIC_COMPLETING_REBALANCE)
        refuse_syncs(group, turn, KAFKA_REBALANCE_IN_PROGRESS);
    forgive_owing(group);

    group->is_initial = group->state == CLASSIC_EMPTY;
    enter(group, turn, CLASSIC_PREPARING_REBALANCE);
    if (group->is_initial)
        begin_initial_delay(group, turn);
    else if (classic_have_all_joined(group))
        classic_complete_join(group, turn);
    else
        group->join_deadline_ms = classic_rebalance_deadline_ms(group, turn);
}

void classic_complete_if_joined(struct classic_group *group, struct group_turn *turn)
{
    if (group->state == CLASSIC_PREPARING_REBALANCE && !group->is_initial &&
        classic_have_all_joined(group))
        classic_complete_join(group, turn);
}

void classic_rebalance_or_complete(struct classic_group *group, struct group_turn *turn)
{
    if (group->state == CLASSIC_PREPARING_REBALANCE)
        classic_complete_if_joined(group, turn);
    else
        classic_prepare_rebalance(group, turn);
}

/* --- The next generation ---------------------------------------------------------------------- */

static void remove_absent(struct classic_group *group, struct group_turn *turn)
{
    assert(group->state == CLASSIC_PREPARING_REBALANCE);
    struct classic_member *member = classic_member_first(group);
    while (member != NULL) {
        struct classic_member *following = classic_member_after(group, member);
        if (!member->awaits_join && !classic_member_is_static(member))
            classic_member_remove(group, turn->memory, member);
        member = following;
    }
}

/* The leader must be somebody who has joined. False: nobody has. */
static bool elect_leader(struct classic_group *group)
{
    if (group->leader == NULL || group->leader->awaits_join)
        return group->leader != NULL;
    struct classic_member *member;
    for_each_member (member, group) {
        if (member->awaits_join) {
            group->leader = member;
            return true;
        }
    }
    return false;
}

static void become_empty(struct classic_group *group, struct group_turn *turn)
{
    assert(group->member_count == 0);
    assert(group->leader == NULL);
    classic_votes_choose(&group->votes, turn->memory, NULL);
    classic_read_topics(group, turn->memory);
    enter(group, turn, CLASSIC_EMPTY);
    /* If there is no room for it, the former generation comes back after a restart, without
     * anybody who answers for it, and expires. */
    classic_record_put(group, turn);
}

static void answer_joined(struct classic_group *group, struct group_turn *turn)
{
    struct classic_member *member;
    for_each_member (member, group) {
        struct join_group_call *call = classic_release_join(group, member);
        if (call != NULL)
            classic_answer_join(group, turn, call, member,
                                member == group->leader ? CLASSIC_ANSWER_LEADER
                                                        : CLASSIC_ANSWER_FOLLOWER);
        classic_member_keep(group, turn, member, member->session_timeout_ms);
        classic_member_set_owing(group, member, true);
        member->is_new = false;
    }
    assert(group->awaiting_join_count == 0);
    assert(group->owing_sync_count == group->member_count);
}

int32_t classic_next_generation(const struct classic_group *group)
{
    assert(group->generation >= 0);
    return group->generation == INT32_MAX ? 1 : group->generation + 1;
}

void classic_complete_join(struct classic_group *group, struct group_turn *turn)
{
    assert(group->state == CLASSIC_PREPARING_REBALANCE);
    group->join_deadline_ms = INT64_MAX;
    remove_absent(group, turn);
    if (!elect_leader(group) && group->member_count > 0) {
        /* Static members alone, none of whom has come: their sessions decide. */
        int32_t timeout_ms = rebalance_timeout_ms(group);
        group->is_initial = false;
        group->join_deadline_ms =
            turn->now_ms + (timeout_ms > RETRY_MS_MIN ? timeout_ms : RETRY_MS_MIN);
        return;
    }
    group->generation = classic_next_generation(group);
    turn->tally.classic_rebalances++;
    if (group->member_count == 0) {
        become_empty(group, turn);
        return;
    }
    assert(group->leader->awaits_join);
    classic_votes_choose(&group->votes, turn->memory, classic_select_protocol(group));
    classic_read_topics(group, turn->memory);
    enter(group, turn, CLASSIC_COMPLETING_REBALANCE);
    answer_joined(group, turn);
    group->sync_deadline_ms = classic_rebalance_deadline_ms(group, turn);
}

/* --- After: the assignment -------------------------------------------------------------------- */

void classic_become_stable(struct classic_group *group, struct group_turn *turn)
{
    assert(group->leader != NULL);
    enter(group, turn, CLASSIC_STABLE);
    struct classic_member *member;
    for_each_member (member, group) {
        if (!member->awaits_sync)
            continue;
        struct sync_group_call *call = classic_release_sync(member);
        if (call != NULL)
            classic_answer_sync(group, turn, call, member);
        classic_member_keep(group, turn, member, member->session_timeout_ms);
    }
}

void classic_fail_sync(struct classic_group *group, struct group_turn *turn, int16_t error_code)
{
    assert(group->state == CLASSIC_COMPLETING_REBALANCE);
    refuse_syncs(group, turn, error_code);
    classic_prepare_rebalance(group, turn);
}
