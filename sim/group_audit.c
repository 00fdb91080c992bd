#include "sim/group_audit.h"

#include "base/assert.h"
#include "sim/memory.h"

#include <inttypes.h>

enum { CAPACITY_FIRST = 256 };

void group_audit_init(struct group_audit *audit, struct verdict *verdict)
{
    assert(verdict != NULL);
    *audit = (struct group_audit){.verdict = verdict};
    for (uint32_t group = 0; group < GROUP_COUNT; group++) {
        audit->planned_generation[group] = -1;
        audit->shared_count[group] = GROUP_PARTITIONS;
    }
    for (uint32_t topic = 0; topic < GROUP_TOPICS; topic++)
        audit->topics[topic].count = 1; /* whose id is not known yet */
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

/* --- Topics ----------------------------------------------------------------------------------- */

static int32_t newest_life(const struct group_audit *audit, uint32_t topic)
{
    assert(topic < GROUP_TOPICS);
    return audit->topics[topic].count - 1;
}

/* GROUP_LIFE_ANY: nobody was told of it. */
static int32_t find_life(const struct group_audit *audit, uint32_t topic, struct uuid id)
{
    for (int32_t i = newest_life(audit, topic); i >= 0; i--)
        if (uuid_equal(audit->topics[topic].lives[i].id, id))
            return i;
    return GROUP_LIFE_ANY;
}

void group_audit_topic_seen(struct group_audit *audit, uint32_t topic, struct uuid id)
{
    assert(topic < GROUP_TOPICS);
    assert(!uuid_is_zero(id));
    struct group_topic_audit *known = &audit->topics[topic];
    struct group_life *last = &known->lives[known->count - 1];
    if (find_life(audit, topic, id) != GROUP_LIFE_ANY)
        return;
    if (uuid_is_zero(last->id)) {
        last->id = id;
        return;
    }
    assert(known->count < GROUP_LIVES_MAX);
    known->lives[known->count++] = (struct group_life){.id = id, .born_after = last->doomed_at};
    if (last->doomed_at == 0)
        verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                     "topics: topic %u has another id, and nobody deleted it", topic);
}

void group_audit_topic_doomed(struct group_audit *audit, uint32_t topic, struct uuid id)
{
    int32_t life = find_life(audit, topic, id);
    assert(life != GROUP_LIFE_ANY);
    struct group_life *doomed = &audit->topics[topic].lives[life];
    if (doomed->doomed_at == 0)
        doomed->doomed_at = ++audit->now;
}

static bool does_live(const struct group_audit *audit, uint32_t topic, int32_t life)
{
    assert(life >= 0);
    assert(life <= newest_life(audit, topic));
    return audit->topics[topic].lives[life].doomed_at == 0;
}

/* --- Offsets ---------------------------------------------------------------------------------- */

