/* Settings that are altered while a topic lives, and what its logs do from then on. */
#include "tests/broker/server_cases.h"

enum { DAY_MS = 86400000, TOPIC = 2, SET = 0 };

/* One setting of a topic; answers the error. */
static int16_t alter(struct server *server, struct client *client, struct bytes topic,
                     const char *name, const char *value)
{
    struct incremental_alter_configs_request_config config = {
        .name = bytes_of_text(name), .config_operation = SET, .value = bytes_of_text(value)};
    struct incremental_alter_configs_request_resource resource = {
        .resource_type = TOPIC, .resource_name = topic, .configs = &config, .configs_count = 1};
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_response response;
    struct asked *asked = server_ask(server);
    incremental_alter_configs_request_init(&request);
    request.resources = &resource;
    request.resources_count = 1;
    client_incremental_alter_configs(client, &asked->call, 1, &request);
    server_answered(server, asked);
    assert_int_equal(client_incremental_alter_configs_answer(&asked->call, &response), STATUS_OK);
    assert_int_equal(response.responses_count, 1);
    return response.responses[0].error_code;
}

/* The topic has this value, set on itself. */
static void check_set(struct server *server, struct client *client, struct bytes topic,
                      const char *name, const char *value)
{
    struct bytes key = bytes_of_text(name);
    struct describe_configs_request_resource resource = {.resource_type = TOPIC,
                                                         .resource_name = topic,
                                                         .configuration_keys = &key,
                                                         .configuration_keys_count = 1};
    struct describe_configs_request request;
    struct describe_configs_response response;
    struct asked *asked = server_ask(server);
    describe_configs_request_init(&request);
    request.resources = &resource;
    request.resources_count = 1;
    client_describe_configs(client, &asked->call, 4, &request);
    server_answered(server, asked);
    assert_int_equal(client_describe_configs_answer(&asked->call, &response), STATUS_OK);
    assert_int_equal(response.results[0].configs_count, 1);
    const struct describe_configs_response_config *config = &response.results[0].configs[0];
    assert_true(bytes_equal_text(config->value, value));
    assert_int_equal(config->config_source, CONFIG_SOURCE_TOPIC);
}

/* retention.ms is lowered: what was young enough goes, without a restart. */
static void lowered_retention_deletes(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3,
                                                .sets = {"log.retention.ms=-1",
                                                         "log.retention.check.interval.ms=20"}});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 3);
    for (topic.index = 0; topic.index < 3; topic.index++)
        server_put(server, client, topic,
                   &(struct server_batch){.record_count = 5, .timestamp_ms = DAY_MS});
    server_linger(server, 100);
    topic.index = 2;
    assert_int_equal(server_list(server, client, topic, CLIENT_EARLIEST).offset, 0);
    assert_int_equal(alter(server, client, topic.topic, "retention.ms", "86400000"), KAFKA_NONE);
    for (topic.index = 0; topic.index < 3; topic.index++)
        while (server_list(server, client, topic, CLIENT_EARLIEST).offset < 5)
            server_linger(server, 20);
}

static void put_key(struct server *server, struct client *client, struct client_partition topic,
                    int64_t expected_offset)
{
    struct batch_builder builder;
    struct bytes batch;
    batch_builder_init(&builder, &batch_options_plain, &server->arena);
    batch_builder_append_simple(&builder, 0, bytes_of_text("key"), bytes_of_text("value"));
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    struct client_produced produced =
        server_produced(server, server_produce(server, client, topic, batch));
    assert_int_equal(produced.error, KAFKA_NONE);
    assert_int_equal(produced.base_offset, expected_offset);
}

/* Batches that have become empty may be among those that are read. */
static uint32_t record_count(struct server *server, struct client *client,
                             struct client_partition topic)
{
    struct client_fetched fetched =
        server_fetched(server, server_fetch(server, client, topic, 0, 0));
    assert_int_equal(fetched.error, KAFKA_NONE);
    return server_count(fetched.records);
}

/* cleanup.policy becomes compact: all but the newest record of the key go. */
static void altered_policy_compacts(void **state)
{
    struct server *server = *state;
    server_start(server,
                 &(struct server_shape){.sets = {"log.cleaner.backoff.ms=20", "log.retention.ms=-1",
                                                 "log.retention.check.interval.ms=20",
                                                 "log.cleaner.max.compaction.lag.ms=50"}});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    for (int64_t offset = 0; offset < 4; offset++)
        put_key(server, client, topic, offset);
    server_linger(server, 200);
    assert_int_equal(record_count(server, client, topic), 4);
    assert_int_equal(alter(server, client, topic.topic, "cleanup.policy", "compact"), KAFKA_NONE);
    while (record_count(server, client, topic) > 1)
        server_linger(server, 20);
    put_key(server, client, topic, 4);
}

/* What was answered holds after a restart; what was refused has changed nothing. */
static void alterations_outlive_the_broker(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct bytes topic = server_create(server, client, "altered", 1).topic;
    assert_int_equal(alter(server, client, topic, "retention.ms", "1234"), KAFKA_NONE);
    check_set(server, client, topic, "retention.ms", "1234");
    assert_int_equal(alter(server, client, topic, "retention.ms", "x"), KAFKA_INVALID_CONFIG);
    server_stop(server);
    server_start(server, &(struct server_shape){.core_count = 1});
    check_set(server, server_client(server), topic, "retention.ms", "1234");
}

static int16_t put_large(struct server *server, struct client *client,
                         struct client_partition topic)
{
    struct bytes batch = server_make(server, &(struct server_batch){.value_size = 2000});
    return server_produced(server, server_produce(server, client, topic, batch)).error;
}

/* Each of more topics than what is kept of settings has room for is judged by its own, and what is
 * altered holds from the next batch on. */
static void topics_are_judged_by_their_own_settings(void **state)
{
    enum { TOPICS = 80, STRICT_EVERY = 3 };
    struct server *server = *state;
    struct client_partition topics[TOPICS];
    server_start(server, &(struct server_shape){.core_count = 1});
    struct client *client = server_client(server);
    for (uint32_t i = 0; i < TOPICS; i++) {
        topics[i] = server_topic(server, client, 1);
        if (i % STRICT_EVERY == 0)
            assert_int_equal(alter(server, client, topics[i].topic, "max.message.bytes", "1000"),
                             KAFKA_NONE);
    }
    for (uint32_t i = 0; i < 2 * TOPICS; i++)
        assert_int_equal(put_large(server, client, topics[i % TOPICS]),
                         i % TOPICS % STRICT_EVERY == 0 ? KAFKA_MESSAGE_TOO_LARGE : KAFKA_NONE);
    assert_int_equal(alter(server, client, topics[0].topic, "max.message.bytes", "9000"),
                     KAFKA_NONE);
    assert_int_equal(put_large(server, client, topics[0]), KAFKA_NONE);
}

uint32_t server_configs_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(lowered_retention_deletes),
        SERVER_CASE(altered_policy_compacts),
        SERVER_CASE(alterations_outlive_the_broker),
        SERVER_CASE(topics_are_judged_by_their_own_settings),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
