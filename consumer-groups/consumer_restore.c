/* A consumer group from the records of the offsets topic, in the order of the log. What a record
 * says by itself is judged here, and it is passed over if that cannot be; what it says beside
 * others when all are read (consumer_restored), for those may have been passed over. */
#include "base/assert.h"
#include "consumer-groups/consumer_group.h"

static bool is_epoch(int32_t epoch)
{
    return epoch >= 0 && epoch <= CONSUMER_EPOCH_MAX;
}

enum status consumer_restore_group(struct consumer_group *group,
                                   const struct consumer_group_metadata_value *value)
{
    if (!is_epoch(value->epoch))
        return STATUS_MALFORMED;
    group->epoch = value->epoch;
    group->metadata_hash = value->metadata_hash;
    return STATUS_OK;
}

enum status consumer_restore_target_epoch(
    struct consumer_group *group,
    const struct consumer_group_target_assignment_metadata_value *value)
{
    if (!is_epoch(value->assignment_epoch))
        return STATUS_MALFORMED;
    group->assignment_epoch = value->assignment_epoch;
    return STATUS_OK;
}

static bool replace_text(struct group_memory *memory, struct bytes *text, struct bytes with)
{
    group_memory_free_copy(memory, text);
    return group_memory_copy(memory, text, with);
}

/* A member's records may come in any order. */
static struct consumer_member *member_for(struct consumer_group *group, struct group_memory *memory,
                                          struct bytes member_id)
{
    struct consumer_member *member = consumer_member_find(group, member_id);
    if (member != NULL)
        return member;
    return consumer_member_create(group, memory, member_id, (struct bytes){NULL, 0});
}

/* An instance has one member, who is the last to have been recorded as such: if another one is
 * still there, whoever wrote the log did not say that he went. */
static void give_up_instance(struct consumer_group *group, struct group_memory *memory,
                             const struct consumer_member *member, struct bytes instance_id)
{
    if (bytes_are_null(instance_id))
        return;
    struct consumer_member *former = consumer_member_of_instance(group, instance_id);
    if (former != NULL && former != member)
        consumer_member_destroy(group, memory, former);
}

static enum status restore_wishes(struct consumer_group *group, struct group_memory *memory,
                                  struct consumer_member *member,
                                  const struct consumer_group_member_metadata_value *value)
{
    give_up_instance(group, memory, member, value->instance_id);
    bool has_memory = consumer_member_set_instance(group, memory, member, value->instance_id) &&
                      replace_text(memory, &member->rack_id, value->rack_id) &&
                      replace_text(memory, &member->client_id, value->client_id) &&
                      replace_text(memory, &member->client_host, value->client_host) &&
                      replace_text(memory, &member->assignor, value->server_assignor) &&
                      replace_text(memory, &member->pattern, value->subscribed_topic_regex);
    name_list_destroy(&member->topics, memory);
    member->rebalance_timeout_ms =
        value->rebalance_timeout_ms > 0 ? value->rebalance_timeout_ms : 0;
    has_memory =
        has_memory && name_list_copy(&member->topics, memory, value->subscribed_topic_names,
                                     value->subscribed_topic_names_count);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}

typedef struct consumer_group_member_metadata_value_classic_member_metadata classic_metadata;

/* Null: it speaks the consumer protocol. */
static enum status restore_offer(struct consumer_group *group, struct group_memory *memory,
                                 struct consumer_member *member, const classic_metadata *classic)
{
    uint32_t count = classic == NULL ? 0 : classic->supported_protocols_count;
    if (count == 0) {
        consumer_member_offer(group, memory, member, NULL, 0);
        return classic == NULL ? STATUS_OK : STATUS_MALFORMED;
    }
    if (count > CLASSIC_PROTOCOLS_MAX || classic->session_timeout_ms < 0)
        return STATUS_MALFORMED;
    struct join_group_request_protocol protocols[CLASSIC_PROTOCOLS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        protocols[i].name = classic->supported_protocols[i].name;
        protocols[i].metadata = classic->supported_protocols[i].metadata;
    }
    member->session_timeout_ms = classic->session_timeout_ms;
    return consumer_member_offer(group, memory, member, protocols, count) ? STATUS_OK
                                                                          : STATUS_NO_MEMORY;
}