int64_t group_audit_commit(struct group_audit *audit, const struct group_place *place, bool expires)
{
    uint32_t topic = group_topic_of(place->partition);
    assert(place->group < GROUP_COUNT);
    assert(place->partition < GROUP_PARTITIONS);
    if (audit->commit_count == audit->commit_capacity) {
        size_t capacity = larger(audit->commit_capacity);
        audit->commits =
            must_grow(audit->commits, audit->commit_count, capacity, sizeof *audit->commits);
        audit->commit_capacity = capacity;
    }
    audit->commits[audit->commit_count] = (struct group_commit){
        .group = place->group,
        .partition = place->partition,
        .expires = expires,
        .life = find_life(audit, topic, place->topic_id),
        .newest = newest_life(audit, topic),
        .asked_at = group_audit_asks(audit),
    };
    audit->partitions[place->group][place->partition].expiring.open_count += expires;
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

/* GROUP_LIFE_ANY: the topic was named, and may have been another one already. */
static int32_t life_of(const struct group_audit *audit, const struct group_commit *commit)
{
    uint32_t topic = group_topic_of(commit->partition);
    bool was_newest =
        commit->newest == newest_life(audit, topic) && does_live(audit, topic, commit->newest);
    if (commit->life != GROUP_LIFE_ANY)
        return commit->life;
    return was_newest ? commit->newest : GROUP_LIFE_ANY;
}

/* What is acknowledged, and was asked then, replaces all that was acknowledged before that. */
static void replaces(struct group_partition_audit *partition, int32_t life, uint64_t asked_at)
{
    if (partition->acked_life != life)
        partition->acked_asked_at = 0;
    partition->acked_life = life;
    if (asked_at > partition->acked_asked_at)
        partition->acked_asked_at = asked_at;
}

static void void_ends(struct group_void *gone, bool is_done, uint64_t now)
{
    assert(gone->open_count > 0);
    gone->open_count--;
    if (is_done)
        gone->until = now;
}

void group_audit_committed(struct group_audit *audit, int64_t offset, uint32_t member,
                           bool is_fenced)
{
    struct group_commit *commit = commit_of(audit, offset);
    struct group_partition_audit *partition = &audit->partitions[commit->group][commit->partition];
    int32_t life = life_of(audit, commit);
    assert(commit->state == GROUP_COMMIT_OPEN);
    assert(member < GROUP_MEMBERS_MAX);
    commit->state = GROUP_COMMIT_ACKED;
    commit->answered_at = ++audit->now;
    audit->acked_count++;
    if (life == newest_life(audit, group_topic_of(commit->partition)))
        replaces(partition, life, commit->asked_at);
    if (commit->expires)
        void_ends(&partition->expiring, true, audit->now);
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
    if (commit->expires)
        void_ends(&audit->partitions[commit->group][commit->partition].expiring, false, 0);
}

uint64_t group_audit_delete(struct group_audit *audit, uint32_t group)
{
    assert(group < GROUP_COUNT);
    audit->deletions[group].open_count++;
    audit->deleting[group] = (struct group_deletion){.asked_at = ++audit->now};
    return audit->now;
}

void group_audit_deleted(struct group_audit *audit, uint32_t group, uint64_t asked_at, bool is_done)
{
    assert(group < GROUP_COUNT);
    void_ends(&audit->deletions[group], is_done, ++audit->now);
    audit->deleting[group] = (struct group_deletion){0};
    if (is_done)
        audit->deleted[group] = (struct group_deletion){asked_at, audit->now};
    for (uint32_t i = 0; is_done && i < GROUP_PARTITIONS; i++)
        replaces(&audit->partitions[group][i], newest_life(audit, group_topic_of(i)), asked_at);
}

void group_audit_snapshot(struct group_audit *audit, uint32_t group,
                          struct group_snapshot *snapshot)
{
    assert(group < GROUP_COUNT);
    audit->now++;
    for (uint32_t i = 0; i < GROUP_TOPICS; i++)
        snapshot->newest[i] = newest_life(audit, i);
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        const struct group_partition_audit *partition = &audit->partitions[group][i];
        bool is_newest = partition->acked_life == snapshot->newest[group_topic_of(i)];
        snapshot->acked_asked_at[i] = is_newest ? partition->acked_asked_at : 0;
    }
}

/* Replaced for certain: another commit, acknowledged before the fetch was asked, was asked after
 * this one had been acknowledged. */
static bool is_replaced(const struct group_commit *commit, uint64_t acked_asked_at)
{
    return commit->state == GROUP_COMMIT_ACKED && commit->answered_at < acked_asked_at;
}

static bool void_covers(const struct group_void *gone, uint64_t acked_asked_at)
{
    return gone->open_count > 0 || gone->until >= acked_asked_at;
}

/* It was for the topic of that name before this one: its id says so, or when it was acknowledged.
 * The format of an offset that expires has no place for the id. */
