#include "tests/broker/fuzz_requests.h"

#include "protocol/messages/find_coordinator.h"
#include "tests/broker/fuzz_draft.h"

enum {
    WAIT_MS = 5,
    TOPIC_IDS_IN_DELETE_SINCE = 6,
    COORDINATOR_KEYS_SINCE = 4,
    SOFTWARE_NAME_SINCE = 3
};

typedef void draft_send(struct draft *draft);

static struct bytes other_name(void)
{
    return bytes_of_text("another-topic");
}

static void send_produce(struct draft *draft)
{
    const struct client_produce produce = {
        .partition = draft->at,
        .version = draft->version,
        .acks = CLIENT_ACKS_ALL,
        .batch = server_make(draft->server, &(struct server_batch){.record_count = 3}),
    };
    client_produce_batch(draft->client, draft->call, &produce);
}

static void send_fetch(struct draft *draft)
{
    const struct client_fetch fetch = {
        .partition = draft->at, .version = draft->version, .wait_ms = WAIT_MS, .min_bytes = 1};
    client_fetch_partition(draft->client, draft->call, &fetch);
}

static void send_list_offsets(struct draft *draft)
{
    struct list_offsets_request_partition partition;
    list_offsets_request_partition_init(&partition);
    partition.partition_index = draft->at.index;
    partition.timestamp = CLIENT_LATEST;
    struct list_offsets_request_topic topic = {
        .name = draft->at.topic, .partitions = &partition, .partitions_count = 1};
    struct list_offsets_request request;
    list_offsets_request_init(&request);
    request.replica_id = -1;
    request.topics = &topic;
    request.topics_count = 1;
    client_list_offsets(draft->client, draft->call, draft->version, &request);
}

static void send_metadata(struct draft *draft)
{
    struct metadata_request_topic topic = {.name = draft->at.topic};
    struct metadata_request request;
    metadata_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    client_metadata(draft->client, draft->call, draft->version, &request);
}

static void send_api_versions(struct draft *draft)
{
    struct api_versions_request request;
    api_versions_request_init(&request);
    if (draft->version >= SOFTWARE_NAME_SINCE) {
        request.client_software_name = bytes_of_text("fuzz");
        request.client_software_version = bytes_of_text("1.0");
    }
    client_api_versions(draft->client, draft->call, draft->version, &request);
}

static void send_find_coordinator(struct draft *draft)
{
    struct bytes key = bytes_of_text("a-group");
    struct find_coordinator_request request;
    find_coordinator_request_init(&request);
    if (draft->version >= COORDINATOR_KEYS_SINCE) {
        request.coordinator_keys = &key;
        request.coordinator_keys_count = 1;
    } else {
        request.key = key;
    }
    client_find_coordinator(draft->client, draft->call, draft->version, &request);
}

/* Only validated: what remains right after the change must not fill the disk with partitions. */
static void send_create_topics(struct draft *draft)
{
    struct create_topics_request_config config = {.name = bytes_of_text("retention.ms"),
                                                  .value = bytes_of_text("1000")};
    struct create_topics_request_topic topic = {.name = other_name(),
                                                .num_partitions = 2,
                                                .replication_factor = 1,
                                                .configs = &config,
                                                .configs_count = 1};
    struct create_topics_request request;
    create_topics_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 1000;
    request.validate_only = true;
    client_create_topics(draft->client, draft->call, draft->version, &request);
}

static void send_delete_topics(struct draft *draft)
{
    struct bytes name = other_name();
    struct delete_topics_request_topic topic = {.name = name};
    struct delete_topics_request request;
    delete_topics_request_init(&request);
    request.timeout_ms = 1000;
    if (draft->version >= TOPIC_IDS_IN_DELETE_SINCE) {
        request.topics = &topic;
        request.topics_count = 1;
    } else {
        request.topic_names = &name;
        request.topic_names_count = 1;
    }
    client_delete_topics(draft->client, draft->call, draft->version, &request);
}

static void send_delete_records(struct draft *draft)
{
    struct delete_records_request_partition partition = {.partition_index = draft->at.index};
    struct delete_records_request_topic topic = {
        .name = draft->at.topic, .partitions = &partition, .partitions_count = 1};
    struct delete_records_request request;
    delete_records_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 1000;
    client_delete_records(draft->client, draft->call, draft->version, &request);
}

