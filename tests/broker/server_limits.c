/* What is full makes its source wait, and what was held back goes on later. */
#include "tests/broker/server_cases.h"

enum { MIB = 1024 * 1024 };

/* More requests than a connection may have under way wait in its socket until earlier ones are
 * answered; then all are. */
static void too_many_requests_wait_their_turn(void **state)
{
    enum { REQUEST_COUNT = 200 };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client *writer = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct asked *asked[REQUEST_COUNT];
    asked[0] = server_fetch(server, client, topic, 0, 600 * 1000);
    struct bytes batch = server_make(server, &(struct server_batch){0});
    for (uint32_t i = 1; i < REQUEST_COUNT; i++)
        asked[i] = server_produce(server, client, topic, batch);
    server_linger(server, 20);
    assert_false(asked[REQUEST_COUNT - 1]->has_landed);
    server_put(server, writer, topic, &(struct server_batch){0});
    for (uint32_t i = 0; i < REQUEST_COUNT; i++)
        server_answered(server, asked[i]);
    assert_int_equal(server_list(server, client, topic, CLIENT_LATEST).offset, REQUEST_COUNT);
}

/* With hardly any memory batches of many producers take longer, but each is written. */
static void little_memory_is_slow_not_wrong(void **state)
{
    enum { PRODUCER_COUNT = 6, BATCH_COUNT = 8 };
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 2, .memory_bytes = 32 * MIB});
    struct client_partition topic = server_topic(server, server_client(server), 4);
    struct bytes batch = server_make(server, &(struct server_batch){.value_size = 900000});
    struct asked *asked[PRODUCER_COUNT][BATCH_COUNT];
    for (uint32_t p = 0; p < PRODUCER_COUNT; p++) {
        struct client *client = server_client(server);
        topic.index = (int32_t)p % 4;
        for (uint32_t i = 0; i < BATCH_COUNT; i++)
            asked[p][i] = server_produce(server, client, topic, batch);
    }
    for (uint32_t p = 0; p < PRODUCER_COUNT; p++)
        for (uint32_t i = 0; i < BATCH_COUNT; i++)
            assert_int_equal(server_produced(server, asked[p][i]).error, KAFKA_NONE);
    int64_t total = 0;
    struct client *reader = server_client(server);
    for (topic.index = 0; topic.index < 4; topic.index++)
        total += server_list(server, reader, topic, CLIENT_LATEST).offset;
    assert_int_equal(total, PRODUCER_COUNT * BATCH_COUNT);
}

/* A client that does not read its answers holds nobody up but itself, and gets them all when it
 * reads again. */
static void a_deaf_client_waits_for_itself(void **state)
{
    enum { FETCH_COUNT = 40 };
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 1});
    struct client *deaf = server_client(server);
    struct client *other = server_client(server);
    struct client_partition topic = server_topic(server, other, 1);
    server_put(server, other, topic, &(struct server_batch){.value_size = 900000});
    server_answered(server, server_fetch(server, deaf, topic, 0, 0));
    client_set_deaf(deaf, true);
    struct asked *asked[FETCH_COUNT];
    for (uint32_t i = 0; i < FETCH_COUNT; i++)
        asked[i] = server_fetch(server, deaf, topic, 0, 0);
    server_linger(server, 10);
    for (int32_t i = 1; i < 4; i++) {
        assert_int_equal(server_put(server, other, topic, &(struct server_batch){0}), i);
        server_answered(server, server_fetch(server, other, topic, 0, 0));
    }
    assert_false(asked[FETCH_COUNT - 1]->has_landed);
    client_set_deaf(deaf, false);
    for (uint32_t i = 0; i < FETCH_COUNT; i++)
        assert_true(server_count(server_fetched(server, asked[i]).records) >= 1);
}

