#include "bench/groups_protocol.h"

#include "base/assert.h"
#include "protocol/errors.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/consumer_protocol_subscription.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/sync_group.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    JOIN_VERSION = 9,
    SYNC_VERSION = 5,
    HEARTBEAT_VERSION = 4,
    CONSUMER_HEARTBEAT_VERSION = 1,
    EMBEDDED_VERSION = 1,
    SESSION_TIMEOUT_MS = 45 * 1000,
    REBALANCE_TIMEOUT_MS = 300 * 1000,
    HEARTBEAT_INTERVAL_MS = 3000,
};

static const char protocol_type[] = "consumer";
static const char protocol_name[] = "range";

static _Noreturn void fail_member(const struct member *member, const char *what, int16_t error)
{
    fail("member %u of group %u, %s: %s", member->index, member_group(member), what,
         kafka_error_text(error));
}

static void check_decoded(const struct member *member, const char *what, enum status status)
{
    if (status != STATUS_OK)
        fail("member %u, %s: %s", member->index, what, status_text(status));
}

static struct writer *ask(struct member *member, enum api_key key, int16_t version)
{
    return crowd_ask(&member->members->crowd, member_line(member), member->index, key, version);
}

static void tell(struct member *member)
{
    member->members->request_count++;
    crowd_send(&member->members->crowd);
}

/* --- Classic ---------------------------------------------------------------------------------- */

struct bytes classic_subscription(const struct load *load, struct arena *arena)
{
    struct consumer_protocol_subscription subscription;
    struct writer writer;
    struct bytes topic = bytes_of_text(load->topic);
    consumer_protocol_subscription_init(&subscription);
    subscription.topics = &topic;
    subscription.topics_count = 1;
    writer_init(&writer, arena);
    writer_i16(&writer, EMBEDDED_VERSION);
    consumer_protocol_subscription_encode(&writer, EMBEDDED_VERSION, &subscription);
    assert(writer.status == STATUS_OK);
    return writer_result(&writer);
}

static void classic_ask_join(struct member *member)
{
    struct join_group_request request;
    struct join_group_request_protocol protocol;
    char name[GROUP_NAME_SIZE];
    struct writer *writer = ask(member, API_JOIN_GROUP, JOIN_VERSION);
    join_group_request_init(&request);
    join_group_request_protocol_init(&protocol);
    protocol.name = bytes_of_text(protocol_name);
    protocol.metadata = member->members->subscription;
    request.group_id = group_name(member->members->load, member_group(member), name);
    request.session_timeout_ms = SESSION_TIMEOUT_MS;
    request.rebalance_timeout_ms = REBALANCE_TIMEOUT_MS;
    request.member_id = member_id(member);
    request.protocol_type = bytes_of_text(protocol_type);
    request.protocols = &protocol;
    request.protocols_count = 1;
    join_group_request_encode(writer, JOIN_VERSION, &request);
    tell(member);
}

/* The share of the member with this place among all. */
static struct bytes make_assignment(const struct members *members, uint32_t place, uint32_t count,
                                    struct arena *arena)
{
    struct consumer_protocol_assignment assignment;
    struct consumer_protocol_assignment_topic_partition topic;
    struct writer writer;
    const struct load *load = members->load;
    uint32_t total = load->members * load->group_partitions;
    uint32_t first = (uint32_t)((uint64_t)total * place / count);
    uint32_t end = (uint32_t)((uint64_t)total * (place + 1) / count);
    consumer_protocol_assignment_init(&assignment);
    consumer_protocol_assignment_topic_partition_init(&topic);
    topic.topic = bytes_of_text(load->topic);
    topic.partitions = arena_allocate_array(arena, end - first + 1, sizeof(int32_t));
    assert(topic.partitions != NULL);
    for (uint32_t i = first; i < end; i++)
        topic.partitions[topic.partitions_count++] = (int32_t)i;
    assignment.assigned_partitions = &topic;
    assignment.assigned_partitions_count = 1;
    writer_init(&writer, arena);
    writer_i16(&writer, EMBEDDED_VERSION);
    consumer_protocol_assignment_encode(&writer, EMBEDDED_VERSION, &assignment);
    assert(writer.status == STATUS_OK);
    return writer_result(&writer);
}

