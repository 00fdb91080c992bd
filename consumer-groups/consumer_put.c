/* What a consumer group writes to the offsets topic. Every value has one version only. */
#include "base/assert.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/group_writer.h"

enum { KEY_VERSION = 0, VALUE_VERSION = 0 };

/* A record in the making. */
struct draft {
    struct group_turn *turn;
    struct writer key;
    struct writer value;
};

/* All keys are a group id, most with a member id or an expression behind it. */
static void begin(struct draft *draft, const struct consumer_group *group, struct group_turn *turn,
                  int16_t kind, struct bytes second)
{
    assert(!bytes_are_null(group->id));
    assert(turn->writer != NULL);
    draft->turn = turn;
    group_writer_begin(turn->writer, &draft->key, &draft->value);
    writer_i16(&draft->key, kind);
    writer_i16(&draft->value, VALUE_VERSION);
    const struct consumer_group_member_metadata_key pair = {group->id, second};
    const struct consumer_group_metadata_key single = {group->id};
    if (bytes_are_null(second))
        consumer_group_metadata_key_encode(&draft->key, KEY_VERSION, &single);
    else
        consumer_group_member_metadata_key_encode(&draft->key, KEY_VERSION, &pair);
}

static void end(struct draft *draft)
{
    group_writer_end(draft->turn->writer, &draft->key, &draft->value);
}

static void put_tombstone(const struct consumer_group *group, struct group_turn *turn, int16_t kind,
                          struct bytes second)
{
    struct draft draft;
    begin(&draft, group, turn, kind, second);
    group_writer_end(turn->writer, &draft.key, NULL);
}

static const struct bytes no_second = {NULL, 0};

void consumer_put_group(const struct consumer_group *group, struct group_turn *turn)
{
    assert(group->epoch >= 0);
    struct draft draft;
    const struct consumer_group_metadata_value value = {
        .epoch = group->epoch,
        .metadata_hash = group->metadata_hash,
    };
    begin(&draft, group, turn, CONSUMER_GROUP_METADATA_KEY_KEY, no_second);
    consumer_group_metadata_value_encode(&draft.value, VALUE_VERSION, &value);
    end(&draft);
}

static struct bytes or_empty(struct bytes text)
{
    return bytes_are_null(text) ? bytes_of_text("") : text;
}

typedef struct consumer_group_member_metadata_value_protocol kept_protocol;
typedef struct consumer_group_member_metadata_value_classic_member_metadata classic_metadata;

/* Of a member that speaks the classic protocol. False without memory. */
static bool keep_offer(const struct consumer_member *member, struct arena *arena,
                       classic_metadata *out)
{
    assert(member->offer != NULL);
    assert(member->offer->count > 0);
    const struct classic_offer *offer = member->offer;
    out->session_timeout_ms = member->session_timeout_ms;
    out->supported_protocols =
        arena_allocate_array(arena, offer->count, sizeof *out->supported_protocols);
    if (out->supported_protocols == NULL)
        return false;
    for (; out->supported_protocols_count < offer->count; out->supported_protocols_count++) {
        uint32_t i = out->supported_protocols_count;
        out->supported_protocols[i] =
            (kept_protocol){offer->protocols[i].name, offer->protocols[i].metadata};
    }
    return true;
}

void consumer_put_member(const struct consumer_group *group, struct group_turn *turn,
                         const struct consumer_member *member)
{
    assert(!bytes_are_null(member->id));
    struct draft draft;
    struct consumer_group_member_metadata_value value;
    classic_metadata classic = {.session_timeout_ms = 0};
    consumer_group_member_metadata_value_init(&value);
    if (member->offer != NULL) {
        if (!keep_offer(member, &turn->writer->arena, &classic))
            group_turn_fail(turn);
        value.classic_member_metadata = &classic;
    }
    value.instance_id = member->instance_id;
    value.rack_id = member->rack_id;
    value.client_id = or_empty(member->client_id);
    value.client_host = or_empty(member->client_host);
    value.subscribed_topic_names = member->topics.names;
    value.subscribed_topic_names_count = member->topics.count;
    value.subscribed_topic_regex = member->pattern;
    value.rebalance_timeout_ms = member->rebalance_timeout_ms;
    value.server_assignor = member->assignor;
    begin(&draft, group, turn, CONSUMER_GROUP_MEMBER_METADATA_KEY_KEY, member->id);
    consumer_group_member_metadata_value_encode(&draft.value, VALUE_VERSION, &value);
    end(&draft);
}

void consumer_put_target_epoch(const struct consumer_group *group, struct group_turn *turn)
{
    assert(group->assignment_epoch <= group->epoch);
    struct draft draft;
    const struct consumer_group_target_assignment_metadata_value value = {
        .assignment_epoch = group->assignment_epoch,
        .assignment_timestamp = turn->wall_ms,
    };
    begin(&draft, group, turn, CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY_KEY, no_second);
    consumer_group_target_assignment_metadata_value_encode(&draft.value, VALUE_VERSION, &value);
    end(&draft);
}

/* How many topics a set names. */
static uint32_t topic_count(const struct partition_set *set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++)
        count += i == 0 || !uuid_equal(set->items[i].topic_id, set->items[i - 1].topic_id);
    return count;
}

