/* Topics: how they come and go, and what can be asked about their offsets. */
#include "tests/broker/server_cases.h"

static struct asked *ask_metadata(struct server *server, struct client *client, int16_t version,
                                  struct bytes name, bool may_create)
{
    struct asked *asked = server_ask(server);
    struct metadata_request_topic topic;
    metadata_request_topic_init(&topic);
    topic.name = name;
    struct metadata_request request;
    metadata_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.allow_auto_topic_creation = may_create;
    client_metadata(client, &asked->call, version, &request);
    return asked;
}

static struct metadata_response metadata_of(struct server *server, struct asked *asked)
{
    struct metadata_response response;
    server_answered(server, asked);
    assert_int_equal(client_metadata_answer(&asked->call, &response), STATUS_OK);
    assert_int_equal(response.brokers_count, 1);
    assert_int_equal(response.topics_count, 1);
    return response;
}

/* A topic that is asked for is made on the way, with num.partitions; unless the client says no. */
static void metadata_makes_missing_topics(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct bytes name = bytes_of_text("made-on-the-way");
    struct metadata_response response =
        metadata_of(server, ask_metadata(server, client, 13, name, false));
    assert_int_equal(response.topics[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    response = metadata_of(server, ask_metadata(server, client, 13, name, true));
    assert_int_equal(response.topics[0].error_code, KAFKA_NONE);
    assert_int_equal(response.topics[0].partitions_count, 3);
    assert_int_equal(response.brokers[0].port, server->port);
    struct client_partition topic = {name, response.topics[0].topic_id, 2};
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){0}), 0);
    name = bytes_of_text("not/a/name");
    response = metadata_of(server, ask_metadata(server, client, 13, name, true));
    assert_int_equal(response.topics[0].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
}

/* A topic without a name and without an id is refused, in every version that can say it. */
static void metadata_refuses_what_has_no_name(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    for (int16_t version = 10; version <= 13; version++) {
        for (int may_create = 0; may_create <= 1; may_create++) {
            struct metadata_response response = metadata_of(
                server, ask_metadata(server, client, version, (struct bytes){0}, may_create != 0));
            assert_int_equal(response.topics[0].error_code, KAFKA_INVALID_REQUEST);
        }
    }
}

/* Many who ask for one missing topic at once get the same one. */
static void one_topic_is_made_for_all(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct bytes name = bytes_of_text("wanted-by-all");
    struct asked *asked[6];
    struct uuid id = UUID_NONE;
    for (uint32_t i = 0; i < 6; i++)
        asked[i] = ask_metadata(server, server_client(server), 12, name, true);
    for (uint32_t i = 0; i < 6; i++) {
        struct metadata_response response = metadata_of(server, asked[i]);
        assert_int_equal(response.topics[0].error_code, KAFKA_NONE);
        assert_true(i == 0 || uuid_equal(id, response.topics[0].topic_id));
        id = response.topics[0].topic_id;
    }
}

/* Of two who create one name at once, one wins. */
static void one_of_two_creates_wins(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct asked *asked[2];
    uint32_t won_count = 0;
    for (uint32_t i = 0; i < 2; i++) {
        asked[i] = server_ask(server);
        client_create_topic(server_client(server), &asked[i]->call, bytes_of_text("contested"), 1);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct client_created created;
        server_answered(server, asked[i]);
        assert_int_equal(client_created_taken(&asked[i]->call, &created), STATUS_OK);
        assert_true(created.error == KAFKA_NONE || created.error == KAFKA_TOPIC_ALREADY_EXISTS);
        won_count += created.error == KAFKA_NONE;
    }
    assert_int_equal(won_count, 1);
}

/* After a topic is deleted its name is unknown and so is its id; one of the same name begins empty
 * under another id. */
