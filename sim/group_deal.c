#include "sim/group_deal.h"

#include "base/assert.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/consumer_protocol_subscription.h"

#include <string.h>

enum {
    SUBSCRIPTION_VERSION = 2, /* tells the generation */
    ASSIGNMENT_VERSION = 1,
    STAMP_BYTES = 8,
    NOBODY = DEAL_MEMBERS_MAX,
};

static struct bytes written(const struct writer *writer)
{
    assert(writer->status == STATUS_OK);
    return writer_result(writer);
}

static uint32_t shared_count(const struct group_member *member)
{
    return group_member_plot(member)->topic_count * GROUP_TOPIC_PARTITIONS;
}

/* --- What a member wants ---------------------------------------------------------------------- */

struct bytes group_deal_subscription(struct group_member *member, int32_t generation)
{
    struct consumer_protocol_subscription_topic_partition owned[GROUP_TOPICS];
    int32_t partitions[GROUP_PARTITIONS];
    struct consumer_protocol_subscription wish;
    struct bytes topics[GROUP_TOPICS];
    struct writer writer;
    consumer_protocol_subscription_init(&wish);
    wish.topics = topics;
    wish.topics_count = group_member_plot(member)->topic_count;
    wish.owned_partitions = owned;
    wish.owned_partitions_count = wish.topics_count;
    wish.generation_id = generation;
    for (uint32_t t = 0; t < wish.topics_count; t++) {
        topics[t] = bytes_of_text(group_topics[t].name);
        consumer_protocol_subscription_topic_partition_init(&owned[t]);
        owned[t].topic = topics[t];
        owned[t].partitions = &partitions[group_partition_of(t, 0)];
        for (int32_t i = 0; i < GROUP_TOPIC_PARTITIONS; i++)
            if (member->owned[group_partition_of(t, i)])
                owned[t].partitions[owned[t].partitions_count++] = i;
    }
    writer_init(&writer, &member->call.arena);
    writer_i16(&writer, SUBSCRIPTION_VERSION);
    consumer_protocol_subscription_encode(&writer, SUBSCRIPTION_VERSION, &wish);
    return written(&writer);
}

/* --- Who is given what ------------------------------------------------------------------------ */

/* Of two who claim the same, the one has it who was given it later. */
static void note_claims(struct group_deal *deal, uint32_t who,
                        const struct consumer_protocol_subscription *wish)
{
    for (uint32_t t = 0; t < wish->owned_partitions_count; t++) {
        const struct consumer_protocol_subscription_topic_partition *owned =
            &wish->owned_partitions[t];
        uint32_t topic;
        bool is_known = group_topic_by_name(owned->topic, &topic);
        assert(is_known); /* another member of this story wrote it */
        for (uint32_t i = 0; i < owned->partitions_count; i++) {
            uint32_t partition = group_partition_of(topic, owned->partitions[i]);
            if (deal->claims[partition] != NOBODY &&
                deal->claimed_since[partition] >= wish->generation_id)
                continue;
            deal->claims[partition] = who;
            deal->claimed_since[partition] = wish->generation_id;
        }
    }
}

static bool read_members(struct group_deal *deal, struct group_member *member,
                         const struct join_group_response *response)
{
    assert(response->members_count <= DEAL_MEMBERS_MAX);
    *deal = (struct group_deal){.count = response->members_count};
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        deal->claims[i] = NOBODY;
    for (uint32_t i = 0; i < response->members_count; i++) {
        struct consumer_protocol_subscription wish;
        struct reader reader;
        struct bytes id = response->members[i].member_id;
        assert(id.size < GROUP_ID_SIZE);
        memcpy(deal->ids[i], id.data, id.size);
        reader_init(&reader, response->members[i].metadata);
        if (reader_i16(&reader) != SUBSCRIPTION_VERSION ||
            consumer_protocol_subscription_decode(&reader, SUBSCRIPTION_VERSION,
                                                  &member->call.arena, &wish) != STATUS_OK)
            return false;
        note_claims(deal, i, &wish);
    }
    return true;
}

static void deal_eagerly(struct group_deal *deal, uint32_t partition_count, int32_t generation)
{
    for (uint32_t i = 0; i < partition_count; i++)
        deal->gives[i] = (i + (uint32_t)generation) % deal->count;
}

/* Whose turn it is: who has least. */
static uint32_t poorest(const uint32_t *loads, uint32_t count)
{
    uint32_t who = 0;
    for (uint32_t i = 1; i < count; i++)
        if (loads[i] < loads[who])
            who = i;
    return who;
}

