/* Who is to own what: the target assignment of a consumer group, made by an assignor from what the
 * members want and what the topics look like. */
#include "base/assert.h"
#include "consumer-groups/assignor.h"
#include "consumer-groups/consumer_group.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_LIMIT_BYTES = 512 * 1024 * 1024 };

/* --- The topics that anybody wants ------------------------------------------------------------ */

/* In rising order of ids, so that sets of partitions come out sorted. */
struct wanted_topics {
    const struct image_topic **topics;
    uint32_t count;
};

static int compare_topics(const void *left, const void *right)
{
    const struct image_topic *a = *(const struct image_topic *const *)left;
    const struct image_topic *b = *(const struct image_topic *const *)right;
    return memcmp(&a->id, &b->id, sizeof a->id);
}

static uint32_t name_count(const struct consumer_group *group)
{
    uint32_t count = 0;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        count += member->topics.count;
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &group->patterns, node)
        count += pattern->topics.count;
    return count;
}

static void add_names(struct wanted_topics *wanted, const struct image *image,
                      const struct name_list *names)
{
    assert(wanted->topics != NULL);
    for (uint32_t i = 0; i < names->count; i++) {
        const struct image_topic *topic = image_topic_by_name(image, names->names[i]);
        if (topic != NULL)
            wanted->topics[wanted->count++] = topic;
    }
}

static bool wanted_topics_find(const struct consumer_group *group, const struct image *image,
                               struct arena *arena, struct wanted_topics *wanted)
{
    uint32_t count_max = name_count(group);
    *wanted = (struct wanted_topics){NULL, 0};
    wanted->topics = arena_allocate_array(arena, count_max, sizeof *wanted->topics);
    if (wanted->topics == NULL)
        return false;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        add_names(wanted, image, &member->topics);
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &group->patterns, node)
        add_names(wanted, image, &pattern->topics);
    assert(wanted->count <= count_max);
    if (wanted->count > 0)
        qsort(wanted->topics, wanted->count, sizeof *wanted->topics, compare_topics);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < wanted->count; i++)
        if (kept == 0 || wanted->topics[i] != wanted->topics[kept - 1])
            wanted->topics[kept++] = wanted->topics[i];
    wanted->count = kept;
    return true;
}

static const uint32_t not_wanted = UINT32_MAX;

static uint32_t index_of_id(const struct wanted_topics *wanted, struct uuid id)
{
    const struct image_topic key = {.id = id};
    const struct image_topic *pointer = &key;
    if (wanted->count == 0)
        return not_wanted;
    const struct image_topic **found =
        bsearch(&pointer, wanted->topics, wanted->count, sizeof pointer, compare_topics);
    return found == NULL ? not_wanted : (uint32_t)(found - wanted->topics);
}

/* --- What they look like ---------------------------------------------------------------------- */

static struct bytes rack_of(const struct image *image, int32_t broker_id)
{
    const struct image_broker *broker = image_broker_by_id(image, broker_id);
    return broker == NULL ? (struct bytes){NULL, 0} : broker->rack;
}

/* A chain: each piece is hashed with what came before for its seed. */
static uint64_t hash_on(uint64_t hash, struct bytes bytes)
{
    return hash_bytes((struct hash_seed){{hash, bytes_are_null(bytes)}}, bytes);
}

static uint64_t hash_topic(uint64_t hash, const struct image *image,
                           const struct image_topic *topic)
{
    hash = hash_on(hash, bytes_of(&topic->id, sizeof topic->id));
    hash = hash_on(hash, topic->name);
    hash = hash_on(hash, bytes_of(&topic->partition_count, sizeof topic->partition_count));
    for (uint32_t p = 0; p < topic->partition_count; p++)
        for (uint32_t r = 0; r < topic->partitions[p].replica_count; r++)
            hash = hash_on(hash, rack_of(image, topic->partitions[p].replicas[r]));
    return hash;
}

int64_t consumer_metadata_hash(const struct consumer_group *group, const struct image *image)
{
    struct arena arena;
    struct wanted_topics wanted;
    uint64_t hash = 0;
    arena_init(&arena, SCRATCH_LIMIT_BYTES);
    if (wanted_topics_find(group, image, &arena, &wanted))
        for (uint32_t t = 0; t < wanted.count; t++)
            hash = hash_topic(hash, image, wanted.topics[t]);
    arena_deinit(&arena);
    return (int64_t)hash;
}

bool consumer_is_shared_out(const struct consumer_group *group, const struct image *image)
{
    struct arena arena;
    struct wanted_topics wanted;
    size_t unowned_count = 0;
    arena_init(&arena, SCRATCH_LIMIT_BYTES);
    bool is_known = wanted_topics_find(group, image, &arena, &wanted);
    for (uint32_t t = 0; is_known && t < wanted.count; t++)
        for (uint32_t p = 0; p < wanted.topics[t]->partition_count; p++)
            unowned_count += partition_owners_epoch(&group->owners, wanted.topics[t]->id,
                                                    (int32_t)p) == PARTITION_OWNER_NOBODY;
    arena_deinit(&arena);
    return is_known && unowned_count == 0;
}