static bool is_of_former(const struct group_commit *commit, int32_t life, uint64_t born_after)
{
    if (commit->expires)
        return false;
    if (commit->life != GROUP_LIFE_ANY)
        return commit->life != life;
    return commit->state == GROUP_COMMIT_ACKED && commit->answered_at < born_after;
}

static void fetched_wrongly(struct group_audit *audit, const struct group_place *place,
                            int64_t offset, const char *why)
{
    verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                 "offsets: group %u, partition %u answers %" PRId64 ", %s", place->group,
                 place->partition, offset, why);
}

static void fetched_none(struct group_audit *audit, const struct group_place *place,
                         uint64_t acked_asked_at)
{
    const struct group_void *expiring = &audit->partitions[place->group][place->partition].expiring;
    if (!void_covers(&audit->deletions[place->group], acked_asked_at) &&
        !void_covers(expiring, acked_asked_at))
        fetched_wrongly(audit, place, GROUP_OFFSET_NONE, "but a commit was acknowledged");
}

/* The life that the fetch asked about; GROUP_LIFE_ANY: it named the topic, which may have been
 * deleted since. */
static int32_t life_fetched(const struct group_audit *audit, const struct group_place *place,
                            const struct group_snapshot *snapshot)
{
    uint32_t topic = group_topic_of(place->partition);
    int32_t newest = snapshot->newest[topic];
    if (!uuid_is_zero(place->topic_id))
        return find_life(audit, topic, place->topic_id);
    return does_live(audit, topic, newest) ? newest : GROUP_LIFE_ANY;
}

static void fetched_some(struct group_audit *audit, const struct group_place *place, int32_t life,
                         uint64_t acked_asked_at, int64_t offset)
{
    uint32_t topic = group_topic_of(place->partition);
    if (offset < 0 || (size_t)offset >= audit->commit_count) {
        fetched_wrongly(audit, place, offset, "which nobody has committed");
        return;
    }
    const struct group_commit *commit = &audit->commits[offset];
    if (commit->group != place->group || commit->partition != place->partition)
        fetched_wrongly(audit, place, offset, "which belongs elsewhere");
    else if (commit->state == GROUP_COMMIT_REFUSED)
        fetched_wrongly(audit, place, offset, "which was refused");
    else if (life != GROUP_LIFE_ANY &&
             is_of_former(commit, life, audit->topics[topic].lives[life].born_after))
        fetched_wrongly(audit, place, offset, "which was for a topic that was deleted");
    else if (is_replaced(commit, acked_asked_at))
        fetched_wrongly(audit, place, offset, "which was replaced");
}

void group_audit_fetched(struct group_audit *audit, const struct group_place *place,
                         const struct group_snapshot *snapshot, int64_t offset)
{
    assert(place->group < GROUP_COUNT);
    assert(place->partition < GROUP_PARTITIONS);
    uint32_t topic = group_topic_of(place->partition);
    int32_t life = life_fetched(audit, place, snapshot);
    bool is_bound = life == snapshot->newest[topic] && does_live(audit, topic, life);
    uint64_t acked_asked_at = is_bound ? snapshot->acked_asked_at[place->partition] : 0;
    audit->fetched_count++;
    if (offset == GROUP_OFFSET_NONE)
        fetched_none(audit, place, acked_asked_at);
    else
        fetched_some(audit, place, life, acked_asked_at, offset);
}

/* --- Owners ----------------------------------------------------------------------------------- */

/* Whoever was told before this was asked, and still owns it, has a rival from now on: that may be
 * right, if he has been put out and does not know. */
static void rivals_note(struct group_audit *audit, const struct group_place *place, uint32_t member,
                        uint64_t asked_at)
{
    for (uint32_t i = 0; i < GROUP_MEMBERS_MAX; i++) {
        struct group_hold *other = &audit->partitions[place->group][place->partition].holds[i];
        bool is_same = other->is_held && uuid_equal(other->topic_id, place->topic_id);
        if (i != member && is_same && other->rival_at == 0 && other->told_at < asked_at)
            other->rival_at = audit->now;
    }
}

