/* Fetching: what an answer holds, and how long it waits. */
#include "tests/broker/server_cases.h"
#include "tests/broker/server_wishes.h"

enum { WAIT_MS = 60, FOREVER_MS = 600 * 1000, MANY_COUNT = 320 };

/* A fetch from the middle of a batch gets the whole batch: its offsets are inside. */
static void an_offset_within_a_batch_gets_all_of_it(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.record_count = 10});
    server_put(server, client, topic, &(struct server_batch){.record_count = 5});
    struct client_fetched fetched =
        server_fetched(server, server_fetch(server, client, topic, 7, 0));
    assert_int_equal(server_count(fetched.records), 15);
    assert_int_equal(fetched.high_watermark, 15);
    fetched = server_fetched(server, server_fetch(server, client, topic, 10, 0));
    assert_int_equal(server_count(fetched.records), 5);
    fetched = server_fetched(server, server_fetch(server, client, topic, 16, 0));
    assert_int_equal(fetched.error, KAFKA_OFFSET_OUT_OF_RANGE);
}

/* The first batch comes even if it is larger than every limit, and no other with it. */
static void a_large_first_batch_comes_anyway(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.value_size = 200000});
    server_put(server, client, topic, &(struct server_batch){.value_size = 10});
    struct asked *asked = server_ask(server);
    const struct client_fetch fetch = {.partition = topic, .max_bytes = 100, .min_bytes = 1};
    client_fetch_partition(client, &asked->call, &fetch);
    struct client_fetched fetched = server_fetched(server, asked);
    assert_int_equal(server_count(fetched.records), 1);
    assert_true(fetched.records.size > 200000);
}

/* What does not fit into the answer's limit is left out from the end: the partitions named first
 * are served first, over all cores. */
static void the_limit_is_shared_in_order(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 6);
    for (topic.index = 0; topic.index < 6; topic.index++)
        server_put(server, client, topic, &(struct server_batch){.value_size = 1000});
    struct wishes wishes;
    wishes_init(&wishes, topic, 6);
    wishes.request.max_bytes = 2500;
    struct fetch_response response = wishes_ask(&wishes, server, client);
    assert_int_equal(response.responses_count, 1);
    for (uint32_t i = 0; i < 6; i++) {
        const struct fetch_response_partition *partition = &response.responses[0].partitions[i];
        assert_int_equal(partition->partition_index, i);
        assert_int_equal(partition->high_watermark, 1);
        assert_int_equal(partition->records.size > 0, i < 2);
    }
    wishes_deinit(&wishes);
}

/* With nothing to read a fetch is answered when its time is up, and not before. */
static void an_empty_fetch_waits_its_time(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    uint64_t asked_ms = server_now_ms(server);
    struct client_fetched fetched =
        server_fetched(server, server_fetch(server, client, topic, 0, WAIT_MS));
    assert_int_equal(fetched.error, KAFKA_NONE);
    assert_int_equal(fetched.records.size, 0);
    assert_true(server_now_ms(server) - asked_ms >= WAIT_MS - 1);
}

/* A fetch that waits is woken by a batch on any core, long before its time is up. */
static void a_batch_on_another_core_wakes(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *reader = server_client(server);
    struct client *writer = server_client(server);
    struct client_partition topic = server_topic(server, writer, 3);
    for (topic.index = 0; topic.index < 3; topic.index++) {
        struct asked *fetch = server_fetch(server, reader, topic, 0, FOREVER_MS);
        server_await_parked(server, 1);
        assert_false(fetch->has_landed);
        server_put(server, writer, topic, &(struct server_batch){0});
        assert_int_equal(server_count(server_fetched(server, fetch).records), 1);
    }
}