/* A deaf client that goes away leaves its answers behind; their memory comes back. */
static void a_deaf_client_may_go(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *other = server_client(server);
    struct client_partition topic = server_topic(server, other, 1);
    server_put(server, other, topic, &(struct server_batch){.value_size = 900000});
    for (uint32_t round = 0; round < 3; round++) {
        struct client *deaf = server_client(server);
        server_answered(server, server_fetch(server, deaf, topic, 0, 0));
        client_set_deaf(deaf, true);
        struct asked *asked = NULL;
        for (uint32_t i = 0; i < 20; i++)
            asked = server_fetch(server, deaf, topic, 0, 0);
        server_linger_sent(server, deaf);
        client_disconnect(deaf);
        server_expect_closed(server, asked);
    }
    server_answered(server, server_fetch(server, other, topic, 0, 0));
    server_stop(server);
}

/* A request may be as large as socket.request.max.bytes. */
static void large_requests_are_taken(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.sets = {"message.max.bytes=40000000"}});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 2);
    for (uint32_t i = 0; i < 2; i++) {
        topic.index = (int32_t)i;
        server_put(server, client, topic, &(struct server_batch){.value_size = 20000000 + i});
        struct asked *asked = server_ask(server);
        const struct client_fetch fetch = {.partition = topic, .max_bytes = 1, .min_bytes = 1};
        client_fetch_partition(client, &asked->call, &fetch);
        assert_int_equal(server_count(server_fetched(server, asked).records), 1);
    }
}

/* A request may name more partitions than fit into 16 bits; each is answered. */
static void requests_may_name_very_many_partitions(void **state)
{
    enum { PARTITION_COUNT = 70000 };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 2);
    struct list_offsets_request_partition *partitions =
        arena_allocate_array(&server->arena, PARTITION_COUNT, sizeof *partitions);
    assert_non_null(partitions);
    for (int32_t i = 0; i < PARTITION_COUNT; i++) {
        list_offsets_request_partition_init(&partitions[i]);
        partitions[i].partition_index = i;
        partitions[i].timestamp = CLIENT_LATEST;
    }
    struct list_offsets_request_topic named = {
        .name = topic.topic, .partitions = partitions, .partitions_count = PARTITION_COUNT};
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
    assert_int_equal(response.topics[0].partitions_count, PARTITION_COUNT);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++) {
        bool is_there = i < 2;
        assert_int_equal(response.topics[0].partitions[i].error_code,
                         is_there ? KAFKA_NONE : KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
        assert_int_equal(response.topics[0].partitions[i].offset, is_there ? 0 : -1);
    }
}

/* When all places of all cores are taken, it is told once how many that are; who comes then waits,
 * and is served when others have gone. */
static void a_client_beyond_the_last_place_waits(void **state)
{
    enum { CORE_COUNT = 2, OPEN_FILES_MAX = 12, PLACE_COUNT = 4 };
    struct server *server = *state;
    server_start(
        server, &(struct server_shape){.core_count = CORE_COUNT, .open_files_max = OPEN_FILES_MAX});
    struct logger *logger = io_logger(server->doors[0]);
    struct logger own = *logger;
    *logger = server->logger;
    struct client *inside[PLACE_COUNT] = {server_client(server)};
    struct client_partition topic = server_topic(server, inside[0], 1);
    for (uint32_t i = 1; i < PLACE_COUNT; i++) {
        inside[i] = server_client(server);
        server_list(server, inside[i], topic, CLIENT_LATEST);
    }
    struct asked *asked[2] = {server_fetch(server, server_client(server), topic, 0, 0),
                              server_fetch(server, server_client(server), topic, 0, 0)};
    server_linger(server, 10);
    *logger = own;
    assert_false(asked[0]->has_landed || asked[1]->has_landed);
    const char *told = strstr(server->log_text, "more clients wait until one has gone");
    assert_non_null(told);
    assert_non_null(strstr(told, "connections=4"));
    assert_null(strstr(told + 1, "more clients wait"));
    client_disconnect(inside[1]);
    client_disconnect(inside[2]);
    server_answered(server, asked[0]);
    server_answered(server, asked[1]);
}

uint32_t server_limits_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(too_many_requests_wait_their_turn),
        SERVER_CASE(little_memory_is_slow_not_wrong),
        SERVER_CASE(a_deaf_client_waits_for_itself),
        SERVER_CASE(a_deaf_client_may_go),
        SERVER_CASE(large_requests_are_taken),
        SERVER_CASE(requests_may_name_very_many_partitions),
        SERVER_CASE(a_client_beyond_the_last_place_waits),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
