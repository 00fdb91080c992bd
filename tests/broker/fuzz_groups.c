/* Plausible requests to groups. All speak of one group, so that some of them find something. */
#include "tests/broker/fuzz_draft.h"

enum {
    TOPIC_IDS_IN_OFFSETS_SINCE = 10,
    GROUPS_IN_FETCH_SINCE = 8,
    MEMBERS_IN_LEAVE_SINCE = 3,
    SESSION_TIMEOUT_MS = 6000,
    REBALANCE_TIMEOUT_MS = 6000,
};

static struct bytes group_id(void)
{
    return bytes_of_text("fuzzed-group");
}

static struct bytes member_id(void)
{
    return bytes_of_text("fuzzed-member");
}

void send_offset_commit(struct draft *draft)
{
    struct offset_commit_request_partition partition;
    offset_commit_request_partition_init(&partition);
    partition.partition_index = draft->at.index;
    partition.committed_offset = 1;
    partition.committed_metadata = bytes_of_text("here");
    struct offset_commit_request_topic topic = {
        .name = draft->at.topic, .partitions = &partition, .partitions_count = 1};
    if (draft->version >= TOPIC_IDS_IN_OFFSETS_SINCE)
        topic.topic_id = draft->at.topic_id;
    struct offset_commit_request request;
    offset_commit_request_init(&request);
    request.group_id = group_id();
    request.member_id = bytes_of_text("");
    request.topics = &topic;
    request.topics_count = 1;
    client_offset_commit(draft->client, draft->call, draft->version, &request);
}

void send_offset_fetch(struct draft *draft)
{
    int32_t index = draft->at.index;
    struct offset_fetch_request_topic topic = {
        .name = draft->at.topic, .partition_indexes = &index, .partition_indexes_count = 1};
    struct offset_fetch_request_group_topic group_topic = {
        .name = draft->at.topic, .partition_indexes = &index, .partition_indexes_count = 1};
    if (draft->version >= TOPIC_IDS_IN_OFFSETS_SINCE)
        group_topic.topic_id = draft->at.topic_id;
    struct offset_fetch_request_group group;
    offset_fetch_request_group_init(&group);
    group.group_id = group_id();
    group.topics = &group_topic;
    group.topics_count = 1;
    struct offset_fetch_request request;
    offset_fetch_request_init(&request);
    if (draft->version >= GROUPS_IN_FETCH_SINCE) {
        request.groups = &group;
        request.groups_count = 1;
    } else {
        request.group_id = group_id();
        request.topics = &topic;
        request.topics_count = 1;
    }
    client_offset_fetch(draft->client, draft->call, draft->version, &request);
}

void send_join_group(struct draft *draft)
{
    struct join_group_request_protocol protocol = {.name = bytes_of_text("range"),
                                                   .metadata = bytes_of("\0\3\0\0\0\0", 6)};
    struct join_group_request request;
    join_group_request_init(&request);
    request.group_id = group_id();
    request.session_timeout_ms = SESSION_TIMEOUT_MS;
    request.rebalance_timeout_ms = REBALANCE_TIMEOUT_MS;
    request.member_id = bytes_of_text("");
    request.protocol_type = bytes_of_text("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    client_join_group(draft->client, draft->call, draft->version, &request);
}

void send_heartbeat(struct draft *draft)
{
    struct heartbeat_request request;
    heartbeat_request_init(&request);
    request.group_id = group_id();
    request.generation_id = 1;
    request.member_id = member_id();
    client_heartbeat(draft->client, draft->call, draft->version, &request);
}

void send_leave_group(struct draft *draft)
{
    struct leave_group_request_member member;
    leave_group_request_member_init(&member);
    member.member_id = member_id();
    struct leave_group_request request;
    leave_group_request_init(&request);
    request.group_id = group_id();
    if (draft->version >= MEMBERS_IN_LEAVE_SINCE) {
        request.members = &member;
        request.members_count = 1;
    } else {
        request.member_id = member_id();
    }
    client_leave_group(draft->client, draft->call, draft->version, &request);
}

void send_sync_group(struct draft *draft)
{
    struct sync_group_request_assignment assignment = {.member_id = member_id(),
                                                       .assignment = bytes_of("\0\3\0\0\0\0", 6)};
    struct sync_group_request request;
    sync_group_request_init(&request);
    request.group_id = group_id();
    request.generation_id = 1;
    request.member_id = member_id();
    request.protocol_type = bytes_of_text("consumer");
    request.protocol_name = bytes_of_text("range");
    request.assignments = &assignment;
    request.assignments_count = 1;
    client_sync_group(draft->client, draft->call, draft->version, &request);
}

void send_describe_groups(struct draft *draft)
{
    struct bytes group = group_id();
    struct describe_groups_request request;
    describe_groups_request_init(&request);
    request.groups = &group;
    request.groups_count = 1;
    client_describe_groups(draft->client, draft->call, draft->version, &request);
}

void send_list_groups(struct draft *draft)
{
    struct list_groups_request request;
    list_groups_request_init(&request);
    client_list_groups(draft->client, draft->call, draft->version, &request);
}

void send_delete_groups(struct draft *draft)
{
    struct bytes groups[] = {group_id(), bytes_of_text("another-group")};
    struct delete_groups_request request;
    delete_groups_request_init(&request);
    request.groups_names = groups;
    request.groups_names_count = 2;
    client_delete_groups(draft->client, draft->call, draft->version, &request);
}

void send_offset_delete(struct draft *draft)
{
    struct offset_delete_request_partition partition = {.partition_index = draft->at.index};
    struct offset_delete_request_topic topic = {
        .name = draft->at.topic, .partitions = &partition, .partitions_count = 1};
    struct offset_delete_request request;
    offset_delete_request_init(&request);
    request.group_id = group_id();
    request.topics = &topic;
    request.topics_count = 1;
    client_offset_delete(draft->client, draft->call, draft->version, &request);
}

void send_consumer_group_heartbeat(struct draft *draft)
{
    struct consumer_group_heartbeat_request_topic_partitions none = {.partitions_count = 0};
    struct bytes topic = draft->at.topic;
    struct consumer_group_heartbeat_request request;
    consumer_group_heartbeat_request_init(&request);
    request.group_id = bytes_of_text("fuzzed-consumer-group");
    request.member_id = member_id();
    request.rebalance_timeout_ms = REBALANCE_TIMEOUT_MS;
    request.subscribed_topic_names = &topic;
    request.subscribed_topic_names_count = 1;
    request.topic_partitions = &none;
    if (draft->version > 0)
        request.subscribed_topic_regex = bytes_of_text("fuzz.*|another-(topic)?");
    client_consumer_group_heartbeat(draft->client, draft->call, draft->version, &request);
}

void send_consumer_group_describe(struct draft *draft)
{
    struct bytes group = bytes_of_text("fuzzed-consumer-group");
    struct consumer_group_describe_request request;
    consumer_group_describe_request_init(&request);
    request.group_ids = &group;
    request.group_ids_count = 1;
    client_consumer_group_describe(draft->client, draft->call, draft->version, &request);
}