/* A batch that is too small for min_bytes does not end the waiting; enough of them do. */
static void min_bytes_are_waited_for(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *reader = server_client(server);
    struct client *writer = server_client(server);
    struct client_partition topic = server_topic(server, writer, 1);
    struct asked *asked = server_ask(server);
    const struct client_fetch fetch = {
        .partition = topic, .wait_ms = FOREVER_MS, .min_bytes = 2500};
    client_fetch_partition(reader, &asked->call, &fetch);
    for (uint32_t i = 0; i < 2; i++) {
        server_put(server, writer, topic, &(struct server_batch){.value_size = 1000});
        server_linger(server, 5);
        assert_false(asked->has_landed);
    }
    server_put(server, writer, topic, &(struct server_batch){.value_size = 1000});
    assert_int_equal(server_count(server_fetched(server, asked).records), 3);
}

/* One fetch waits on hundreds of partitions of all cores at once. */
static void hundreds_of_partitions_are_watched(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *reader = server_client(server);
    struct client *writer = server_client(server);
    struct client_partition topic = server_topic(server, writer, MANY_COUNT);
    struct wishes wishes;
    wishes_init(&wishes, topic, MANY_COUNT);
    wishes.request.max_wait_ms = FOREVER_MS;
    struct asked *asked = wishes_send(&wishes, server, reader);
    server_await_parked(server, 1);
    assert_false(asked->has_landed);
    topic.index = MANY_COUNT - 1;
    server_put(server, writer, topic, &(struct server_batch){0});
    struct fetch_response response = wishes_answer(server, asked);
    const struct fetch_response_topic *answer = &response.responses[0];
    assert_int_equal(answer->partitions_count, MANY_COUNT);
    assert_int_equal(answer->partitions[MANY_COUNT - 1].high_watermark, 1);
    wishes_deinit(&wishes);
}

/* A client that goes away while its fetch waits leaves nothing behind: the broker stops at once. */
static void a_client_that_goes_ends_its_fetch(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 3);
    struct asked *fetch = server_fetch(server, client, topic, 0, FOREVER_MS);
    server_await_parked(server, 1);
    client_disconnect(client);
    server_expect_closed(server, fetch);
    server_put(server, client, topic, &(struct server_batch){0});
}

/* A topic that is deleted while a fetch waits on it ends the waiting with an error. */
static void a_deleted_topic_ends_the_waiting(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *reader = server_client(server);
    struct client *writer = server_client(server);
    struct client_partition topic = server_topic(server, writer, 3);
    struct asked *fetch = server_fetch(server, reader, topic, 0, FOREVER_MS);
    server_await_parked(server, 1);
    assert_int_equal(server_delete(server, writer, topic.topic), KAFKA_NONE);
    struct client_fetched fetched = server_fetched(server, fetch);
    assert_true(fetched.error == KAFKA_UNKNOWN_TOPIC_OR_PARTITION ||
                fetched.error == KAFKA_UNKNOWN_TOPIC_ID);
}

/* Epochs in a fetch: an older one than the leader's is fenced, a newer one not known yet. */
static void leader_epochs_are_compared(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct wishes wishes;
    wishes_init(&wishes, topic, 1);
    wishes.partitions[0].current_leader_epoch = 100;
    struct fetch_response response = wishes_ask(&wishes, server, client);
    assert_int_equal(response.responses[0].partitions[0].error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
    wishes_deinit(&wishes);
}

uint32_t server_fetch_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(an_offset_within_a_batch_gets_all_of_it),
        SERVER_CASE(a_large_first_batch_comes_anyway),
        SERVER_CASE(the_limit_is_shared_in_order),
        SERVER_CASE(an_empty_fetch_waits_its_time),
        SERVER_CASE(a_batch_on_another_core_wakes),
        SERVER_CASE(min_bytes_are_waited_for),
        SERVER_CASE(hundreds_of_partitions_are_watched),
        SERVER_CASE(a_client_that_goes_ends_its_fetch),
        SERVER_CASE(a_deleted_topic_ends_the_waiting),
        SERVER_CASE(leader_epochs_are_compared),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