/* The leader's, for all; from others nothing. */
static void add_assignments(struct member *member, const struct join_group_response *joined,
                            struct arena *arena, struct sync_group_request *request)
{
    request->assignments =
        arena_allocate_array(arena, joined->members_count, sizeof *request->assignments);
    assert(request->assignments != NULL);
    for (uint32_t i = 0; i < joined->members_count; i++) {
        struct sync_group_request_assignment *assignment = &request->assignments[i];
        sync_group_request_assignment_init(assignment);
        assignment->member_id = joined->members[i].member_id;
        assignment->assignment = make_assignment(member->members, i, joined->members_count, arena);
    }
    request->assignments_count = joined->members_count;
}

static void classic_ask_sync(struct member *member, const struct join_group_response *joined,
                             struct arena *arena)
{
    struct sync_group_request request;
    char name[GROUP_NAME_SIZE];
    struct writer *writer = ask(member, API_SYNC_GROUP, SYNC_VERSION);
    sync_group_request_init(&request);
    request.group_id = group_name(member->members->load, member_group(member), name);
    request.generation_id = member->epoch;
    request.member_id = member_id(member);
    request.protocol_type = bytes_of_text(protocol_type);
    request.protocol_name = bytes_of_text(protocol_name);
    if (bytes_equal(joined->leader, member_id(member)))
        add_assignments(member, joined, arena, &request);
    sync_group_request_encode(writer, SYNC_VERSION, &request);
    tell(member);
}

static void classic_rejoin(struct member *member)
{
    member->members->rebalance_count++;
    member_own(member, NULL, 0);
    classic_ask_join(member);
}

static void classic_joined(struct member *member, const struct crowd_answer *answer)
{
    struct join_group_response response;
    join_group_response_init(&response);
    check_decoded(
        member, "JoinGroup",
        join_group_response_decode(answer->reader, answer->version, answer->arena, &response));
    if (response.error_code == KAFKA_MEMBER_ID_REQUIRED) {
        member_set_id(member, response.member_id);
        classic_ask_join(member);
        return;
    }
    if (response.error_code != KAFKA_NONE)
        fail_member(member, "JoinGroup", response.error_code);
    member->epoch = response.generation_id;
    classic_ask_sync(member, &response, answer->arena);
}

/* What the leader gave it; an empty text is nothing. */
static void take_assignment(struct member *member, struct bytes text, struct arena *arena)
{
    struct consumer_protocol_assignment assignment;
    struct reader reader;
    consumer_protocol_assignment_init(&assignment);
    reader_init(&reader, text);
    int16_t version = reader_i16(&reader);
    check_decoded(member, "its assignment",
                  consumer_protocol_assignment_decode(&reader, version, arena, &assignment));
    if (assignment.assigned_partitions_count != 1)
        fail("member %u is assigned %u topics", member->index,
             assignment.assigned_partitions_count);
    member_own(member, assignment.assigned_partitions[0].partitions,
               assignment.assigned_partitions[0].partitions_count);
}

static void classic_synced(struct member *member, const struct crowd_answer *answer)
{
    struct sync_group_response response;
    sync_group_response_init(&response);
    check_decoded(
        member, "SyncGroup",
        sync_group_response_decode(answer->reader, answer->version, answer->arena, &response));
    if (response.error_code == KAFKA_REBALANCE_IN_PROGRESS) {
        classic_rejoin(member);
        return;
    }
    if (response.error_code != KAFKA_NONE)
        fail_member(member, "SyncGroup", response.error_code);
    take_assignment(member, response.assignment, answer->arena);
    member_wait(member, HEARTBEAT_INTERVAL_MS);
}

static void classic_beat(struct member *member)
{
    struct heartbeat_request request;
    char name[GROUP_NAME_SIZE];
    struct writer *writer = ask(member, API_HEARTBEAT, HEARTBEAT_VERSION);
    heartbeat_request_init(&request);
    request.group_id = group_name(member->members->load, member_group(member), name);
    request.generation_id = member->epoch;
    request.member_id = member_id(member);
    heartbeat_request_encode(writer, HEARTBEAT_VERSION, &request);
    tell(member);
}

static void count_beat(struct member *member, const struct crowd_answer *answer)
{
    if (member->members->beats != NULL)
        histogram_add(member->members->beats, (uint64_t)answer->latency_ns, 1);
}