void consumer_bump(struct consumer_group *group, struct group_turn *turn)
{
    assert(group->epoch < INT32_MAX);
    group->epoch++;
    turn->tally.consumer_rebalances++;
    group->metadata_hash = consumer_metadata_hash(group, turn->image);
    consumer_put_group(group, turn);
}

void consumer_remove(struct consumer_group *group, struct group_turn *turn,
                     struct consumer_member *member)
{
    assert(group->members.count > 0);
    consumer_put_member_tombstones(group, turn, member->id);
    consumer_member_destroy(group, turn->memory, member);
    consumer_patterns_sweep(group, turn);
    group->has_lost_member = true;
}

void consumer_members_left(struct consumer_group *group, struct group_turn *turn)
{
    assert(group->has_lost_member);
    if (consumer_may_be_classic(group, turn->settings))
        return;
    consumer_bump(group, turn);
    consumer_assign(group, turn);
}

bool consumer_replace(struct consumer_group *group, struct group_turn *turn,
                      struct consumer_member *former, struct bytes member_id)
{
    assert(!bytes_are_null(member_id));
    struct member_position position = former->position;
    position.epoch = MEMBER_EPOCH_JOIN;
    position.previous_epoch = MEMBER_EPOCH_JOIN;
    consumer_put_member_tombstones(group, turn, former->id);
    if (!consumer_member_rename(group, turn->memory, former, member_id) ||
        !consumer_member_move(group, turn->memory, former, &position)) {
        group_turn_fail(turn);
        return false;
    }
    consumer_put_member(group, turn, former);
    consumer_put_target(group, turn, former);
    consumer_put_current(group, turn, former);
    return true;
}

/* --- The assignor's question ------------------------------------------------------------------ */

struct question {
    struct arena arena;
    struct wanted_topics wanted;
    struct assignor_topic *topics;
    struct assignor_input input;
};

static bool ask_racks(struct question *q, const struct image *image,
                      const struct image_topic *topic, struct assignor_topic *out)
{
    assert(out->racks_per_partition == 0);
    for (uint32_t p = 0; p < topic->partition_count; p++)
        if (out->racks_per_partition < topic->partitions[p].replica_count)
            out->racks_per_partition = topic->partitions[p].replica_count;
    size_t count = (size_t)topic->partition_count * out->racks_per_partition;
    struct bytes *racks = arena_allocate_array(&q->arena, count, sizeof *racks);
    if (racks == NULL)
        return false;
    bool has_any = false;
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        for (uint32_t r = 0; r < topic->partitions[p].replica_count; r++) {
            struct bytes rack = rack_of(image, topic->partitions[p].replicas[r]);
            racks[(size_t)p * out->racks_per_partition + r] = rack;
            has_any |= !bytes_are_null(rack);
        }
    }
    out->racks = has_any ? racks : NULL;
    return true;
}

static bool ask_topics(struct question *q, const struct image *image)
{
    q->topics = arena_allocate_array(&q->arena, q->wanted.count, sizeof *q->topics);
    if (q->topics == NULL)
        return false;
    for (uint32_t t = 0; t < q->wanted.count; t++) {
        const struct image_topic *topic = q->wanted.topics[t];
        q->topics[t].id = topic->id;
        q->topics[t].partition_count = topic->partition_count;
        if (!ask_racks(q, image, topic, &q->topics[t]))
            return false;
    }
    q->input.topics = q->topics;
    q->input.topic_count = q->wanted.count;
    return true;
}

static int compare_indexes(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void add_indexes(const struct question *q, const struct image *image,
                        const struct name_list *names, uint32_t *indexes, uint32_t *count)
{
    for (uint32_t i = 0; i < names->count; i++) {
        const struct image_topic *topic = image_topic_by_name(image, names->names[i]);
        if (topic == NULL)
            continue;
        uint32_t index = index_of_id(&q->wanted, topic->id);
        assert(index != not_wanted); /* This member wants it. */
        indexes[(*count)++] = index;
    }
}

static bool ask_subscription(struct question *q, const struct consumer_group *group,
                             const struct image *image, const struct consumer_member *member,
                             struct assignor_member *out)
{
    assert(out->topic_count == 0);
    const struct consumer_pattern *pattern = consumer_pattern_find(group, member->pattern);
    uint32_t count_max = member->topics.count + (pattern != NULL ? pattern->topics.count : 0);
    uint32_t *indexes = arena_allocate_array(&q->arena, count_max, sizeof *indexes);
    if (indexes == NULL)
        return false;
    uint32_t count = 0;
    add_indexes(q, image, &member->topics, indexes, &count);
    if (pattern != NULL)
        add_indexes(q, image, &pattern->topics, indexes, &count);
    assert(count <= count_max);
    if (count > 0)
        qsort(indexes, count, sizeof *indexes, compare_indexes);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || indexes[i] != indexes[i - 1])
            indexes[out->topic_count++] = indexes[i];
    out->topics = indexes;
    return true;
}