static void a_topic_made_again_is_another(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *client = server_client(server);
    struct client_partition former = server_create(server, client, "phoenix", 3);
    for (former.index = 0; former.index < 3; former.index++)
        server_put(server, client, former, &(struct server_batch){.record_count = 4});
    former.index = 1;
    assert_int_equal(server_delete(server, client, former.topic), KAFKA_NONE);
    assert_int_equal(server_delete(server, client, former.topic), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(server_list(server, client, former, CLIENT_LATEST).error,
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);

    struct client_partition latter = server_create(server, client, "phoenix", 3);
    assert_false(uuid_equal(former.topic_id, latter.topic_id));
    struct client_fetched fetched =
        server_fetched(server, server_fetch(server, client, former, 0, 0));
    assert_int_equal(fetched.error, KAFKA_UNKNOWN_TOPIC_ID);
    struct bytes batch = server_make(server, &(struct server_batch){0});
    struct client_produced produced =
        server_produced(server, server_produce(server, client, former, batch));
    assert_int_equal(produced.error, KAFKA_UNKNOWN_TOPIC_ID);
    for (latter.index = 0; latter.index < 3; latter.index++)
        assert_int_equal(server_put(server, client, latter, &(struct server_batch){0}), 0);
}

/* Sends batches, and after `delay` of them the deletion of their topic, by another connection. */
static void delete_under_way(struct server *server, int16_t acks, uint32_t delay)
{
    enum { BATCH_COUNT = 60 };
    struct client *client = server_client(server);
    struct client *eraser = server_client(server);
    struct client_partition topic = server_topic(server, eraser, 3);
    struct bytes batch = server_make(server, &(struct server_batch){.value_size = 5000});
    struct asked *asked[BATCH_COUNT];
    struct asked *deleted = server_ask(server);
    for (uint32_t i = 0; i < BATCH_COUNT; i++) {
        topic.index = (int32_t)(i % 3);
        asked[i] = server_ask(server);
        const struct client_produce produce = {.partition = topic, .acks = acks, .batch = batch};
        client_produce_batch(client, &asked[i]->call, &produce);
        if (i == delay)
            client_delete_topic(eraser, &deleted->call, topic.topic);
    }
    for (uint32_t i = 0; i < BATCH_COUNT; i++) {
        int16_t error = server_produced(server, asked[i]).error;
        assert_true(error == KAFKA_NONE || error == KAFKA_UNKNOWN_TOPIC_OR_PARTITION ||
                    error == KAFKA_UNKNOWN_TOPIC_ID || error == KAFKA_NOT_LEADER_OR_FOLLOWER);
    }
    server_answered(server, deleted);
}

/* A topic that is deleted while batches are on their way to it: each is answered, with an offset or
 * an error. */
static void deletion_meets_batches_under_way(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    for (uint32_t delay = 0; delay < 30; delay += 3) {
        delete_under_way(server, CLIENT_ACKS_ALL, delay);
        delete_under_way(server, CLIENT_ACKS_LEADER, delay);
    }
}

/* Offsets by name and by time: the ends, the first record at or after a time, none, and the one
 * with the greatest timestamp. */
static void offsets_are_found(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct client_listed listed = server_list(server, client, topic, CLIENT_EARLIEST);
    assert_int_equal(listed.offset, 0);
    listed = server_list(server, client, topic, CLIENT_MAX_TIMESTAMP);
    assert_int_equal(listed.offset, -1);
    int64_t now_ms = io_wall_ms(server->doors[0]);
    for (int64_t i = 0; i < 3; i++)
        server_put(
            server, client, topic,
            &(struct server_batch){.record_count = 5, .timestamp_ms = now_ms + 100 * (i % 2)});
    listed = server_list(server, client, topic, CLIENT_LATEST);
    assert_int_equal(listed.offset, 15);
    listed = server_list(server, client, topic, now_ms + 3);
    assert_int_equal(listed.offset, 3);
    assert_int_equal(listed.timestamp, now_ms + 3);
    listed = server_list(server, client, topic, now_ms + 50);
    assert_int_equal(listed.offset, 5);
    listed = server_list(server, client, topic, now_ms + 1000);
    assert_int_equal(listed.error, KAFKA_NONE);
    assert_int_equal(listed.offset, -1);
    listed = server_list(server, client, topic, CLIENT_MAX_TIMESTAMP);
    assert_int_equal(listed.offset, 9);
    assert_int_equal(listed.timestamp, now_ms + 104);
}

static struct offset_for_leader_epoch_response_partition ask_epoch(struct server *server,
                                                                   struct client *client,
                                                                   struct client_partition topic,
                                                                   int32_t current_epoch,
                                                                   int32_t epoch)
{
    struct asked *asked = server_ask(server);
    struct offset_for_leader_epoch_request_partition partition;
    offset_for_leader_epoch_request_partition_init(&partition);
    partition.partition = topic.index;
    partition.current_leader_epoch = current_epoch;
    partition.leader_epoch = epoch;
    struct offset_for_leader_epoch_request_topic named;
    offset_for_leader_epoch_request_topic_init(&named);
    named.topic = topic.topic;
    named.partitions = &partition;
    named.partitions_count = 1;
    struct offset_for_leader_epoch_request request;
    offset_for_leader_epoch_request_init(&request);
    request.topics = &named;
    request.topics_count = 1;
    client_offset_for_leader_epoch(client, &asked->call, 4, &request);
    struct offset_for_leader_epoch_response response;
    server_answered(server, asked);
    assert_int_equal(client_offset_for_leader_epoch_answer(&asked->call, &response), STATUS_OK);
    assert_int_equal(response.topics_count, 1);
    return response.topics[0].partitions[0];
}

/* The end of the leader's own epoch is the log's end, never below what the consumer has; other
 * epochs are fenced or unknown. */
static void leader_epochs_end_where_the_log_does(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.record_count = 7});
    int32_t epoch = server_list(server, client, topic, CLIENT_LATEST).leader_epoch;
    assert_true(epoch >= 0);
    struct offset_for_leader_epoch_response_partition answer =
        ask_epoch(server, client, topic, epoch, epoch);
    assert_int_equal(answer.error_code, KAFKA_NONE);
    assert_int_equal(answer.end_offset, 7);
    assert_int_equal(answer.leader_epoch, epoch);
    answer = ask_epoch(server, client, topic, epoch + 1, epoch);
    assert_int_equal(answer.error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
    topic.index = 4;
    answer = ask_epoch(server, client, topic, epoch, epoch);
    assert_int_equal(answer.error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

/* Partitions are described in pages, each beginning where the one before has ended. */
static void descriptions_come_in_pages(void **state)
{
    enum { PARTITIONS = 7, PAGE = 3 };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, PARTITIONS);
    struct describe_topic_partitions_request_topic named = {.name = topic.topic};
    struct describe_topic_partitions_request_cursor cursor = {.topic_name = topic.topic};
    struct describe_topic_partitions_request request;
    describe_topic_partitions_request_init(&request);
    request.topics = &named;
    request.topics_count = 1;
    request.response_partition_limit = PAGE;
    for (int32_t next = 0; next < PARTITIONS; next += PAGE) {
        struct asked *asked = server_ask(server);
        struct describe_topic_partitions_response response;
        client_describe_topic_partitions(client, &asked->call, 0, &request);
        server_answered(server, asked);
        assert_int_equal(client_describe_topic_partitions_answer(&asked->call, &response),
                         STATUS_OK);
        assert_int_equal(response.topics_count, 1);
        assert_int_equal(response.topics[0].partitions[0].partition_index, next);
        int32_t left = PARTITIONS - next;
        assert_int_equal(response.topics[0].partitions_count, left < PAGE ? left : PAGE);
        assert_int_equal(response.next_cursor != NULL, left > PAGE);
        cursor.partition_index = next + PAGE;
        request.cursor = &cursor;
    }
}

uint32_t server_topics_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(metadata_makes_missing_topics),
        SERVER_CASE(metadata_refuses_what_has_no_name),
        SERVER_CASE(one_topic_is_made_for_all),
        SERVER_CASE(one_of_two_creates_wins),
        SERVER_CASE(a_topic_made_again_is_another),
        SERVER_CASE(deletion_meets_batches_under_way),
        SERVER_CASE(offsets_are_found),
        SERVER_CASE(leader_epochs_end_where_the_log_does),
        SERVER_CASE(descriptions_come_in_pages),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
