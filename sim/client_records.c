#include "sim/client_records.h"

#include "base/assert.h"
#include "protocol/errors.h"

/* The newest versions that name topics and not ids, where the short form has only the name. */
enum {
    CREATE_TOPICS_VERSION = 7,
    DELETE_TOPICS_VERSION = 5,
    INIT_PRODUCER_ID_VERSION = 5,
    LIST_OFFSETS_VERSION = 11,
    PRODUCE_VERSION_NEWEST = 13,
    FETCH_VERSION_NEWEST = 18,
};

enum { TIMEOUT_MS = 30000, FETCH_BYTES = 1024 * 1024 };

/* --- Topics ----------------------------------------------------------------------------------- */

void client_create_topic(struct client *client, struct client_call *call, struct bytes name,
                         int32_t partition_count)
{
    struct create_topics_request_topic topic;
    create_topics_request_topic_init(&topic);
    topic.name = name;
    topic.num_partitions = partition_count;
    topic.replication_factor = -1;
    struct create_topics_request request;
    create_topics_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    client_create_topics(client, call, CREATE_TOPICS_VERSION, &request);
}

enum status client_created_taken(struct client_call *call, struct client_created *created)
{
    struct create_topics_response response;
    enum status status = client_create_topics_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    if (response.topics_count != 1)
        return STATUS_MALFORMED;
    created->error = response.topics[0].error_code;
    created->topic_id = response.topics[0].topic_id;
    return STATUS_OK;
}

void client_delete_topic(struct client *client, struct client_call *call, struct bytes name)
{
    struct delete_topics_request request;
    delete_topics_request_init(&request);
    request.topic_names = &name;
    request.topic_names_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    client_delete_topics(client, call, DELETE_TOPICS_VERSION, &request);
}

enum status client_deleted_taken(struct client_call *call, int16_t *error)
{
    struct delete_topics_response response;
    enum status status = client_delete_topics_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    if (response.responses_count != 1)
        return STATUS_MALFORMED;
    *error = response.responses[0].error_code;
    return STATUS_OK;
}

/* --- Producing -------------------------------------------------------------------------------- */

void client_new_producer(struct client *client, struct client_call *call)
{
    struct init_producer_id_request request;
    init_producer_id_request_init(&request);
    request.transactional_id = (struct bytes){0};
    request.transaction_timeout_ms = TIMEOUT_MS;
    client_init_producer_id(client, call, INIT_PRODUCER_ID_VERSION, &request);
}

enum status client_new_producer_taken(struct client_call *call, int16_t *error,
                                      struct client_producer *producer)
{
    struct init_producer_id_response response;
    enum status status = client_init_producer_id_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    *error = response.error_code;
    *producer = (struct client_producer){response.producer_id, response.producer_epoch};
    return STATUS_OK;
}

/* The call's own copy, so that the caller need not keep the batch. */
static struct bytes keep(struct client_call *call, struct bytes batch)
{
    char *copy = arena_copy_text(&call->arena, batch.data, batch.size);
    assert(copy != NULL);
    return bytes_of(copy, batch.size);
}

void client_produce_batch(struct client *client, struct client_call *call,
                          const struct client_produce *produce)
{
    struct bytes batch = keep(call, produce->batch);
    struct produce_request_partition partition;
    produce_request_partition_init(&partition);
    partition.index = produce->partition.index;
    partition.records =
        (struct records_field){.pieces = &batch, .piece_count = 1, .size = batch.size};
    struct produce_request_topic topic;
    produce_request_topic_init(&topic);
    topic.name = produce->partition.topic;
    topic.topic_id = produce->partition.topic_id;
    topic.partition_data = &partition;
    topic.partition_data_count = 1;
    struct produce_request request;
    produce_request_init(&request);
    request.acks = produce->acks;
    request.timeout_ms = TIMEOUT_MS;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    call->has_no_answer = produce->acks == CLIENT_ACKS_NONE;
    client_produce(client, call, produce->version == 0 ? PRODUCE_VERSION_NEWEST : produce->version,
                   &request);
}

enum status client_produced_taken(struct client_call *call, struct client_produced *produced)
{
    struct produce_response response;
    enum status status = client_produce_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    if (response.responses_count != 1 || response.responses[0].partition_responses_count != 1)
        return STATUS_MALFORMED;
    const struct produce_response_partition *partition =
        &response.responses[0].partition_responses[0];
    *produced = (struct client_produced){
        .error = partition->error_code,
        .base_offset = partition->base_offset,
        .log_append_time_ms = partition->log_append_time_ms,
        .log_start_offset = partition->log_start_offset,
    };
    return STATUS_OK;
}

