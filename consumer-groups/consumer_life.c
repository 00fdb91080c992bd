/* A consumer group from its first breath to its last, what time does to it, and what others may ask
 * of it. */
#include "base/assert.h"
#include "consumer-groups/consumer_group.h"
#include "protocol/errors.h"

void consumer_init(struct consumer_group *group, struct bytes id, struct hash_seed seed)
{
    assert(!bytes_are_null(id));
    *group = (struct consumer_group){
        .id = id,
        .seed = seed,
        .epoch = CONSUMER_EPOCH_NEW,
        .deadline_ms = INT64_MAX,
    };
    map_init(&group->members, consumer_member_has_id);
    map_init(&group->instances, consumer_member_has_instance_id);
    list_init(&group->order);
    list_init(&group->patterns);
    classic_votes_init(&group->votes, seed);
    partition_owners_init(&group->owners);
}

void consumer_deinit(struct consumer_group *group, struct group_memory *memory)
{
    struct consumer_member *member, *next_member;
    list_for_each_entry_safe (member, next_member, &group->order, order_node)
        consumer_member_destroy(group, memory, member);
    struct consumer_pattern *pattern, *next_pattern;
    list_for_each_entry_safe (pattern, next_pattern, &group->patterns, node)
        consumer_pattern_destroy(pattern, memory);
    assert(group->members.count == 0);
    assert(group->classic_count == 0);
    classic_votes_deinit(&group->votes);
    partition_owners_deinit(&group->owners, memory);
    map_deinit(&group->members);
    map_deinit(&group->instances);
}

/* --- Offsets ---------------------------------------------------------------------------------- */

enum { OFFSET_COMMIT_SINCE = 9 };

/* What a member hears whose epoch is not the one that it should be. */
static int16_t wrong_epoch(const struct consumer_member *member)
{
    return member->offer != NULL ? KAFKA_ILLEGAL_GENERATION : KAFKA_STALE_MEMBER_EPOCH;
}

int16_t consumer_check_commit(const struct consumer_group *group, struct bytes member_id,
                              int32_t member_epoch, int16_t version,
                              const struct consumer_member **late)
{
    *late = NULL;
    /* A tool may set the offsets of a group that nobody is in. */
    if (member_epoch < 0 && consumer_is_empty(group))
        return KAFKA_NONE;
    const struct consumer_member *member = consumer_member_find(group, member_id);
    if (member == NULL)
        return KAFKA_UNKNOWN_MEMBER_ID;
    if (member->offer == NULL && version < OFFSET_COMMIT_SINCE)
        return KAFKA_UNSUPPORTED_VERSION;
    if (member_epoch > member->position.epoch)
        return wrong_epoch(member);
    if (member_epoch < member->position.epoch)
        *late = member;
    return KAFKA_NONE;
}

int16_t consumer_check_late_commit(const struct consumer_member *late, int32_t member_epoch,
                                   struct uuid topic_id, int32_t partition)
{
    assert(member_epoch < late->position.epoch);
    const struct partition_item *item =
        partition_set_find(&late->position.assigned, topic_id, partition);
    if (item == NULL)
        item = partition_set_find(&late->position.revoking, topic_id, partition);
    return item != NULL && item->epoch <= member_epoch ? KAFKA_NONE : wrong_epoch(late);
}

int16_t consumer_check_fetch(const struct consumer_group *group, struct bytes member_id,
                             int32_t member_epoch)
{
    if (bytes_are_null(member_id) && member_epoch < 0)
        return KAFKA_NONE;
    const struct consumer_member *member = consumer_member_find(group, member_id);
    if (member == NULL)
        return KAFKA_UNKNOWN_MEMBER_ID;
    return member_epoch == member->position.epoch ? KAFKA_NONE : wrong_epoch(member);
}

/* --- Time, metadata --------------------------------------------------------------------------- */

int64_t consumer_deadline_ms(const struct consumer_group *group)
{
    return group->deadline_ms;
}

void consumer_note_deadline(struct consumer_group *group, int64_t deadline_ms)
{
    assert(deadline_ms >= 0);
    if (group->deadline_ms > deadline_ms)
        group->deadline_ms = deadline_ms;
    assert(group->deadline_ms <= deadline_ms);
}

int32_t consumer_setting(const struct consumer_group *group, const struct group_turn *turn,
                         enum group_config_key key, int32_t brokers)
{
    const struct group_config *own = image_group_config(turn->image, group->id);
    return (int32_t)group_config_i64(own, key, brokers);
}

/* How long it may be silent. */
static int32_t session_ms(const struct consumer_group *group, const struct group_turn *turn,
                          const struct consumer_member *member)
{
    if (member->offer != NULL)
        return member->session_timeout_ms;
    return consumer_setting(group, turn, GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS,
                            turn->settings->consumer_session_timeout_ms);
}