static void deal_cooperatively(struct group_deal *deal, uint32_t partition_count)
{
    uint32_t loads[DEAL_MEMBERS_MAX] = {0};
    uint32_t fair = (partition_count + deal->count - 1) / deal->count;
    for (uint32_t i = 0; i < partition_count; i++) {
        uint32_t owner = deal->claims[i];
        bool is_kept = owner != NOBODY && loads[owner] < fair;
        deal->gives[i] = is_kept ? owner : NOBODY;
        if (is_kept)
            loads[owner]++;
    }
    for (uint32_t i = 0; i < partition_count; i++)
        if (deal->claims[i] == NOBODY) {
            deal->gives[i] = poorest(loads, deal->count);
            loads[deal->gives[i]]++;
        }
}

bool group_deal_out(struct group_deal *deal, struct group_member *member,
                    const struct join_group_response *response)
{
    if (!read_members(deal, member, response))
        return false;
    if (group_member_plot(member)->is_cooperative)
        deal_cooperatively(deal, shared_count(member));
    else
        deal_eagerly(deal, shared_count(member), response->generation_id);
    return true;
}

/* --- What a member is given ------------------------------------------------------------------- */

struct bytes group_deal_assignment(const struct group_deal *deal, struct group_member *member,
                                   uint32_t whose, uint64_t plan)
{
    struct consumer_protocol_assignment_topic_partition topics[GROUP_TOPICS];
    int32_t partitions[GROUP_PARTITIONS];
    struct consumer_protocol_assignment assignment;
    uint8_t stamp[STAMP_BYTES];
    struct writer writer;
    for (uint32_t t = 0; t < GROUP_TOPICS; t++) {
        consumer_protocol_assignment_topic_partition_init(&topics[t]);
        topics[t].topic = bytes_of_text(group_topics[t].name);
        topics[t].partitions = &partitions[group_partition_of(t, 0)];
    }
    for (uint32_t i = 0; i < shared_count(member); i++)
        if (deal->gives[i] == whose) {
            struct consumer_protocol_assignment_topic_partition *topic = &topics[group_topic_of(i)];
            topic->partitions[topic->partitions_count++] = (int32_t)(i % GROUP_TOPIC_PARTITIONS);
        }
    store_u64_be(stamp, plan);
    consumer_protocol_assignment_init(&assignment);
    assignment.assigned_partitions = topics;
    assignment.assigned_partitions_count = group_member_plot(member)->topic_count;
    assignment.user_data = bytes_of(stamp, sizeof stamp);
    writer_init(&writer, &member->call.arena);
    writer_i16(&writer, ASSIGNMENT_VERSION);
    consumer_protocol_assignment_encode(&writer, ASSIGNMENT_VERSION, &assignment);
    return written(&writer);
}

static bool read_partitions(const struct consumer_protocol_assignment *assignment,
                            bool given[GROUP_PARTITIONS])
{
    for (uint32_t t = 0; t < assignment->assigned_partitions_count; t++) {
        const struct consumer_protocol_assignment_topic_partition *topic =
            &assignment->assigned_partitions[t];
        uint32_t index;
        if (!group_topic_by_name(topic->topic, &index))
            return false;
        for (uint32_t i = 0; i < topic->partitions_count; i++) {
            if (topic->partitions[i] < 0 || topic->partitions[i] >= GROUP_TOPIC_PARTITIONS)
                return false;
            given[group_partition_of(index, topic->partitions[i])] = true;
        }
    }
    return true;
}

bool group_deal_read(struct group_member *member, struct bytes bytes, bool given[GROUP_PARTITIONS],
                     int64_t *plan)
{
    struct consumer_protocol_assignment assignment;
    struct reader reader;
    reader_init(&reader, bytes);
    int16_t version = reader_i16(&reader);
    memset(given, 0, GROUP_PARTITIONS * sizeof *given);
    if ((version != ASSIGNMENT_VERSION && version != SUBSCRIPTION_VERSION) ||
        consumer_protocol_assignment_decode(&reader, version, &member->call.arena, &assignment) !=
            STATUS_OK)
        return false;
    bool is_stamped = assignment.user_data.size == STAMP_BYTES;
    *plan = is_stamped ? (int64_t)load_u64_be(assignment.user_data.data) : DEAL_NO_PLAN;
    return read_partitions(&assignment, given);
}