/* --- Fetching --------------------------------------------------------------------------------- */

void client_fetch_partition(struct client *client, struct client_call *call,
                            const struct client_fetch *fetch)
{
    struct fetch_request_partition partition;
    fetch_request_partition_init(&partition);
    partition.partition = fetch->partition.index;
    partition.fetch_offset = fetch->offset;
    partition.partition_max_bytes = fetch->max_bytes == 0 ? FETCH_BYTES : fetch->max_bytes;
    struct fetch_request_topic topic;
    fetch_request_topic_init(&topic);
    topic.topic = fetch->partition.topic;
    topic.topic_id = fetch->partition.topic_id;
    topic.partitions = &partition;
    topic.partitions_count = 1;
    struct fetch_request request;
    fetch_request_init(&request);
    request.max_wait_ms = fetch->wait_ms;
    request.min_bytes = fetch->min_bytes;
    request.max_bytes = partition.partition_max_bytes;
    request.topics = &topic;
    request.topics_count = 1;
    client_fetch(client, call, fetch->version == 0 ? FETCH_VERSION_NEWEST : fetch->version,
                 &request);
}

static struct bytes records_of(const struct records_field *records)
{
    return records->piece_count == 0 ? (struct bytes){0} : records->pieces[0];
}

enum status client_fetched_taken(struct client_call *call, struct client_fetched *fetched)
{
    struct fetch_response response;
    enum status status = client_fetch_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    *fetched = (struct client_fetched){.error = response.error_code};
    if (response.error_code != KAFKA_NONE)
        return STATUS_OK;
    if (response.responses_count != 1 || response.responses[0].partitions_count != 1)
        return STATUS_MALFORMED;
    const struct fetch_response_partition *partition = &response.responses[0].partitions[0];
    *fetched = (struct client_fetched){
        .error = partition->error_code,
        .high_watermark = partition->high_watermark,
        .log_start_offset = partition->log_start_offset,
        .records = records_of(&partition->records),
    };
    return STATUS_OK;
}

/* --- Deleting --------------------------------------------------------------------------------- */

void client_delete_before(struct client *client, struct client_call *call,
                          const struct client_partition *partition, int64_t offset)
{
    struct delete_records_request_partition wanted = {.partition_index = partition->index,
                                                      .offset = offset};
    struct delete_records_request_topic topic = {
        .name = partition->topic, .partitions = &wanted, .partitions_count = 1};
    struct delete_records_request request;
    delete_records_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    client_delete_records(client, call, DELETE_RECORDS_REQUEST_VERSION_MAX, &request);
}

enum status client_trimmed_taken(struct client_call *call, struct client_trimmed *trimmed)
{
    struct delete_records_response response;
    enum status status = client_delete_records_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    if (response.topics_count != 1 || response.topics[0].partitions_count != 1)
        return STATUS_MALFORMED;
    const struct delete_records_response_partition *partition = &response.topics[0].partitions[0];
    *trimmed = (struct client_trimmed){partition->error_code, partition->low_watermark};
    return STATUS_OK;
}

/* --- Offsets ---------------------------------------------------------------------------------- */

void client_list_offset(struct client *client, struct client_call *call,
                        const struct client_partition *partition, int64_t timestamp)
{
    struct list_offsets_request_partition wanted;
    list_offsets_request_partition_init(&wanted);
    wanted.partition_index = partition->index;
    wanted.timestamp = timestamp;
    struct list_offsets_request_topic topic;
    list_offsets_request_topic_init(&topic);
    topic.name = partition->topic;
    topic.partitions = &wanted;
    topic.partitions_count = 1;
    struct list_offsets_request request;
    list_offsets_request_init(&request);
    request.replica_id = -1;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    client_list_offsets(client, call, LIST_OFFSETS_VERSION, &request);
}

enum status client_listed_taken(struct client_call *call, struct client_listed *listed)
{
    struct list_offsets_response response;
    enum status status = client_list_offsets_answer(call, &response);
    if (status != STATUS_OK)
        return status;
    if (response.topics_count != 1 || response.topics[0].partitions_count != 1)
        return STATUS_MALFORMED;
    const struct list_offsets_response_partition *partition = &response.topics[0].partitions[0];
    *listed = (struct client_listed){
        .error = partition->error_code,
        .offset = partition->offset,
        .timestamp = partition->timestamp,
        .leader_epoch = partition->leader_epoch,
    };
    return STATUS_OK;
}