static void send_create_partitions(struct draft *draft)
{
    struct create_partitions_request_topic topic = {.name = draft->at.topic, .count = 4};
    struct create_partitions_request request;
    create_partitions_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 1000;
    request.validate_only = true;
    client_create_partitions(draft->client, draft->call, draft->version, &request);
}

static void send_alter_configs(struct draft *draft)
{
    struct alter_configs_request_config config = {.name = bytes_of_text("retention.ms"),
                                                  .value = bytes_of_text("1000")};
    struct alter_configs_request_resource resource = {.resource_type = 2,
                                                      .resource_name = draft->at.topic,
                                                      .configs = &config,
                                                      .configs_count = 1};
    struct alter_configs_request request;
    alter_configs_request_init(&request);
    request.resources = &resource;
    request.resources_count = 1;
    request.validate_only = true;
    client_alter_configs(draft->client, draft->call, draft->version, &request);
}

static void send_incremental_alter_configs(struct draft *draft)
{
    struct incremental_alter_configs_request_config config = {.name =
                                                                  bytes_of_text("cleanup.policy"),
                                                              .config_operation = 2,
                                                              .value = bytes_of_text("compact")};
    struct incremental_alter_configs_request_resource resource = {.resource_type = 2,
                                                                  .resource_name = draft->at.topic,
                                                                  .configs = &config,
                                                                  .configs_count = 1};
    struct incremental_alter_configs_request request;
    incremental_alter_configs_request_init(&request);
    request.resources = &resource;
    request.resources_count = 1;
    request.validate_only = true;
    client_incremental_alter_configs(draft->client, draft->call, draft->version, &request);
}

static void send_describe_log_dirs(struct draft *draft)
{
    int32_t partitions[] = {0, 1};
    struct describe_log_dirs_request_topic topic = {
        .topic = draft->at.topic, .partitions = partitions, .partitions_count = 2};
    struct describe_log_dirs_request request;
    describe_log_dirs_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    client_describe_log_dirs(draft->client, draft->call, draft->version, &request);
}

static void send_init_producer_id(struct draft *draft)
{
    struct init_producer_id_request request;
    init_producer_id_request_init(&request);
    request.transaction_timeout_ms = 1000;
    client_init_producer_id(draft->client, draft->call, draft->version, &request);
}

static void send_offset_for_leader_epoch(struct draft *draft)
{
    struct offset_for_leader_epoch_request_partition partition;
    offset_for_leader_epoch_request_partition_init(&partition);
    partition.partition = draft->at.index;
    struct offset_for_leader_epoch_request_topic topic = {
        .topic = draft->at.topic, .partitions = &partition, .partitions_count = 1};
    struct offset_for_leader_epoch_request request;
    offset_for_leader_epoch_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    client_offset_for_leader_epoch(draft->client, draft->call, draft->version, &request);
}

static void send_describe_configs(struct draft *draft)
{
    struct bytes key = bytes_of_text("retention.ms");
    struct describe_configs_request_resource resource = {.resource_type = 2,
                                                         .resource_name = draft->at.topic,
                                                         .configuration_keys = &key,
                                                         .configuration_keys_count = 1};
    struct describe_configs_request request;
    describe_configs_request_init(&request);
    request.resources = &resource;
    request.resources_count = 1;
    client_describe_configs(draft->client, draft->call, draft->version, &request);
}

static void send_describe_cluster(struct draft *draft)
{
    struct describe_cluster_request request;
    describe_cluster_request_init(&request);
    client_describe_cluster(draft->client, draft->call, draft->version, &request);
}

static void send_describe_topic_partitions(struct draft *draft)
{
    struct describe_topic_partitions_request_topic topic = {.name = draft->at.topic};
    struct describe_topic_partitions_request_cursor cursor = {.topic_name = draft->at.topic,
                                                              .partition_index = 1};
    struct describe_topic_partitions_request request;
    describe_topic_partitions_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.response_partition_limit = 2;
    request.cursor = &cursor;
    client_describe_topic_partitions(draft->client, draft->call, draft->version, &request);
}

/* An API without a function here does not compile. */
static draft_send *const senders[] = {
#define X(KEY, name) [API_##KEY] = send_##name,
    API_LIST(X)
#undef X
};

struct asked *fuzz_request_send(struct server *server, struct client *client, const struct api *api,
                                int16_t version, struct client_partition at)
{
    struct asked *asked = server_ask(server);
    struct draft draft = {
        .server = server, .client = client, .call = &asked->call, .at = at, .version = version};
    senders[api->key](&draft);
    return asked;
}