enum status consumer_restore_member(struct consumer_group *group, struct group_memory *memory,
                                    struct bytes member_id,
                                    const struct consumer_group_member_metadata_value *value)
{
    if (value == NULL) {
        struct consumer_member *member = consumer_member_find(group, member_id);
        if (member != NULL)
            consumer_member_destroy(group, memory, member);
        return STATUS_OK;
    }
    struct bytes pattern = value->subscribed_topic_regex;
    if (pattern.size > 0 && !consumer_pattern_makes_sense(pattern))
        return STATUS_MALFORMED;
    struct consumer_member *member = member_for(group, memory, member_id);
    if (member == NULL)
        return STATUS_NO_MEMORY;
    enum status status = restore_wishes(group, memory, member, value);
    return status != STATUS_OK
               ? status
               : restore_offer(group, memory, member, value->classic_member_metadata);
}

enum status consumer_restore_target(
    struct consumer_group *group, struct group_memory *memory, struct bytes member_id,
    const struct consumer_group_target_assignment_member_value *value)
{
    struct consumer_member *member = consumer_member_find(group, member_id);
    if (value == NULL) {
        if (member != NULL)
            partition_set_destroy(&member->target, memory);
        return STATUS_OK;
    }
    member = member_for(group, memory, member_id);
    uint32_t count = 0;
    for (uint32_t t = 0; t < value->topic_partitions_count; t++)
        count += value->topic_partitions[t].partitions_count;
    if (member == NULL)
        return STATUS_NO_MEMORY;
    partition_set_destroy(&member->target, memory);
    if (!partition_set_reserve(&member->target, memory, count))
        return STATUS_NO_MEMORY;
    for (uint32_t t = 0; t < value->topic_partitions_count; t++) {
        for (uint32_t p = 0; p < value->topic_partitions[t].partitions_count; p++) {
            const struct partition_item item = {
                .topic_id = value->topic_partitions[t].topic_id,
                .partition = value->topic_partitions[t].partitions[p],
            };
            partition_set_push(&member->target, &item);
        }
    }
    partition_set_sort(&member->target);
    return STATUS_OK;
}

typedef struct consumer_group_current_member_assignment_value_topic_partitions current_topic;

/* Without an epoch for each, all of them came with the member's. */
static bool restore_set(struct partition_set *set, struct arena *arena, const current_topic *topics,
                        uint32_t topic_count, int32_t member_epoch)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < topic_count; t++)
        count += topics[t].partitions_count;
    if (!partition_set_reserve_in(set, arena, count))
        return false;
    for (uint32_t t = 0; t < topic_count; t++) {
        bool has_epochs = topics[t].assignment_epochs_count == topics[t].partitions_count;
        for (uint32_t p = 0; p < topics[t].partitions_count; p++) {
            const struct partition_item item = {
                .topic_id = topics[t].topic_id,
                .partition = topics[t].partitions[p],
                .epoch = has_epochs ? topics[t].assignment_epochs[p] : member_epoch,
            };
            partition_set_push(set, &item);
        }
    }
    partition_set_sort(set);
    return true;
}

static bool are_epochs(const current_topic *topics, uint32_t topic_count)
{
    for (uint32_t t = 0; t < topic_count; t++)
        for (uint32_t p = 0; p < topics[t].assignment_epochs_count; p++)
            if (!is_epoch(topics[t].assignment_epochs[p]))
                return false;
    return true;
}

