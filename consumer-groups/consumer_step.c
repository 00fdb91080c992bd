/* Where the pure step (consumer_reconcile.h) becomes a change of the group: its sets are copied out
 * of scratch memory, recorded, and watched, if something is to be given up. */
#include "base/assert.h"
#include "consumer-groups/consumer_group.h"

enum { SCRATCH_LIMIT_BYTES = 64 * 1024 * 1024 };

/* A member that does not revoke in time is taken out: others wait for what it holds. One that
 * speaks the classic protocol is told to join again, which has a time of its own. */
static void watch_revocation(struct consumer_group *group, const struct group_turn *turn,
                             struct consumer_member *member)
{
    assert(member->rebalance_timeout_ms >= 0);
    if (member->offer != NULL || member->position.state != MEMBER_UNREVOKED_PARTITIONS) {
        member->revoke_deadline_ms = INT64_MAX;
        return;
    }
    member->revoke_deadline_ms = turn->now_ms + member->rebalance_timeout_ms;
    consumer_note_deadline(group, member->revoke_deadline_ms);
}

bool consumer_step(struct consumer_group *group, struct group_turn *turn,
                   struct consumer_member *member, const struct partition_set *owned)
{
    assert(consumer_member_find(group, member->id) == member);
    struct arena arena;
    struct member_position next;
    bool has_changed = false;
    bool has_moved = false;
    arena_init(&arena, SCRATCH_LIMIT_BYTES);
    enum status status =
        consumer_reconcile(&member->position, &member->target, group->assignment_epoch, owned,
                           &group->owners, &arena, &next, &has_changed);
    if (status != STATUS_OK) {
        group_turn_fail(turn);
    } else if (has_changed) {
        has_moved = !partition_set_equal(&next.assigned, &member->position.assigned);
        if (!consumer_member_move(group, turn->memory, member, &next))
            group_turn_fail(turn);
        consumer_put_current(group, turn, member);
        watch_revocation(group, turn, member);
    }
    arena_deinit(&arena);
    return has_moved;
}
