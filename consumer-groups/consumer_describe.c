/* A consumer group as ConsumerGroupDescribe shows it. */
#include "consumer-groups/consumer_group.h"

enum { MEMBER_TYPE_CLASSIC = 0, MEMBER_TYPE_CONSUMER = 1 };

typedef struct consumer_group_describe_response_group described_group;
typedef struct consumer_group_describe_response_member described_member;
typedef struct consumer_group_describe_response_assignment described_assignment;
typedef struct consumer_group_describe_response_topic_partitions described_topic;

static bool copy(struct arena *arena, struct bytes from, struct bytes *to)
{
    *to = from;
    if (bytes_are_null(from))
        return true;
    to->data = (const uint8_t *)arena_copy_text(arena, from.data, from.size);
    return to->data != NULL;
}

static bool copy_or_empty(struct arena *arena, struct bytes from, struct bytes *to)
{
    return copy(arena, bytes_are_null(from) ? bytes_of_text("") : from, to);
}

/* Topics that are gone have no name to show, and are left out, as in Kafka. */
static bool describe_set(const struct partition_set *set, const struct image *image,
                         struct arena *arena, described_assignment *out)
{
    int32_t *partitions = arena_allocate_array(arena, set->count, sizeof *partitions);
    out->topic_partitions = arena_allocate_array(arena, set->count, sizeof *out->topic_partitions);
    if (partitions == NULL || out->topic_partitions == NULL)
        return false;
    described_topic *topic = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct partition_item *item = &set->items[i];
        partitions[i] = item->partition;
        if (topic != NULL && uuid_equal(topic->topic_id, item->topic_id)) {
            topic->partitions_count++;
            continue;
        }
        const struct image_topic *found = image_topic_by_id(image, item->topic_id);
        if (found == NULL)
            continue;
        topic = &out->topic_partitions[out->topic_partitions_count++];
        topic->topic_id = item->topic_id;
        topic->partitions = partitions + i;
        topic->partitions_count = 1;
        if (!copy(arena, found->name, &topic->topic_name))
            return false;
    }
    return true;
}

static bool describe_topics(const struct consumer_member *member, struct arena *arena,
                            described_member *out)
{
    uint32_t count = member->topics.count;
    out->subscribed_topic_names =
        arena_allocate_array(arena, count, sizeof *out->subscribed_topic_names);
    if (out->subscribed_topic_names == NULL)
        return false;
    for (; out->subscribed_topic_names_count < count; out->subscribed_topic_names_count++) {
        uint32_t i = out->subscribed_topic_names_count;
        if (!copy(arena, member->topics.names[i], &out->subscribed_topic_names[i]))
            return false;
    }
    return true;
}

static bool describe_member(const struct consumer_member *member, const struct image *image,
                            struct arena *arena, described_member *out)
{
    consumer_group_describe_response_member_init(out);
    out->member_epoch = member->position.epoch;
    out->member_type = member->offer != NULL ? MEMBER_TYPE_CLASSIC : MEMBER_TYPE_CONSUMER;
    return copy(arena, member->id, &out->member_id) &&
           copy(arena, member->instance_id, &out->instance_id) &&
           copy(arena, member->rack_id, &out->rack_id) &&
           copy_or_empty(arena, member->client_id, &out->client_id) &&
           copy_or_empty(arena, member->client_host, &out->client_host) &&
           copy(arena, member->pattern, &out->subscribed_topic_regex) &&
           describe_topics(member, arena, out) &&
           describe_set(&member->position.assigned, image, arena, &out->assignment) &&
           describe_set(&member->target, image, arena, &out->target_assignment);
}

enum status consumer_describe(const struct consumer_group *group, const struct group_turn *turn,
                              struct arena *arena, described_group *out)
{
    out->group_state = bytes_of_text(consumer_state_name(group));
    out->group_epoch = group->epoch;
    out->assignment_epoch = group->assignment_epoch;
    out->assignor_name = bytes_of_text(consumer_assignor(group, &turn->settings->assignors)->name);
    out->members = arena_allocate_array(arena, group->members.count, sizeof *out->members);
    if (out->members == NULL)
        return STATUS_NO_MEMORY;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        if (!describe_member(member, turn->image, arena, &out->members[out->members_count++]))
            return STATUS_NO_MEMORY;
    return STATUS_OK;
}