static bool makes_sense(const struct consumer_group_current_member_assignment_value *value)
{
    return value->state >= MEMBER_STABLE && value->state <= MEMBER_UNRELEASED_PARTITIONS &&
           (is_epoch(value->member_epoch) || value->member_epoch == MEMBER_EPOCH_AWAY) &&
           value->previous_member_epoch >= MEMBER_EPOCH_AWAY &&
           value->previous_member_epoch <= CONSUMER_EPOCH_MAX &&
           are_epochs(value->assigned_partitions, value->assigned_partitions_count) &&
           are_epochs(value->partitions_pending_revocation,
                      value->partitions_pending_revocation_count);
}

static const struct member_position nowhere;

enum status consumer_restore_current(
    struct consumer_group *group, struct group_memory *memory, struct arena *arena,
    struct bytes member_id, const struct consumer_group_current_member_assignment_value *value)
{
    struct consumer_member *member = consumer_member_find(group, member_id);
    if (value == NULL) {
        bool is_done = member == NULL || consumer_member_move(group, memory, member, &nowhere);
        return is_done ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (!makes_sense(value))
        return STATUS_MALFORMED;
    member = member_for(group, memory, member_id);
    struct member_position position = {
        .state = (enum member_state)value->state,
        .epoch = value->member_epoch,
        .previous_epoch = value->previous_member_epoch,
    };
    bool has_memory =
        member != NULL &&
        restore_set(&position.assigned, arena, value->assigned_partitions,
                    value->assigned_partitions_count, value->member_epoch) &&
        restore_set(&position.revoking, arena, value->partitions_pending_revocation,
                    value->partitions_pending_revocation_count, value->member_epoch) &&
        consumer_member_move(group, memory, member, &position);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status consumer_restore_pattern(struct consumer_group *group, struct group_turn *turn,
                                     struct bytes text,
                                     const struct consumer_group_regular_expression_value *value)
{
    struct consumer_pattern *pattern = consumer_pattern_find(group, text);
    if (value == NULL) {
        if (pattern != NULL)
            consumer_pattern_destroy(pattern, turn->memory);
        return STATUS_OK;
    }
    if (text.size == 0 || !consumer_pattern_makes_sense(text))
        return STATUS_MALFORMED;
    if (pattern == NULL)
        pattern = consumer_pattern_create(group, turn->memory, text);
    if (pattern == NULL)
        return STATUS_NO_MEMORY;
    name_list_destroy(&pattern->topics, turn->memory);
    pattern->image_offset = value->version;
    pattern->resolved_ms = turn->now_ms;
    return name_list_copy(&pattern->topics, turn->memory, value->topics, value->topics_count)
               ? STATUS_OK
               : STATUS_NO_MEMORY;
}

/* Nobody is ahead of the target, and it is not ahead of the group. If somebody is, a record was
 * passed over: the group goes on behind the greatest epoch that anybody has heard of. */
static void catch_up(struct consumer_group *group, struct group_turn *turn)
{
    int32_t greatest = group->assignment_epoch;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        if (greatest < member->position.epoch)
            greatest = member->position.epoch;
    if (greatest == group->assignment_epoch && greatest <= group->epoch)
        return;
    group->assignment_epoch = greatest;
    if (group->epoch < greatest)
        group->epoch = greatest;
    consumer_bump(group, turn);
}

/* A member is one only with its wishes: they come with its first record and go with its last. */
void consumer_restored(struct consumer_group *group, struct group_turn *turn)
{
    struct consumer_member *member, *following;
    list_for_each_entry_safe (member, following, &group->order, order_node)
        if (bytes_are_null(member->client_id))
            consumer_member_destroy(group, turn->memory, member);
    const struct consumer_member *wanting;
    list_for_each_entry (wanting, &group->order, order_node)
        if (!consumer_pattern_want(group, turn, wanting->pattern))
            group_turn_fail(turn);
    catch_up(group, turn);
    consumer_forgive(group, turn);
    consumer_topics_changed(group, turn);
}
