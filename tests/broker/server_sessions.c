/* Fetch sessions (KIP-227): answers that hold only what is new. */
#include "broker/broker_parts.h"
#include "tests/broker/server_cases.h"
#include "tests/broker/server_wishes.h"

enum { PARTITION_COUNT = 4, PRODUCE_VERSION = 13 };

/* A reader in the middle of a session over all partitions of a topic with a record in each. */
struct reading {
    struct server *server;
    struct client *client;
    struct client_partition topic;
    struct wishes wishes;
};

static void reading_begin_on(struct reading *reading, struct server *server, uint32_t core_count)
{
    reading->server = server;
    server_start(server, &(struct server_shape){.core_count = core_count});
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

static void reading_begin(struct reading *reading, struct server *server)
{
    reading_begin_on(reading, server, SERVER_CORES_MAX);
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
    server_await_parked(reading.server, 1);
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

/* The next request is sent, and waits for `min_bytes`. */
static struct asked *reading_wait(struct reading *reading, int32_t min_bytes)
{
    reading->wishes.request.max_wait_ms = 600 * 1000;
    reading->wishes.request.min_bytes = min_bytes;
    reading->wishes.request.session_epoch++;
    struct asked *asked = wishes_send(&reading->wishes, reading->server, reading->client);
    server_await_parked(reading->server, 1);
    return asked;
}

static int64_t put_in(const struct reading *reading, struct client *writer, int32_t index)
{
    struct client_partition at = reading->topic;
    at.index = index;
    return server_put(reading->server, writer, at, &(struct server_batch){0});
}

static void check_single(const struct fetch_response *response, int32_t index)
{
    assert_int_equal(response->error_code, KAFKA_NONE);
    assert_int_equal(response->responses_count, 1);
    assert_int_equal(response->responses[0].partitions_count, 1);
    assert_int_equal(response->responses[0].partitions[0].partition_index, index);
    assert_true(response->responses[0].partitions[0].records.size > 0);
}

/* The next request asks for the partition from `offset`, and for no other anew. */
static void wish_for(struct reading *reading, int32_t index, int64_t offset)
{
    reading->wishes.partitions[0].partition = index;
    reading->wishes.partitions[0].fetch_offset = offset;
    reading->wishes.topic.partitions_count = 1;
    reading->wishes.request.topics_count = 1;
}

/* Every partition wakes the session as often as it gets something, wherever it lives. */
static void a_partition_is_heard_again_and_again(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    struct client *writer = server_client(reading.server);
    reading.wishes.request.topics_count = 0;
    for (int32_t round = 0; round < 3 * PARTITION_COUNT; round++) {
        int32_t index = round % PARTITION_COUNT;
        struct asked *asked = reading_wait(&reading, 1);
        assert_false(asked->has_landed);
        int64_t offset = put_in(&reading, writer, index);
        struct fetch_response response = wishes_answer(reading.server, asked);
        check_single(&response, index);
        wish_for(&reading, index, offset + 1);
    }
    wishes_deinit(&reading.wishes);
}

/* A reader who goes back in a partition that had nothing to tell gets its records. */
static void a_reader_may_go_back(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    assert_int_equal(reading_go_on(&reading).responses_count, 0);
    wish_for(&reading, 2, 0);
    reading.wishes.request.session_epoch++;
    struct fetch_response response = wishes_ask(&reading.wishes, reading.server, reading.client);
    check_single(&response, 2);
    wishes_deinit(&reading.wishes);
}

/* A reader who goes on gets what has come since, and what did not fit into the answer before. */
static void a_reader_who_goes_on_misses_nothing(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    put_in(&reading, reading.client, 1);
    struct fetch_response response = reading_go_on(&reading);
    check_single(&response, 1);
    for (int64_t offset = 2; offset < 8; offset++) {
        for (int32_t i = 0; i < 2 && offset % 2 == 0; i++)
            put_in(&reading, reading.client, 1); /* an answer has room for one of the two */
        wish_for(&reading, 1, offset);
        reading.wishes.partitions[0].partition_max_bytes = 1;
        reading.wishes.request.session_epoch++;
        response = wishes_ask(&reading.wishes, reading.server, reading.client);
        check_single(&response, 1);
        assert_int_equal(server_count(response.responses[0].partitions[0].records.pieces[0]), 1);
    }
    wishes_deinit(&reading.wishes);
}

/* Records that the reader does not go beyond are told with each answer. */
static void what_was_not_taken_comes_again(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    put_in(&reading, reading.client, 1);
    for (uint32_t i = 0; i < 3; i++) {
        struct fetch_response response = reading_go_on(&reading);
        check_single(&response, 1);
    }
    wishes_deinit(&reading.wishes);
}

/* A session that waits for more bytes than one partition has got answers with all that came. */
static void what_came_while_waiting_is_told_together(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    struct client *writer = server_client(reading.server);
    put_in(&reading, writer, 0);
    struct fetch_response response = reading_go_on(&reading);
    check_single(&response, 0);
    int32_t size_bytes = (int32_t)response.responses[0].partitions[0].records.size;
    wish_for(&reading, 0, 2);
    struct asked *asked = reading_wait(&reading, 2 * size_bytes);
    put_in(&reading, writer, 3);
    server_linger(reading.server, 5);
    assert_false(asked->has_landed);
    put_in(&reading, writer, 1);
    response = wishes_answer(reading.server, asked);
    assert_int_equal(response.responses[0].partitions_count, 2);
    assert_int_equal(response.responses[0].partitions[0].partition_index, 1);
    assert_int_equal(response.responses[0].partitions[1].partition_index, 3);
    wishes_deinit(&reading.wishes);
}

/* One request puts a record into every partition, so that on one core they share a commit. */
static void put_in_all(const struct reading *reading, struct client *writer)
{
    struct produce_request request;
    struct produce_request_topic topic;
    struct produce_request_partition partitions[PARTITION_COUNT];
    struct bytes batch = server_make(reading->server, &(struct server_batch){0});
    produce_request_init(&request);
    produce_request_topic_init(&topic);
    for (int32_t i = 0; i < PARTITION_COUNT; i++) {
        produce_request_partition_init(&partitions[i]);
        partitions[i].index = i;
        partitions[i].records =
            (struct records_field){.pieces = &batch, .piece_count = 1, .size = batch.size};
    }
    topic.topic_id = reading->topic.topic_id;
    topic.partition_data = partitions;
    topic.partition_data_count = PARTITION_COUNT;
    request.acks = CLIENT_ACKS_ALL;
    request.timeout_ms = 600 * 1000;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    struct asked *asked = server_ask(reading->server);
    client_produce(writer, &asked->call, PRODUCE_VERSION, &request);
    server_answered(reading->server, asked);
}

/* A session that waits hears at once of all partitions that one commit has moved, although one
 * byte would do: the others would have to wait for its next request. */
static void what_one_commit_brings_is_told_together(void **state)
{
    struct reading reading;
    reading_begin_on(&reading, *state, 1);
    struct client *writer = server_client(reading.server);
    reading.wishes.request.topics_count = 0;
    struct asked *asked = reading_wait(&reading, 1);
    put_in_all(&reading, writer);
    struct fetch_response response = wishes_answer(reading.server, asked);
    assert_int_equal(response.responses_count, 1);
    assert_int_equal(response.responses[0].partitions_count, PARTITION_COUNT);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        assert_true(response.responses[0].partitions[i].records.size > 0);
    wishes_deinit(&reading.wishes);
}

/* Of this partition alone there are records; others may have a new high watermark to tell. */
static void check_records_of(const struct fetch_response *response, int32_t index)
{
    assert_int_equal(response->error_code, KAFKA_NONE);
    for (uint32_t t = 0; t < response->responses_count; t++) {
        for (uint32_t p = 0; p < response->responses[t].partitions_count; p++) {
            const struct fetch_response_partition *part = &response->responses[t].partitions[p];
            assert_int_equal(part->records.size > 0, part->partition_index == index);
        }
    }
}

/* Where an answer has room for the records of one partition only, they take turns. */
static void partitions_take_turns(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    for (int32_t i = 0; i < PARTITION_COUNT; i++)
        put_in(&reading, reading.client, i);
    reading.wishes.request.max_bytes = 1;
    for (int32_t i = 0; i < 2 * PARTITION_COUNT; i++) {
        struct fetch_response response = reading_go_on(&reading);
        check_records_of(&response, i % PARTITION_COUNT);
        assert_true(response.responses_count > 0);
    }
    wishes_deinit(&reading.wishes);
}

static void delete_first_record(const struct reading *reading, int32_t index)
{
    struct delete_records_request_partition partition = {.partition_index = index, .offset = 1};
    struct delete_records_request_topic topic = {
        .name = reading->topic.topic, .partitions = &partition, .partitions_count = 1};
    struct delete_records_request request;
    delete_records_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 30000;
    struct asked *asked = server_ask(reading->server);
    client_delete_records(reading->client, &asked->call, 2, &request);
    server_answered(reading->server, asked);
}

/* Records that were deleted are news, once, though there is nothing to read. */
static void a_start_that_moved_is_told(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    delete_first_record(&reading, 2);
    struct fetch_response response = reading_go_on(&reading);
    assert_int_equal(response.responses_count, 1);
    assert_int_equal(response.responses[0].partitions_count, 1);
    assert_int_equal(response.responses[0].partitions[0].partition_index, 2);
    assert_int_equal(response.responses[0].partitions[0].log_start_offset, 1);
    assert_int_equal(reading_go_on(&reading).responses_count, 0);
    wishes_deinit(&reading.wishes);
}

/* The same name again, until the first partition lives on another core than before. */
static void make_anew_elsewhere(struct reading *reading)
{
    uint32_t core = server_core_of(reading->server, reading->topic);
    const char *name = arena_copy_text(&reading->server->arena, reading->topic.topic.data,
                                       reading->topic.topic.size);
    do {
        assert_int_equal(server_delete(reading->server, reading->client, reading->topic.topic),
                         KAFKA_NONE);
        reading->topic = server_create(reading->server, reading->client, name, PARTITION_COUNT);
    } while (server_core_of(reading->server, reading->topic) == core);
}

/* A session that names topics goes on with a topic that was made anew, wherever it lives now. */
static void a_topic_made_anew_is_heard(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    reading.wishes.version = 12;
    reading.wishes.request.session_id = 0;
    reading.wishes.request.session_epoch = 0;
    struct fetch_response response = wishes_ask(&reading.wishes, reading.server, reading.client);
    reading.wishes.request.session_id = response.session_id;
    make_anew_elsewhere(&reading);
    for (int32_t i = 0; i < PARTITION_COUNT; i++)
        reading.wishes.partitions[i].fetch_offset = 0;
    reading.wishes.request.session_epoch = 1;
    wishes_ask(&reading.wishes, reading.server, reading.client);
    reading.wishes.request.topics_count = 0;
    struct asked *asked = reading_wait(&reading, 1);
    assert_false(asked->has_landed);
    put_in(&reading, server_client(reading.server), 0);
    response = wishes_answer(reading.server, asked);
    check_single(&response, 0);
    wishes_deinit(&reading.wishes);
}

/* The sessions may have no more memory than they have now. */
static void end_session_memory(const struct server *server)
{
    for (uint32_t i = 0; i < server->core_count; i++) {
        struct fetch_memory *memory =
            &roster_core(&server->broker->roster, i)->fetch_sessions.memory;
        memory->max_bytes = memory->used_bytes;
    }
}

/* The present topic, with a session of its own from now on. */
static struct fetch_response begin_anew(struct reading *reading)
{
    reading->wishes.request.session_id = 0;
    reading->wishes.request.session_epoch = 0;
    reading->wishes.topic.partitions_count = PARTITION_COUNT;
    reading->wishes.topic.topic_id = reading->topic.topic_id;
    reading->wishes.request.topics_count = 1;
    return wishes_ask(&reading->wishes, reading->server, reading->client);
}

/* Where there is no memory for what has taken the place of a partition, the session is over, and
 * its consumer is told to begin a new one. */
static void a_topic_made_anew_without_memory_ends_the_session(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    reading.wishes.version = 12;
    struct fetch_response response = begin_anew(&reading);
    reading.wishes.request.session_id = response.session_id;
    make_anew_elsewhere(&reading);
    end_session_memory(reading.server);
    response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    response = reading_go_on(&reading);
    assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    response = begin_anew(&reading);
    assert_int_equal(response.error_code, KAFKA_NONE);
    assert_int_not_equal(response.session_id, 0);
    wishes_deinit(&reading.wishes);
}

/* A session that would take more memory than there is for all of them is none, or ends; what it
 * had is there for others. */
static void sessions_have_a_limit_of_memory(void **state)
{
    enum { MANY = 40000, MIB = 1024 * 1024 };
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 1, .memory_bytes = 16 * MIB});
    struct client *client = server_client(server);
    struct wishes wishes;
    wishes_init(&wishes, server_topic(server, client, 1), MANY);
    for (uint32_t i = 0; i < 3; i++) {
        wishes.topic.partitions_count = MANY;
        wishes.request.session_id = 0;
        wishes.request.session_epoch = 0;
        struct fetch_response response = wishes_ask(&wishes, server, client);
        assert_int_equal(response.error_code, KAFKA_NONE);
        assert_int_equal(response.session_id, 0);
        assert_int_equal(response.responses[0].partitions_count, MANY);

        wishes.topic.partitions_count = 1;
        response = wishes_ask(&wishes, server, client);
        assert_int_not_equal(response.session_id, 0);
        wishes.request.session_id = response.session_id;
        wishes.request.session_epoch = 1;
        wishes.topic.partitions_count = MANY;
        response = wishes_ask(&wishes, server, client);
        assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
        wishes.topic.partitions_count = 1;
        response = wishes_ask(&wishes, server, client);
        assert_int_equal(response.error_code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    }
    wishes_deinit(&wishes);
}

/* A fetch that waits in a session is answered when another connection ends the session. */
static void the_end_of_a_session_lets_its_fetch_go(void **state)
{
    struct reading reading;
    reading_begin(&reading, *state);
    reading.wishes.request.topics_count = 0;
    struct asked *asked = reading_wait(&reading, 1);
    assert_false(asked->has_landed);
    reading.wishes.request.session_epoch = -1;
    reading.wishes.request.max_wait_ms = 0;
    for (uint32_t i = 0; i < 3 && !asked->has_landed; i++) {
        struct client *other = server_client(reading.server);
        assert_int_equal(wishes_ask(&reading.wishes, reading.server, other).error_code, KAFKA_NONE);
    }
    struct fetch_response response = wishes_answer(reading.server, asked);
    assert_int_equal(response.error_code, KAFKA_NONE);
    assert_int_equal(response.responses_count, 0);
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
        SERVER_CASE(a_partition_is_heard_again_and_again),
        SERVER_CASE(a_reader_may_go_back),
        SERVER_CASE(a_reader_who_goes_on_misses_nothing),
        SERVER_CASE(what_was_not_taken_comes_again),
        SERVER_CASE(what_came_while_waiting_is_told_together),
        SERVER_CASE(what_one_commit_brings_is_told_together),
        SERVER_CASE(partitions_take_turns),
        SERVER_CASE(a_start_that_moved_is_told),
        SERVER_CASE(a_topic_made_anew_is_heard),
        SERVER_CASE(a_topic_made_anew_without_memory_ends_the_session),
        SERVER_CASE(sessions_have_a_limit_of_memory),
        SERVER_CASE(the_end_of_a_session_lets_its_fetch_go),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
