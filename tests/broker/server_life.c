/* Starting, stopping, and what is left of one life in the next. */
#include "tests/broker/server_cases.h"

/* A broker on an empty directory starts, serves nobody, and stops. */
static void starts_on_an_empty_directory(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    server_stop(server);
    server_start(server, &(struct server_shape){.core_count = 1});
    server_stop(server);
}

/* Topics, records and what is known of producers outlive a clean stop, also with another number of
 * cores. */
static void restart_keeps_everything(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 3);
    struct client_producer producer = server_producer(server, client);
    struct server_batch batch = {.record_count = 2, .producer = &producer};
    for (topic.index = 0; topic.index < 3; topic.index++)
        assert_int_equal(server_put(server, client, topic, &batch), 0);
    server_stop(server);

    server_start(server, &(struct server_shape){.core_count = 3});
    client = server_client(server);
    for (topic.index = 0; topic.index < 3; topic.index++) {
        struct client_fetched fetched =
            server_fetched(server, server_fetch(server, client, topic, 0, 0));
        assert_int_equal(fetched.error, KAFKA_NONE);
        assert_int_equal(fetched.high_watermark, 2);
        assert_int_equal(server_count(fetched.records), 2);
        assert_int_equal(server_put(server, client, topic, &batch), 0);
        assert_int_equal(server_list(server, client, topic, CLIENT_LATEST).offset, 2);
    }
    server_stop(server);
}

static uint32_t parked_count(const struct server *server)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < server->core_count; i++) {
        const struct op *op;
        list_for_each_entry (op, &io_ops(server->doors[i])->in_flight, node)
            count += strcmp(op->kind->name, "fetch") == 0 && strcmp(op_stage_name(op), "park") == 0;
    }
    return count;
}

/* A fetch that waits is answered when the broker stops, and does not hold it up. */
static void a_stop_ends_long_polls(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 3);
    struct asked *fetches[3];
    for (topic.index = 0; topic.index < 3; topic.index++)
        fetches[topic.index] = server_fetch(server, server_client(server), topic, 0, 600 * 1000);
    while (parked_count(server) < 3)
        server_linger(server, 1);
    bool has_stopped;
    uint64_t began_ms = server_now_ms(server);
    server_begin_stop(server, &has_stopped);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(server_fetched(server, fetches[i]).records.size, 0);
    server_turn_until(server, &has_stopped);
    assert_true(server_now_ms(server) - began_ms < 5000);
    server_bury(server);
}

/* What has been asked for when the broker stops is answered or the connection closed; what was
 * answered is there in the next life, in order. */
static void a_stop_under_load_loses_nothing(void **state)
{
    enum { BATCH_COUNT = 60 };
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *clients[3];
    for (uint32_t i = 0; i < 3; i++)
        clients[i] = server_client(server);
    struct client_partition topic = server_topic(server, clients[0], 3);
    struct bytes batch = server_make(server, &(struct server_batch){.value_size = 3000});
    struct asked *asked[BATCH_COUNT];
    for (int32_t i = 0; i < BATCH_COUNT; i++) {
        topic.index = i % 3;
        asked[i] = server_produce(server, clients[i % 3], topic, batch);
    }
    server_answered(server, asked[0]);
    bool has_stopped;
    server_begin_stop(server, &has_stopped);
    server_turn_until(server, &has_stopped);
    int64_t answered[3] = {0};
    for (int32_t i = 0; i < BATCH_COUNT; i++) {
        if (!asked[i]->has_landed || asked[i]->result != STATUS_OK)
            continue;
        struct client_produced produced = server_produced(server, asked[i]);
        answered[i % 3] += produced.error == KAFKA_NONE;
    }
    server_bury(server);

    server_start(server, NULL);
    struct client *reader = server_client(server);
    for (topic.index = 0; topic.index < 3; topic.index++) {
        int64_t end_offset = server_list(server, reader, topic, CLIENT_LATEST).offset;
        assert_true(end_offset >= answered[topic.index]);
    }
}

/* A port that somebody else listens on refuses the start; when it is free again, all is well. */
static void a_taken_port_refuses_the_start(void **state)
{
    struct server *server = *state;
    struct io_address address;
    int32_t listener;
    server_open(server, NULL);
    assert_int_equal(io_address_parse(server->harness->host, server->harness->port, &address),
                     STATUS_OK);
    assert_int_equal(io_listen(server->doors[0], &address, &listener), STATUS_OK);
    assert_int_equal(server_create_broker(server, address.port), STATUS_IN_USE);
    assert_null(server->broker);
    io_close_listener(server->doors[0], listener);
    assert_int_equal(server_create_broker(server, address.port), STATUS_OK);
    server_serve(server);
    server_topic(server, server_client(server), 1);
}

uint32_t server_life_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(starts_on_an_empty_directory),   SERVER_CASE(restart_keeps_everything),
        SERVER_CASE(a_stop_ends_long_polls),         SERVER_CASE(a_stop_under_load_loses_nothing),
        SERVER_CASE(a_taken_port_refuses_the_start),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
