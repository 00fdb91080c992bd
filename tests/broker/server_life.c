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

uint32_t server_life_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(starts_on_an_empty_directory),
        SERVER_CASE(restart_keeps_everything),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
