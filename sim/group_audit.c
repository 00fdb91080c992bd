#include "sim/group_audit.h"

#include "base/assert.h"
#include "sim/memory.h"

#include <inttypes.h>

enum { CAPACITY_FIRST = 256 };

void group_audit_init(struct group_audit *audit, struct verdict *verdict)
{
    assert(verdict != NULL);
    *audit = (struct group_audit){.verdict = verdict};
    for (uint32_t group = 0; group < GROUP_COUNT; group++)
        audit->planned_generation[group] = -1;
}

void group_audit_deinit(struct group_audit *audit)
{
    free(audit->commits);
    free(audit->plans);
}

uint64_t group_audit_asks(struct group_audit *audit)
{
    return ++audit->now;
}

static size_t larger(size_t capacity)
{
    return capacity == 0 ? CAPACITY_FIRST : capacity * 2;
}

/* --- Offsets -----------------------------------------------------------------------------------
 */

int64_t group_audit_commit(struct group_audit *audit, uint32_t group, uint32_t partition)
{
    assert(group < GROUP_COUNT);
    assert(partition < GROUP_PARTITIONS);
    if (audit->commit_count == audit->commit_capacity) {
        size_t capacity = larger(audit->commit_capacity);
        audit->commits =
            must_grow(audit->commits, audit->commit_count, capacity, sizeof *audit->commits);
        audit->commit_capacity = capacity;
    }
    audit->commits[audit->commit_count] = (struct group_commit){
        .group = group, .partition = partition, .asked_at = group_audit_asks(audit)};
    return (int64_t)audit->commit_count++;
}

static struct group_commit *commit_of(struct group_audit *audit, int64_t offset)
{
    assert(offset >= 0);
    assert((size_t)offset < audit->commit_count);
    return &audit->commits[offset];
}

static void hold_check(struct group_audit *audit, uint32_t group, uint32_t member,
                       uint32_t partition, uint64_t asked_at)
{
    const struct group_hold *hold = &audit->partitions[group][partition].holds[member];
    if (hold->is_held && hold->rival_at != 0 && hold->rival_at < asked_at)
        verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                     "owner: group %u, partition %u is member %u's, and was given to another one",
                     group, partition, member);
}

void group_audit_committed(struct group_audit *audit, int64_t offset, uint32_t member,
                           bool is_fenced)
{
    struct group_commit *commit = commit_of(audit, offset);
    uint64_t *latest = &audit->partitions[commit->group][commit->partition].acked_asked_at;
    assert(commit->state == GROUP_COMMIT_OPEN);
    assert(member < GROUP_MEMBERS_MAX);
    commit->state = GROUP_COMMIT_ACKED;
    commit->answered_at = ++audit->now;
    audit->acked_count++;
    if (commit->asked_at > *latest)
        *latest = commit->asked_at;
    if (is_fenced)
        verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                     "fenced: group %u took offset %" PRId64 " of member %u, who is none",
                     commit->group, offset, member);
    hold_check(audit, commit->group, member, commit->partition, commit->asked_at);
}

void group_audit_refused(struct group_audit *audit, int64_t offset)
{
    struct group_commit *commit = commit_of(audit, offset);
    assert(commit->state == GROUP_COMMIT_OPEN);
    commit->state = GROUP_COMMIT_REFUSED;
    commit->answered_at = ++audit->now;
    audit->refused_count++;
}

void group_audit_snapshot(struct group_audit *audit, uint32_t group,
                          struct group_snapshot *snapshot)
{
    assert(group < GROUP_COUNT);
    audit->now++;
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        snapshot->acked_asked_at[i] = audit->partitions[group][i].acked_asked_at;
}

/* Replaced for certain: another commit, acknowledged before the fetch was asked, was asked after
 * this one had been acknowledged. */
static bool is_replaced(const struct group_commit *commit, uint64_t acked_asked_at)
{
    return commit->state == GROUP_COMMIT_ACKED && commit->answered_at < acked_asked_at;
}

static void fetched_wrongly(struct group_audit *audit, uint32_t group, uint32_t partition,
                            int64_t offset, const char *why)
{
    verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                 "offsets: group %u, partition %u answers %" PRId64 ", %s", group, partition,
                 offset, why);
}