static void classic_heard(struct member *member, const struct crowd_answer *answer)
{
    struct heartbeat_response response;
    heartbeat_response_init(&response);
    check_decoded(
        member, "Heartbeat",
        heartbeat_response_decode(answer->reader, answer->version, answer->arena, &response));
    count_beat(member, answer);
    if (response.error_code == KAFKA_REBALANCE_IN_PROGRESS)
        classic_rejoin(member);
    else if (response.error_code != KAFKA_NONE)
        fail_member(member, "Heartbeat", response.error_code);
    else
        member_wait(member, HEARTBEAT_INTERVAL_MS);
}

/* --- Consumer --------------------------------------------------------------------------------- */

/* What has not changed is left out, but from the first heartbeat. */
static void consumer_beat(struct member *member)
{
    struct consumer_group_heartbeat_request request;
    struct consumer_group_heartbeat_request_topic_partitions owned;
    const struct members *members = member->members;
    struct bytes topic = bytes_of_text(members->load->topic);
    char name[GROUP_NAME_SIZE];
    struct writer *writer = ask(member, API_CONSUMER_GROUP_HEARTBEAT, CONSUMER_HEARTBEAT_VERSION);
    consumer_group_heartbeat_request_init(&request);
    consumer_group_heartbeat_request_topic_partitions_init(&owned);
    request.group_id = group_name(member->members->load, member_group(member), name);
    request.member_id = member_id(member);
    request.member_epoch = member->epoch;
    if (member->epoch == 0) {
        request.rebalance_timeout_ms = REBALANCE_TIMEOUT_MS;
        request.subscribed_topic_names = &topic;
        request.subscribed_topic_names_count = 1;
    }
    owned.topic_id = members->topic_id;
    owned.partitions = member->owned;
    owned.partitions_count = member->owned_count;
    if (member->has_news || member->epoch == 0) {
        request.topic_partitions = &owned;
        request.topic_partitions_count = member->owned_count > 0;
        member->has_news = false;
    }
    consumer_group_heartbeat_request_encode(writer, CONSUMER_HEARTBEAT_VERSION, &request);
    tell(member);
}

static void consumer_take(struct member *member,
                          const struct consumer_group_heartbeat_response_assignment *assignment)
{
    if (assignment->topic_partitions_count > 1)
        fail("member %u is assigned %u topics", member->index, assignment->topic_partitions_count);
    member->members->rebalance_count++;
    if (assignment->topic_partitions_count == 0)
        member_own(member, NULL, 0);
    else
        member_own(member, assignment->topic_partitions[0].partitions,
                   assignment->topic_partitions[0].partitions_count);
}

static void consumer_heard(struct member *member, const struct crowd_answer *answer)
{
    struct consumer_group_heartbeat_response response;
    consumer_group_heartbeat_response_init(&response);
    check_decoded(member, "ConsumerGroupHeartbeat",
                  consumer_group_heartbeat_response_decode(answer->reader, answer->version,
                                                           answer->arena, &response));
    if (response.error_code != KAFKA_NONE)
        fail_member(member, "ConsumerGroupHeartbeat", response.error_code);
    count_beat(member, answer);
    member->epoch = response.member_epoch;
    if (response.assignment != NULL)
        consumer_take(member, response.assignment);
    if (member->has_news)
        consumer_beat(member);
    else
        member_wait(member, member->members->is_spread ? HEARTBEAT_INTERVAL_MS
                                                       : response.heartbeat_interval_ms);
}

static void make_id(struct member *member)
{
    char text[UUID_TEXT_SIZE];
    struct uuid id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)prng_u64(&member->members->prng);
    uuid_format(id, text);
    member_set_id(member, bytes_of_text(text));
}

/* --- Both ------------------------------------------------------------------------------------- */

void member_join(struct member *member)
{
    if (!member->members->load->is_consumer) {
        classic_ask_join(member);
        return;
    }
    make_id(member);
    consumer_beat(member);
}

void member_beat(struct member *member)
{
    if (member->members->load->is_consumer)
        consumer_beat(member);
    else
        classic_beat(member);
}

bool member_take(struct member *member, const struct crowd_answer *answer)
{
    switch ((int)answer->key) {
    case API_JOIN_GROUP: classic_joined(member, answer); return true;
    case API_SYNC_GROUP: classic_synced(member, answer); return true;
    case API_HEARTBEAT: classic_heard(member, answer); return true;
    case API_CONSUMER_GROUP_HEARTBEAT: consumer_heard(member, answer); return true;
    default: return false;
    }
}