void group_audit_told(struct group_audit *audit, const struct group_place *place, uint32_t member,
                      uint64_t asked_at)
{
    assert(place->group < GROUP_COUNT);
    assert(place->partition < GROUP_PARTITIONS);
    assert(member < GROUP_MEMBERS_MAX);
    struct group_hold *hold = &audit->partitions[place->group][place->partition].holds[member];
    audit->now++;
    audit->told_count++;
    rivals_note(audit, place, member, asked_at);
    if (!hold->is_held || !uuid_equal(hold->topic_id, place->topic_id))
        *hold = (struct group_hold){
            .is_held = true, .topic_id = place->topic_id, .told_at = audit->now};
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

bool group_audit_is_shared_out(const struct group_audit *audit, uint32_t group, uint32_t *partition)
{
    assert(group < GROUP_COUNT);
    for (*partition = 0; *partition < audit->shared_count[group]; ++*partition)
        if (owner_count(&audit->partitions[group][*partition]) != 1)
            return false;
    return true;
}

/* --- Plans ------------------------------------------------------------------------------------ */

uint64_t group_audit_plan(struct group_audit *audit, uint32_t group, int32_t generation)
{
    assert(group < GROUP_COUNT);
    if (audit->plan_count == audit->plan_capacity) {
        size_t capacity = larger(audit->plan_capacity);
        audit->plans = must_grow(audit->plans, audit->plan_count, capacity, sizeof *audit->plans);
        audit->plan_capacity = capacity;
    }
    audit->plans[audit->plan_count] = (struct group_plan){
        .group = group, .generation = generation, .handed_at = group_audit_asks(audit)};
    return audit->plan_count++;
}

void group_audit_joined(struct group_audit *audit, uint32_t group, int32_t generation)
{
    assert(group < GROUP_COUNT);
    if (generation < audit->planned_generation[group])
        audit->planned_generation[group] = -1;
}

static bool may_lie_between(const struct group_deletion *deletion, uint64_t from, uint64_t to)
{
    assert(from <= to);
    bool has_ended = deletion->answered_at != 0 && deletion->answered_at < from;
    return deletion->asked_at != 0 && deletion->asked_at < to && !has_ended;
}

/* Two plans of generations with the same number. Those of a group that was deleted in between count
 * from 1 again, and nobody may have heard of the first ones; generation 1 is also that of a group
 * that was nobody's any more. */
static bool plans_contradict(const struct group_audit *audit, uint64_t former, uint64_t later)
{
    assert(former < later);
    const struct group_plan *plan = &audit->plans[later];
    uint64_t from = audit->plans[former].handed_at;
    return plan->generation > 1 &&
           !may_lie_between(&audit->deleted[plan->group], from, plan->handed_at) &&
           !may_lie_between(&audit->deleting[plan->group], from, plan->handed_at);
}

static bool plan_is_another(const struct group_audit *audit, uint32_t group, uint64_t plan)
{
    uint64_t told = audit->told_plan[group];
    return plan < told ? plans_contradict(audit, plan, told)
                       : plan > told && plans_contradict(audit, told, plan);
}

void group_audit_plan_told(struct group_audit *audit, uint32_t group, int32_t generation,
                           uint64_t plan)
{
    assert(group < GROUP_COUNT);
    int32_t newest = audit->planned_generation[group];
    bool is_known = plan < audit->plan_count && audit->plans[plan].group == group &&
                    audit->plans[plan].generation == generation;
    if (!is_known || (generation == newest && plan_is_another(audit, group, plan)))
        verdict_fail(audit->verdict, OUTCOME_UNSAFE,
                     "plan: a member of generation %d of group %u is told another plan", generation,
                     group);
    if (!is_known || generation < newest ||
        (generation == newest && plan < audit->told_plan[group]))
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
