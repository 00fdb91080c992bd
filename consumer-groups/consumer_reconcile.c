/* One walk over two sorted sets says what is kept, what must go, and what is to come; the states of
 * the picture follow from which of the three are empty. */
#include "consumer-groups/consumer_reconcile.h"

#include "base/assert.h"

/* What becomes of what a member has and is to have. */
struct step {
    struct partition_set kept;     /* it has it, and is to have it */
    struct partition_set revoked;  /* it has it, and is not to */
    struct partition_set assigned; /* it is to have it, and nobody else has it any more */
    bool waits;                    /* somebody still has something that it is to have */
};

static enum status step_reserve(struct step *step, struct arena *arena, uint32_t assigned_count,
                                uint32_t target_count)
{
    *step = (struct step){.waits = false};
    bool has_memory = partition_set_reserve_in(&step->kept, arena, assigned_count + target_count) &&
                      partition_set_reserve_in(&step->revoked, arena, assigned_count) &&
                      partition_set_reserve_in(&step->assigned, arena, target_count);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}

static void take_if_free(struct step *step, const struct partition_item *wanted, int32_t epoch,
                         const struct partition_owners *owners)
{
    assert(epoch >= 0);
    if (partition_owners_epoch(owners, wanted->topic_id, wanted->partition) !=
        PARTITION_OWNER_NOBODY) {
        step->waits = true;
        return;
    }
    struct partition_item item = *wanted;
    item.epoch = epoch;
    partition_set_push(&step->assigned, &item);
}

/* Both sets are sorted: one walk over the two. */
static void step_compare(struct step *step, const struct partition_set *has,
                         const struct partition_set *target, int32_t target_epoch,
                         const struct partition_owners *owners)
{
    uint32_t h = 0;
    uint32_t t = 0;
    while (h < has->count || t < target->count) {
        int order = h == has->count ? 1
                    : t == target->count
                        ? -1
                        : partition_item_compare(&has->items[h], &target->items[t]);
        if (order < 0) {
            partition_set_push(&step->revoked, &has->items[h++]);
        } else if (order > 0) {
            take_if_free(step, &target->items[t++], target_epoch, owners);
        } else {
            partition_set_push(&step->kept, &has->items[h++]);
            t++;
        }
    }
    assert(step->kept.count + step->revoked.count == has->count);
    assert(step->kept.count + step->assigned.count <= target->count);
    assert(step->waits == (step->kept.count + step->assigned.count < target->count));
}

static bool owns_any(const struct partition_set *owned, const struct partition_set *of)
{
    return of->count > 0 && (owned == NULL || partition_set_overlap(owned, of));
}

static void move_to(struct member_position *next, enum member_state state, int32_t epoch)
{
    assert(epoch >= next->epoch);
    next->state = state;
    next->previous_epoch = next->epoch;
    next->epoch = epoch;
}

/* What a member no longer has it gives up first, and stays in its epoch until it has confirmed it:
 * only then may others have it. */
static enum status advance(const struct member_position *now, const struct partition_set *target,
                           int32_t target_epoch, const struct partition_set *owned,
                           const struct partition_owners *owners, struct arena *arena,
                           struct member_position *next)
{
    struct step step;
    enum status status = step_reserve(&step, arena, now->assigned.count, target->count);
    if (status != STATUS_OK)
        return status;
    step_compare(&step, &now->assigned, target, target_epoch, owners);
    next->assigned = step.kept;
    if (owns_any(owned, &step.revoked)) {
        next->revoking = step.revoked;
        move_to(next, MEMBER_UNREVOKED_PARTITIONS, now->epoch);
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < step.assigned.count; i++)
        partition_set_push(&next->assigned, &step.assigned.items[i]);
    partition_set_sort(&next->assigned);
    assert(next->assigned.count == step.kept.count + step.assigned.count);
    next->revoking = (struct partition_set){NULL, 0, 0};
    move_to(next, step.waits ? MEMBER_UNRELEASED_PARTITIONS : MEMBER_STABLE, target_epoch);
    return STATUS_OK;
}

static bool is_same(const struct member_position *now, const struct member_position *next)
{
    return now->state == next->state && now->epoch == next->epoch &&
           partition_set_equal(&now->assigned, &next->assigned) &&
           partition_set_equal(&now->revoking, &next->revoking);
}

enum status consumer_reconcile(const struct member_position *now,
                               const struct partition_set *target, int32_t target_epoch,
                               const struct partition_set *owned,
                               const struct partition_owners *owners, struct arena *arena,
                               struct member_position *next, bool *has_changed)
{
    assert(now->epoch <= target_epoch);
    *next = *now;
    *has_changed = false;
    bool is_there = now->state == MEMBER_STABLE && now->epoch == target_epoch;
    bool must_confirm =
        now->state == MEMBER_UNREVOKED_PARTITIONS && owns_any(owned, &now->revoking);
    if (is_there || must_confirm)
        return STATUS_OK;
    enum status status = advance(now, target, target_epoch, owned, owners, arena, next);
    assert(next->epoch == now->epoch || next->epoch == target_epoch);
    *has_changed = status == STATUS_OK && !is_same(now, next);
    return status;
}