/* The partitions of one topic from `*at` on, which moves behind them. */
static uint32_t take_topic(const struct partition_set *set, uint32_t *at, int32_t *partitions,
                           int32_t *epochs)
{
    assert(*at < set->count);
    uint32_t first = *at;
    for (; *at < set->count; ++*at) {
        if (!uuid_equal(set->items[*at].topic_id, set->items[first].topic_id))
            break;
        partitions[*at - first] = set->items[*at].partition;
        epochs[*at - first] = set->items[*at].epoch;
    }
    return *at - first;
}

void consumer_put_target(const struct consumer_group *group, struct group_turn *turn,
                         const struct consumer_member *member)
{
    assert(!bytes_are_null(member->id));
    struct draft draft;
    const struct partition_set *set = &member->target;
    struct arena *arena = &turn->writer->arena;
    struct consumer_group_target_assignment_member_value value = {
        .topic_partitions_count = topic_count(set),
    };
    int32_t *partitions = arena_allocate_array(arena, set->count, sizeof *partitions);
    int32_t *epochs = arena_allocate_array(arena, set->count, sizeof *epochs);
    value.topic_partitions =
        arena_allocate_array(arena, value.topic_partitions_count, sizeof *value.topic_partitions);
    if (partitions == NULL || epochs == NULL || value.topic_partitions == NULL) {
        group_turn_fail(turn);
        return;
    }
    uint32_t at = 0;
    for (uint32_t t = 0; t < value.topic_partitions_count; t++) {
        value.topic_partitions[t].topic_id = set->items[at].topic_id;
        value.topic_partitions[t].partitions = partitions + at;
        value.topic_partitions[t].partitions_count =
            take_topic(set, &at, partitions + at, epochs + at);
    }
    begin(&draft, group, turn, CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY_KEY, member->id);
    consumer_group_target_assignment_member_value_encode(&draft.value, VALUE_VERSION, &value);
    end(&draft);
}

typedef struct consumer_group_current_member_assignment_value_topic_partitions current_topic;

static current_topic *current_topics(const struct partition_set *set, struct group_turn *turn,
                                     uint32_t *count)
{
    struct arena *arena = &turn->writer->arena;
    *count = topic_count(set);
    int32_t *partitions = arena_allocate_array(arena, set->count, sizeof *partitions);
    int32_t *epochs = arena_allocate_array(arena, set->count, sizeof *epochs);
    current_topic *topics = arena_allocate_array(arena, *count, sizeof *topics);
    if (partitions == NULL || epochs == NULL || topics == NULL) {
        group_turn_fail(turn);
        *count = 0;
        return NULL;
    }
    uint32_t at = 0;
    for (uint32_t t = 0; t < *count; t++) {
        topics[t].topic_id = set->items[at].topic_id;
        topics[t].partitions = partitions + at;
        topics[t].assignment_epochs = epochs + at;
        topics[t].partitions_count = take_topic(set, &at, partitions + at, epochs + at);
        topics[t].assignment_epochs_count = topics[t].partitions_count;
    }
    return topics;
}

void consumer_put_current(const struct consumer_group *group, struct group_turn *turn,
                          const struct consumer_member *member)
{
    assert(!bytes_are_null(member->id));
    struct draft draft;
    const struct member_position *position = &member->position;
    struct consumer_group_current_member_assignment_value value = {
        .member_epoch = position->epoch,
        .previous_member_epoch = position->previous_epoch,
        .state = (int8_t)position->state,
    };
    value.assigned_partitions =
        current_topics(&position->assigned, turn, &value.assigned_partitions_count);
    value.partitions_pending_revocation =
        current_topics(&position->revoking, turn, &value.partitions_pending_revocation_count);
    begin(&draft, group, turn, CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY_KEY, member->id);
    consumer_group_current_member_assignment_value_encode(&draft.value, VALUE_VERSION, &value);
    end(&draft);
}

void consumer_put_pattern(const struct consumer_group *group, struct group_turn *turn,
                          const struct consumer_pattern *pattern)
{
    assert(!bytes_are_null(pattern->text));
    struct draft draft;
    const struct consumer_group_regular_expression_value value = {
        .topics = pattern->topics.names,
        .topics_count = pattern->topics.count,
        .version = pattern->image_offset,
        .timestamp = turn->wall_ms,
    };
    begin(&draft, group, turn, CONSUMER_GROUP_REGULAR_EXPRESSION_KEY_KEY, pattern->text);
    consumer_group_regular_expression_value_encode(&draft.value, VALUE_VERSION, &value);
    end(&draft);
}

void consumer_put_member_tombstones(const struct consumer_group *group, struct group_turn *turn,
                                    struct bytes member_id)
{
    assert(!bytes_are_null(member_id));
    put_tombstone(group, turn, CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY_KEY, member_id);
    put_tombstone(group, turn, CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY_KEY, member_id);
    put_tombstone(group, turn, CONSUMER_GROUP_MEMBER_METADATA_KEY_KEY, member_id);
}

void consumer_put_pattern_tombstone(const struct consumer_group *group, struct group_turn *turn,
                                    struct bytes pattern)
{
    assert(!bytes_are_null(pattern));
    put_tombstone(group, turn, CONSUMER_GROUP_REGULAR_EXPRESSION_KEY_KEY, pattern);
}

void consumer_put_tombstones(const struct consumer_group *group, struct group_turn *turn)
{
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        consumer_put_member_tombstones(group, turn, member->id);
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &group->patterns, node)
        consumer_put_pattern_tombstone(group, turn, pattern->text);
    put_tombstone(group, turn, CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY_KEY, no_second);
    put_tombstone(group, turn, CONSUMER_GROUP_METADATA_KEY_KEY, no_second);
}
