/* Producing: order, acknowledgements, and producers that repeat themselves. */
#include "tests/broker/server_cases.h"

enum { PIPELINED_COUNT = 40, PARTITION_COUNT = 6 };

/* Batches that one connection sends without waiting keep their order in every partition, whatever
 * core that lives on, and fetches between them are answered in their turn. */
static void pipelined_requests_keep_their_order(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, PARTITION_COUNT);
    struct asked *produces[PIPELINED_COUNT];
    struct asked *fetches[PIPELINED_COUNT];
    for (int32_t i = 0; i < PIPELINED_COUNT; i++) {
        const struct server_batch batch = {.record_count = 1 + (uint32_t)i % 3};
        topic.index = i % PARTITION_COUNT;
        produces[i] = server_produce(server, client, topic, server_make(server, &batch));
        fetches[i] = server_fetch(server, client, topic, 0, 0);
    }
    int64_t next_offsets[PARTITION_COUNT] = {0};
    for (int32_t i = 0; i < PIPELINED_COUNT; i++) {
        struct client_produced produced = server_produced(server, produces[i]);
        assert_int_equal(produced.error, KAFKA_NONE);
        assert_int_equal(produced.base_offset, next_offsets[i % PARTITION_COUNT]);
        next_offsets[i % PARTITION_COUNT] += 1 + i % 3;
        assert_int_equal(server_fetched(server, fetches[i]).error, KAFKA_NONE);
    }
}

/* Requests of any size, small behind large and large behind small, come in whole and in order,
 * wherever the memory that they are received into happens to end. */
static void requests_of_all_sizes_follow_each_other(void **state)
{
    static const uint32_t value_sizes[] = {10,    20000, 60000, 60000,  60000,  61000,
                                           16200, 16400, 1,     100000, 130000, 131000,
                                           5000,  64000, 64000, 300000, 64000,  700000};
    enum {
        SIZE_COUNT = sizeof value_sizes / sizeof value_sizes[0],
        REQUEST_COUNT = 3 * SIZE_COUNT
    };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct asked *produces[REQUEST_COUNT];
    for (uint32_t i = 0; i < REQUEST_COUNT; i++) {
        const struct server_batch batch = {.value_size = value_sizes[(i * 5) % SIZE_COUNT]};
        produces[i] = server_produce(server, client, topic, server_make(server, &batch));
    }
    for (uint32_t i = 0; i < REQUEST_COUNT; i++) {
        struct client_produced produced = server_produced(server, produces[i]);
        assert_int_equal(produced.error, KAFKA_NONE);
        assert_int_equal(produced.base_offset, i);
    }
}

static void put_to_all(struct server *server, struct client *client, struct client_partition topic)
{
    for (topic.index = 0; topic.index < PARTITION_COUNT; topic.index++)
        assert_int_equal(server_put(server, client, topic, &(struct server_batch){0}), 0);
}

/* Partitions lie on all cores, and each is reached by connections of any core. */
static void all_cores_serve(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client_partition topic = server_topic(server, server_client(server), PARTITION_COUNT);
    uint32_t cores = 0;
    for (topic.index = 0; topic.index < PARTITION_COUNT; topic.index++)
        cores |= 1u << server_core_of(server, topic);
    assert_int_equal(cores, 7);
    put_to_all(server, server_client(server), topic);
    for (uint32_t i = 0; i < 3; i++) {
        struct client *reader = server_client(server);
        for (topic.index = 0; topic.index < PARTITION_COUNT; topic.index++) {
            struct client_fetched fetched =
                server_fetched(server, server_fetch(server, reader, topic, 0, 0));
            assert_int_equal(server_count(fetched.records), 1);
        }
    }
}

static struct asked *produce_with(struct server *server, struct client *client,
                                  struct client_partition partition, int16_t acks)
{
    struct asked *asked = server_ask(server);
    const struct client_produce produce = {
        .partition = partition,
        .acks = acks,
        .batch = server_make(server, &(struct server_batch){0}),
    };
    client_produce_batch(client, &asked->call, &produce);
    return asked;
}

/* acks=0 is never answered, so what is asked after it gets the next answer; 1 and all are; any
 * other number is refused. */