void group_audit_fetched(struct group_audit *audit, uint32_t group, uint32_t partition,
                         const struct group_snapshot *snapshot, int64_t offset)
{
    assert(group < GROUP_COUNT);
    assert(partition < GROUP_PARTITIONS);
    uint64_t acked_asked_at = snapshot->acked_asked_at[partition];
    audit->fetched_count++;
    if (offset == GROUP_OFFSET_NONE) {
        if (acked_asked_at != 0)
            fetched_wrongly(audit, group, partition, offset, "but a commit was acknowledged");
        return;
    }
    if (offset < 0 || (size_t)offset >= audit->commit_count) {
        fetched_wrongly(audit, group, partition, offset, "which nobody has committed");
        return;
    }
    const struct group_commit *commit = &audit->commits[offset];
    if (commit->group != group || commit->partition != partition)
        fetched_wrongly(audit, group, partition, offset, "which belongs elsewhere");
    else if (commit->state == GROUP_COMMIT_REFUSED)
        fetched_wrongly(audit, group, partition, offset, "which was refused");
    else if (is_replaced(commit, acked_asked_at))
        fetched_wrongly(audit, group, partition, offset, "which was replaced");
}

/* --- Owners ------------------------------------------------------------------------------------
 */

/* Whoever was told before this was asked, and still owns it, has a rival from now on: that may be
 * right, if he has been put out and does not know. */
static void rivals_note(struct group_audit *audit, struct group_partition_audit *partition,
                        uint32_t member, uint64_t asked_at)
{
    for (uint32_t i = 0; i < GROUP_MEMBERS_MAX; i++) {
        struct group_hold *other = &partition->holds[i];
        if (i != member && other->is_held && other->rival_at == 0 && other->told_at < asked_at)
            other->rival_at = audit->now;
    }
}

void group_audit_told(struct group_audit *audit, uint32_t group, uint32_t member,
                      uint32_t partition, uint64_t asked_at)
{
    assert(group < GROUP_COUNT);
    assert(member < GROUP_MEMBERS_MAX);
    assert(partition < GROUP_PARTITIONS);
    struct group_partition_audit *owned = &audit->partitions[group][partition];
    struct group_hold *hold = &owned->holds[member];
    audit->now++;
    audit->told_count++;
    rivals_note(audit, owned, member, asked_at);
    if (!hold->is_held)
        *hold = (struct group_hold){.is_held = true, .told_at = audit->now};
}

void group_audit_released(struct group_audit *audit, uint32_t group, uint32_t member,
                          uint32_t partition)
{
    assert(group < GROUP_COUNT);
    assert(member < GROUP_MEMBERS_MAX);
    audit->now++;
    audit->partitions[group][partition].holds[member] = (struct group_hold){0};
}

void group_audit_released_all(struct group_audit *audit, uint32_t group, uint32_t member)
{
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        group_audit_released(audit, group, member, i);
}

void group_audit_alive(struct group_audit *audit, uint32_t group, uint32_t member,
                       uint64_t asked_at)
{
    assert(group < GROUP_COUNT);
    assert(member < GROUP_MEMBERS_MAX);
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        hold_check(audit, group, member, i, asked_at);
}

static uint32_t owner_count(const struct group_partition_audit *partition)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < GROUP_MEMBERS_MAX; i++)
        count += partition->holds[i].is_held;
    return count;
}

bool group_audit_is_shared_out(const struct group_audit *audit, uint32_t group)
{
    assert(group < GROUP_COUNT);
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        if (owner_count(&audit->partitions[group][i]) != 1)
            return false;
    return true;
}

/* --- Plans -------------------------------------------------------------------------------------
 */

uint64_t group_audit_plan(struct group_audit *audit, uint32_t group, int32_t generation)
{
    assert(group < GROUP_COUNT);
    if (audit->plan_count == audit->plan_capacity) {
        size_t capacity = larger(audit->plan_capacity);
        audit->plans = must_grow(audit->plans, audit->plan_count, capacity, sizeof *audit->plans);
        audit->plan_capacity = capacity;
    }
    audit->plans[audit->plan_count] = (struct group_plan){.group = group, .generation = generation};
    return audit->plan_count++;
}

void group_audit_plan_told(struct group_audit *audit, uint32_t group, int32_t generation,
                           uint64_t plan)
{
    assert(group < GROUP_COUNT);
    bool is_known = plan < audit->plan_count && audit->plans[plan].group == group &&
                    audit->plans[plan].generation == generation;
    bool is_same_generation = generation == audit->planned_generation[group];
    if (!is_known || (is_same_generation && plan != audit->told_plan[group]))
        verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                     "plan: a member of generation %d of group %u is told another plan", generation,
                     group);
    if (generation <= audit->planned_generation[group])
        return;
    audit->planned_generation[group] = generation;
    audit->told_plan[group] = plan;
}

void group_audit_plan_lacks(struct group_audit *audit, uint32_t group, int32_t generation)
{
    verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                 "plan: the leader of generation %d of group %u did not know of a member",
                 generation, group);
}