void consumer_member_keep(struct consumer_group *group, const struct group_turn *turn,
                          struct consumer_member *member)
{
    member->session_deadline_ms = turn->now_ms + session_ms(group, turn, member);
    assert(member->session_deadline_ms >= turn->now_ms);
    consumer_note_deadline(group, member->session_deadline_ms);
}

/* The first of them. */
static int64_t member_deadline_ms(const struct consumer_member *member)
{
    const int64_t deadlines[] = {member->session_deadline_ms, member->revoke_deadline_ms,
                                 member->join_deadline_ms, member->sync_deadline_ms};
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++)
        if (first_ms > deadlines[i])
            first_ms = deadlines[i];
    return first_ms;
}

/* Heartbeats only put deadlines off, so the first of all is looked for only when one has come. */
void consumer_tick(struct consumer_group *group, struct group_turn *turn)
{
    if (turn->now_ms < group->deadline_ms)
        return;
    group->deadline_ms = INT64_MAX;
    assert(turn->writer != NULL);
    bool has_lost = false;
    struct consumer_member *member, *following;
    list_for_each_entry_safe (member, following, &group->order, order_node) {
        int64_t deadline_ms = member_deadline_ms(member);
        if (turn->now_ms >= deadline_ms) {
            turn->tally.expired_sessions++;
            consumer_remove(group, turn, member);
            has_lost = true;
        } else {
            consumer_note_deadline(group, deadline_ms);
        }
    }
    bool has_changed = consumer_patterns_advance(group, turn);
    consumer_assert_is_sound(group);
    if (has_lost) {
        consumer_members_left(group, turn);
        return;
    }
    if (has_changed)
        consumer_bump(group, turn);
    consumer_assign(group, turn);
}

void consumer_forgive(struct consumer_group *group, struct group_turn *turn)
{
    assert(turn->writer != NULL);
    struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node) {
        int64_t step_end_ms = turn->now_ms + member->rebalance_timeout_ms;
        consumer_member_keep(group, turn, member);
        if (member->offer == NULL && member->position.state == MEMBER_UNREVOKED_PARTITIONS)
            member->revoke_deadline_ms = step_end_ms;
        if (member->join_deadline_ms != INT64_MAX)
            member->join_deadline_ms = step_end_ms;
        if (member->sync_deadline_ms != INT64_MAX)
            member->sync_deadline_ms = step_end_ms;
    }
    group->deadline_ms = turn->now_ms;
    consumer_tick(group, turn);
}

void consumer_topics_changed(struct consumer_group *group, struct group_turn *turn)
{
    if (consumer_is_empty(group))
        return;
    bool has_changed = consumer_patterns_advance(group, turn);
    if (has_changed || consumer_metadata_hash(group, turn->image) != group->metadata_hash)
        consumer_bump(group, turn);
    consumer_assign(group, turn);
}

/* --- Views ------------------------------------------------------------------------------------ */

bool consumer_is_empty(const struct consumer_group *group)
{
    return list_is_empty(&group->order);
}

bool consumer_may_be_classic(const struct consumer_group *group,
                             const struct group_settings *settings)
{
    if (consumer_is_empty(group) || group->classic_count < group->members.count)
        return false;
    const struct consumer_member *first =
        container_of(list_first(&group->order), const struct consumer_member, order_node);
    assert(first->offer != NULL); /* All of them have one. */
    return settings->may_downgrade && group->members.count <= settings->size_max &&
           classic_votes_agree(&group->votes, first->offer->protocols, first->offer->count,
                               group->classic_count);
}

bool consumer_is_subscribed(const struct consumer_group *group, struct bytes topic)
{
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        if (name_list_has(&member->topics, topic))
            return true;
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &group->patterns, node)
        if (name_list_has(&pattern->topics, topic))
            return true;
    return false;
}

enum consumer_group_state consumer_state(const struct consumer_group *group)
{
    if (consumer_is_empty(group))
        return CONSUMER_GROUP_EMPTY;
    if (group->epoch > group->assignment_epoch)
        return CONSUMER_GROUP_ASSIGNING;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node) {
        const struct member_position *position = &member->position;
        if (position->state != MEMBER_STABLE || position->epoch != group->assignment_epoch)
            return CONSUMER_GROUP_RECONCILING;
    }
    return CONSUMER_GROUP_STABLE;
}

const char *consumer_state_name(const struct consumer_group *group)
{
    static const char *const names[] = {
        [CONSUMER_GROUP_EMPTY] = "Empty",
        [CONSUMER_GROUP_ASSIGNING] = "Assigning",
        [CONSUMER_GROUP_RECONCILING] = "Reconciling",
        [CONSUMER_GROUP_STABLE] = "Stable",
    };
    return names[consumer_state(group)];
}