static void acks_decide_about_the_answer(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_answered(server, produce_with(server, client, topic, CLIENT_ACKS_NONE));
    struct client_produced produced =
        server_produced(server, produce_with(server, client, topic, CLIENT_ACKS_LEADER));
    assert_int_equal(produced.base_offset, 1);
    produced = server_produced(server, produce_with(server, client, topic, CLIENT_ACKS_ALL));
    assert_int_equal(produced.base_offset, 2);
    produced = server_produced(server, produce_with(server, client, topic, 2));
    assert_int_equal(produced.error, KAFKA_INVALID_REQUIRED_ACKS);
    assert_int_equal(server_list(server, client, topic, CLIENT_LATEST).offset, 3);
}

/* With acks=0 a closed connection is the only way to say that a batch was refused. */
static void an_error_with_acks_0_closes(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    topic.index = 5;
    struct asked *silent = produce_with(server, client, topic, CLIENT_ACKS_NONE);
    struct asked *next = server_fetch(server, client, topic, 0, 60000);
    server_answered(server, silent);
    server_expect_closed(server, next);
    topic.index = 0;
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){0}), 0);
    assert_int_equal(client->connect_count, 2);
}

/* Each of a producer's last five batches may come again and gets the answer of the first time; one
 * that leaves a gap is refused. */
static void repeated_batches_get_their_first_offsets(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct client_producer producer = server_producer(server, client);
    struct server_batch batch = {.record_count = 2, .producer = &producer};
    for (int32_t i = 0; i < 5; i++) {
        batch.sequence = 2 * i;
        assert_int_equal(server_put(server, client, topic, &batch), 2 * i);
    }
    for (int32_t i = 4; i >= 0; i--) {
        batch.sequence = 2 * i;
        assert_int_equal(server_put(server, client, topic, &batch), 2 * i);
    }
    batch.sequence = 12;
    struct client_produced produced =
        server_produced(server, server_produce(server, client, topic, server_make(server, &batch)));
    assert_int_equal(produced.error, KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_equal(server_list(server, client, topic, CLIENT_LATEST).offset, 10);
    batch.sequence = 10;
    assert_int_equal(server_put(server, client, topic, &batch), 10);
}

/* A batch and its repetition, both under way, are written once. */
static void repetitions_under_way_are_one(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client *other = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct client_producer producer = server_producer(server, client);
    struct bytes batch = server_make(server, &(struct server_batch){.producer = &producer});
    struct asked *asked[4];
    for (uint32_t i = 0; i < 4; i++)
        asked[i] = server_produce(server, i % 2 == 0 ? client : other, topic, batch);
    for (uint32_t i = 0; i < 4; i++) {
        struct client_produced produced = server_produced(server, asked[i]);
        assert_int_equal(produced.error, KAFKA_NONE);
        assert_int_equal(produced.base_offset, 0);
    }
    assert_int_equal(server_list(server, client, topic, CLIENT_LATEST).offset, 1);
}

/* Producer ids are given to all connections, each id once. */
static void producer_ids_are_given_once(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    int64_t ids[9];
    for (uint32_t i = 0; i < 9; i++) {
        ids[i] = server_producer(server, server_client(server)).id;
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(ids[i], ids[j]);
    }
}

/* A batch whose checksum is wrong, or that is larger than max.message.bytes, is refused; the
 * connection and the log live on. */
static void broken_batches_are_refused(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct bytes batch = server_make(server, &(struct server_batch){.value_size = 100});
    ((uint8_t *)(uintptr_t)batch.data)[batch.size - 1] ^= 1;
    struct client_produced produced =
        server_produced(server, server_produce(server, client, topic, batch));
    assert_int_equal(produced.error, KAFKA_CORRUPT_MESSAGE);
    batch = server_make(server, &(struct server_batch){.value_size = 2000000});
    produced = server_produced(server, server_produce(server, client, topic, batch));
    assert_int_equal(produced.error, KAFKA_MESSAGE_TOO_LARGE);
    produced = server_produced(server, server_produce(server, client, topic, bytes_of("x", 1)));
    assert_int_equal(produced.error, KAFKA_INVALID_RECORD);
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){0}), 0);
    assert_int_equal(client->connect_count, 1);
}

uint32_t server_produce_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(pipelined_requests_keep_their_order),
        SERVER_CASE(requests_of_all_sizes_follow_each_other),
        SERVER_CASE(all_cores_serve),
        SERVER_CASE(acks_decide_about_the_answer),
        SERVER_CASE(an_error_with_acks_0_closes),
        SERVER_CASE(repeated_batches_get_their_first_offsets),
        SERVER_CASE(repetitions_under_way_are_one),
        SERVER_CASE(producer_ids_are_given_once),
        SERVER_CASE(broken_batches_are_refused),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
