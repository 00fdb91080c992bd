/* Leader epochs in requests (KIP-320): whoever knows an older one is fenced, whoever knows a newer
 * one is ahead of this broker. */
#include "broker/broker_parts.h"
#include "replication/replica_manager.h"
#include "tests/broker/server_cases.h"
#include "tests/broker/server_wishes.h"

enum { EPOCH = 5 };

/* One broker alone is elected once; so the partition is told of a later election by hand, between
 * two turns of its core. */
static void elect_again(struct server *server, struct client_partition topic)
{
    const struct broker_core *core =
        roster_core(&server->broker->roster, server_core_of(server, topic));
    struct partition *partition =
        replica_manager_find(&core->replicas, topic.topic_id, topic.index);
    const int32_t in_sync[] = {server->broker->roster.node_id};
    assert_non_null(partition);
    partition_lead(partition, EPOCH, in_sync, 1);
}

static struct client_partition topic_with_epoch(struct server *server, struct client *client)
{
    struct client_partition topic = server_topic(server, client, 1);
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){.record_count = 3}),
                     0);
    elect_again(server, topic);
    return topic;
}

static int16_t fetch_with(struct server *server, struct client *client,
                          struct client_partition topic, int32_t epoch)
{
    struct wishes wishes;
    wishes_init(&wishes, topic, 1);
    wishes.partitions[0].current_leader_epoch = epoch;
    struct fetch_response response = wishes_ask(&wishes, server, client);
    const struct fetch_response_partition *partition = &response.responses[0].partitions[0];
    assert_int_equal(partition->records.size > 0, partition->error_code == KAFKA_NONE);
    wishes_deinit(&wishes);
    return partition->error_code;
}

static int16_t list_with(struct server *server, struct client *client,
                         struct client_partition topic, int32_t epoch)
{
    struct list_offsets_request_partition partition;
    list_offsets_request_partition_init(&partition);
    partition.current_leader_epoch = epoch;
    partition.timestamp = CLIENT_LATEST;
    struct list_offsets_request_topic named = {
        .name = topic.topic, .partitions = &partition, .partitions_count = 1};
    struct list_offsets_request request;
    list_offsets_request_init(&request);
    request.replica_id = -1;
    request.topics = &named;
    request.topics_count = 1;
    struct asked *asked = server_ask(server);
    struct list_offsets_response response;
    client_list_offsets(client, &asked->call, 8, &request);
    server_answered(server, asked);
    assert_int_equal(client_list_offsets_answer(&asked->call, &response), STATUS_OK);
    const struct list_offsets_response_partition *answer = &response.topics[0].partitions[0];
    assert_int_equal(answer->offset, answer->error_code == KAFKA_NONE ? 3 : -1);
    return answer->error_code;
}

static struct offset_for_leader_epoch_response_partition epoch_end(struct server *server,
                                                                   struct client *client,
                                                                   struct client_partition topic,
                                                                   int32_t current_epoch,
                                                                   int32_t epoch)
{
    struct offset_for_leader_epoch_request_partition partition;
    offset_for_leader_epoch_request_partition_init(&partition);
    partition.current_leader_epoch = current_epoch;
    partition.leader_epoch = epoch;
    struct offset_for_leader_epoch_request_topic named = {
        .topic = topic.topic, .partitions = &partition, .partitions_count = 1};
    struct offset_for_leader_epoch_request request;
    offset_for_leader_epoch_request_init(&request);
    request.topics = &named;
    request.topics_count = 1;
    struct asked *asked = server_ask(server);
    struct offset_for_leader_epoch_response response;
    client_offset_for_leader_epoch(client, &asked->call, 4, &request);
    server_answered(server, asked);
    assert_int_equal(client_offset_for_leader_epoch_answer(&asked->call, &response), STATUS_OK);
    return response.topics[0].partitions[0];
}

/* Fetch, ListOffsets and OffsetForLeaderEpoch refuse older and newer epochs alike, serve the
 * present one, and let through who sends none. */
static void other_epochs_are_refused(void **state)
{
    static const struct {
        int32_t epoch;
        int16_t error;
    } known[] = {
        {EPOCH - 1, KAFKA_FENCED_LEADER_EPOCH},
        {0, KAFKA_FENCED_LEADER_EPOCH},
        {EPOCH, KAFKA_NONE},
        {-1, KAFKA_NONE},
        {EPOCH + 1, KAFKA_UNKNOWN_LEADER_EPOCH},
    };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = topic_with_epoch(server, client);
    for (uint32_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int32_t epoch = known[i].epoch;
        assert_int_equal(fetch_with(server, client, topic, epoch), known[i].error);
        assert_int_equal(list_with(server, client, topic, epoch), known[i].error);
        assert_int_equal(epoch_end(server, client, topic, epoch, EPOCH).error_code, known[i].error);
    }
}

/* An earlier epoch ends where the next began to write; the present one where the log does, whether
 * anything was written in it or not; of a later one nothing is known. */
static void earlier_epochs_end_where_later_ones_begin(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = topic_with_epoch(server, client);
    assert_int_equal(epoch_end(server, client, topic, EPOCH, EPOCH).end_offset, 3);
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){.record_count = 4}),
                     3);
    struct offset_for_leader_epoch_response_partition end =
        epoch_end(server, client, topic, EPOCH, EPOCH - 1);
    assert_int_equal(end.end_offset, 3);
    assert_int_equal(end.leader_epoch, 0);
    end = epoch_end(server, client, topic, EPOCH, EPOCH);
    assert_int_equal(end.end_offset, 7);
    assert_int_equal(end.leader_epoch, EPOCH);
    end = epoch_end(server, client, topic, -1, EPOCH + 1);
    assert_int_equal(end.error_code, KAFKA_NONE);
    assert_int_equal(end.end_offset, -1);
    assert_int_equal(end.leader_epoch, -1);
}

/* A consumer whose last epoch ended before its offset is told where the two agree, and gets no
 * records (KIP-595). */
static void divergence_is_told_with_the_fetch(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = topic_with_epoch(server, client);
    server_put(server, client, topic, &(struct server_batch){.record_count = 4});
    struct wishes wishes;
    wishes_init(&wishes, topic, 1);
    wishes.partitions[0].fetch_offset = 5;
    wishes.partitions[0].last_fetched_epoch = 0;
    struct fetch_response response = wishes_ask(&wishes, server, client);
    const struct fetch_response_partition *partition = &response.responses[0].partitions[0];
    assert_int_equal(partition->error_code, KAFKA_NONE);
    assert_int_equal(partition->records.size, 0);
    assert_int_equal(partition->diverging_epoch.epoch, 0);
    assert_int_equal(partition->diverging_epoch.end_offset, 3);
    wishes.partitions[0].last_fetched_epoch = EPOCH;
    response = wishes_ask(&wishes, server, client);
    assert_true(response.responses[0].partitions[0].records.size > 0);
    wishes_deinit(&wishes);
}

uint32_t server_epochs_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(other_epochs_are_refused),
        SERVER_CASE(earlier_epochs_end_where_later_ones_begin),
        SERVER_CASE(divergence_is_told_with_the_fetch),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