static bool ask_member(struct question *q, const struct consumer_group *group,
                       const struct image *image, const struct consumer_member *member,
                       struct assignor_member *out)
{
    assert(out->owned_count == 0);
    out->id = member->id;
    out->instance_id = member->instance_id;
    out->rack = member->rack_id;
    struct assignor_partition *owned =
        arena_allocate_array(&q->arena, member->target.count, sizeof *owned);
    if (owned == NULL)
        return false;
    for (uint32_t i = 0; i < member->target.count; i++) {
        const struct partition_item *item = &member->target.items[i];
        uint32_t topic = index_of_id(&q->wanted, item->topic_id);
        if (topic != not_wanted)
            owned[out->owned_count++] =
                (struct assignor_partition){topic, (uint32_t)item->partition};
    }
    out->owned = owned;
    return ask_subscription(q, group, image, member, out);
}

static bool ask(struct question *q, const struct consumer_group *group, const struct image *image)
{
    assert(q->input.member_count == 0);
    arena_init(&q->arena, SCRATCH_LIMIT_BYTES);
    q->input.members =
        arena_allocate_array(&q->arena, group->members.count, sizeof *q->input.members);
    if (q->input.members == NULL || !wanted_topics_find(group, image, &q->arena, &q->wanted) ||
        !ask_topics(q, image))
        return false;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        if (!ask_member(q, group, image, member, &q->input.members[q->input.member_count++]))
            return false;
    return true;
}

/* --- The answer ------------------------------------------------------------------------------- */

const struct assignor *consumer_assignor(const struct consumer_group *group,
                                         const struct assignor_list *list)
{
    uint32_t votes[ASSIGNORS_MAX] = {0};
    const struct consumer_member *member;
    assert(list->count > 0);
    list_for_each_entry (member, &group->order, order_node)
        for (uint32_t i = 0; i < list->count; i++)
            votes[i] += bytes_equal_text(member->assignor, list->items[i]->name);
    uint32_t best = 0;
    for (uint32_t i = 1; i < list->count; i++)
        if (votes[i] > votes[best])
            best = i;
    return list->items[best];
}

/* Only what has changed is written. */
static bool take_target(struct consumer_group *group, struct group_turn *turn,
                        const struct question *q, const struct assignor_member *answer,
                        struct consumer_member *member)
{
    struct partition_set target;
    if (!partition_set_reserve(&target, turn->memory, answer->assigned_count))
        return false;
    for (uint32_t i = 0; i < answer->assigned_count; i++) {
        assert(answer->assigned[i].topic < q->wanted.count);
        assert(answer->assigned[i].partition <
               q->topics[answer->assigned[i].topic].partition_count);
        const struct partition_item item = {
            .topic_id = q->topics[answer->assigned[i].topic].id,
            .partition = (int32_t)answer->assigned[i].partition,
        };
        partition_set_push(&target, &item);
    }
    bool is_same = partition_set_equal(&target, &member->target);
    bool is_new = member->position.epoch == MEMBER_EPOCH_JOIN;
    partition_set_destroy(&member->target, turn->memory);
    member->target = target;
    if (!is_same || is_new)
        consumer_put_target(group, turn, member);
    return true;
}

static bool assign(struct consumer_group *group, struct group_turn *turn, struct question *q)
{
    const struct assignor *assignor = consumer_assignor(group, &turn->settings->assignors);
    if (!ask(q, group, turn->image) || assignor->assign(&q->arena, &q->input) != STATUS_OK)
        return false;
    uint32_t m = 0;
    assert(q->input.member_count == group->members.count);
    struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        if (!take_target(group, turn, q, &q->input.members[m++], member))
            return false;
    return true;
}

void consumer_assign(struct consumer_group *group, struct group_turn *turn)
{
    assert(group->assignment_epoch <= group->epoch);
    if (group->assignment_epoch == group->epoch)
        return;
    int64_t due_ms = group->assigned_ms +
                     consumer_setting(group, turn, GROUP_CONFIG_CONSUMER_ASSIGNMENT_INTERVAL_MS,
                                      turn->settings->consumer_assignment_interval_ms);
    if (group->assignment_epoch > 0 && turn->now_ms < due_ms) {
        if (group->deadline_ms > due_ms)
            group->deadline_ms = due_ms;
        return;
    }
    struct question question = {.topics = NULL};
    if (!assign(group, turn, &question))
        group_turn_fail(turn);
    arena_deinit(&question.arena);
    group->assignment_epoch = group->epoch;
    group->assigned_ms = turn->now_ms;
    group->has_lost_member = false;
    consumer_put_target_epoch(group, turn);
}
