/* Fetch sessions (KIP-227): answers that hold only what is new. */
#include "tests/broker/server_cases.h"
#include "tests/broker/server_wishes.h"

enum { PARTITION_COUNT = 4 };

/* A reader in the middle of a session over all partitions of a topic with a record in each. */
struct reading {
    struct server *server;
    struct client *client;
    struct client_partition topic;
    struct wishes wishes;
};

static void reading_begin(struct reading *reading, struct server *server)
{
    reading->server = server;
    server_start(server, &(struct server_shape){.core_count = 3});
    reading->client = server_client(server);
    reading->topic = server_topic(server, reading->client, PARTITION_COUNT);
    struct client_partition at = reading->topic;
    for (at.index = 0; at.index < PARTITION_COUNT; at.index++)
        server_put(server, reading->client, at, &(struct server_batch){0});
    wishes_init(&reading->wishes, reading->topic, PARTITION_COUNT);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        reading->wishes.partitions[i].fetch_offset = 1;
    reading->wishes.request.session_epoch = 0;
    struct fetch_response response = wishes_ask(&reading->wishes, server, reading->client);
    assert_int_equal(response.error_code, KAFKA_NONE);
    assert_int_not_equal(response.session_id, 0);
    assert_int_equal(response.responses[0].partitions_count, PARTITION_COUNT);
    reading->wishes.request.session_id = response.session_id;
}

/* The next request names no partitions: all is as it was. */
static struct fetch_response reading_go_on(struct reading *reading)
{
    reading->wishes.request.session_epoch++;
    reading->wishes.request.topics_count = 0;
    return wishes_ask(&reading->wishes, reading->server, reading->client);
}

/* After the first answer only partitions with news are told, and none when there is no news. */
static void only_news_is_told(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    struct fetch_response response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_NONE);
    assert_int_equal(response.session_id, reading.wishes.request.session_id);
    assert_int_equal(response.responses_count, 0);

    struct client_partition at = reading.topic;
    at.index = 2;
    server_put(reading.server, reading.client, at, &(struct server_batch){0});
    response = reading_go_on(&reading);
    assert_int_equal(response.responses_count, 1);
    assert_true(uuid_equal(response.responses[0].topic_id, reading.topic.topic_id));
    assert_int_equal(response.responses[0].partitions_count, 1);
    assert_int_equal(response.responses[0].partitions[0].partition_index, 2);
    assert_int_equal(response.responses[0].partitions[0].records.size > 0, true);
    wishes_deinit(&reading.wishes);
}

/* A partition that was forgotten is told no more, whatever happens to it. */
static void forgotten_partitions_are_silent(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    int32_t forgotten = 2;
    struct fetch_request_forgotten_topic topic = {
        .topic_id = reading.topic.topic_id, .partitions = &forgotten, .partitions_count = 1};
    reading.wishes.request.forgotten_topics_data = &topic;
    reading.wishes.request.forgotten_topics_data_count = 1;
    reading_go_on(&reading);
    reading.wishes.request.forgotten_topics_data_count = 0;
    struct client_partition at = reading.topic;
    at.index = 2;
    server_put(reading.server, reading.client, at, &(struct server_batch){0});
    assert_int_equal(reading_go_on(&reading).responses_count, 0);
    wishes_deinit(&reading.wishes);
}

/* A request out of step, of a session nobody knows, or with names where ids are due is told apart
 * by its error; the session itself lives on. */
static void sessions_out_of_step_are_refused(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    reading.wishes.request.session_epoch = 5;
    struct fetch_response response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_INVALID_FETCH_SESSION_EPOCH);
    reading.wishes.version = 12;
    reading.wishes.request.session_epoch = 0;
    response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
    reading.wishes.version = 18;
    reading.wishes.request.session_epoch = 0;
    response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_NONE);
    reading.wishes.request.session_id ^= 1;
    response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    wishes_deinit(&reading.wishes);
}

/* A session that is ended by its client is not found any more. */
static void ended_sessions_are_gone(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    reading.wishes.request.session_epoch = -1;
    reading.wishes.request.topics_count = 1;
    struct fetch_response response = wishes_ask(&reading.wishes, reading.server, reading.client);
    assert_int_equal(response.error_code, KAFKA_NONE);
    assert_int_equal(response.session_id, 0);
    reading.wishes.request.session_epoch = 0;
    response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    wishes_deinit(&reading.wishes);
}

/* A request of a session that names nothing waits on all its partitions. */
static void a_waiting_session_is_woken(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    struct client *writer = server_client(reading.server);
    reading.wishes.request.max_wait_ms = 600 * 1000;
    reading.wishes.request.session_epoch++;
    reading.wishes.request.topics_count = 0;
    struct asked *asked = wishes_send(&reading.wishes, reading.server, reading.client);
    server_linger(reading.server, 5);
    assert_false(asked->has_landed);
    struct client_partition at = reading.topic;
    at.index = 3;
    server_put(reading.server, writer, at, &(struct server_batch){0});
    struct fetch_response response = wishes_answer(reading.server, asked);
    assert_int_equal(response.responses[0].partitions[0].partition_index, 3);
    wishes_deinit(&reading.wishes);
}

/* A topic that was deleted stays in the session as an error that is told each time. */
static void a_deleted_topic_in_a_session_is_an_error(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    assert_int_equal(server_delete(reading.server, reading.client, reading.topic.topic),
                     KAFKA_NONE);
    for (uint32_t i = 0; i < 2; i++) {
        struct fetch_response response = reading_go_on(&reading);
        assert_int_equal(response.error_code, KAFKA_NONE);
        assert_int_equal(response.responses[0].partitions_count, PARTITION_COUNT);
        assert_int_equal(response.responses[0].partitions[0].error_code, KAFKA_UNKNOWN_TOPIC_ID);
    }
    wishes_deinit(&reading.wishes);
}

uint32_t server_sessions_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(only_news_is_told),
        SERVER_CASE(forgotten_partitions_are_silent),
        SERVER_CASE(sessions_out_of_step_are_refused),
        SERVER_CASE(ended_sessions_are_gone),
        SERVER_CASE(a_waiting_session_is_woken),
        SERVER_CASE(a_deleted_topic_in_a_session_is_an_error),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
