/* What readers of committed records are told. Clients cannot write transactions yet, so batches and
 * markers come into the partition as its coordinator will bring them. */
#include "broker/broker_parts.h"
#include "broker/core.h"
#include "replication/replica_manager.h"
#include "storage/log_struct.h"
#include "tests/broker/server_cases.h"
#include "tests/broker/server_wishes.h"

enum { READ_COMMITTED = 1, FOREVER_MS = 600 * 1000 };

struct put {
    struct partition_append append;
    bool has_landed;
    int32_t result;
};

static void put_landed(struct completion *completion, int32_t result)
{
    struct put *put = container_of(completion, struct put, append.completion);
    put->has_landed = true;
    put->result = result;
}

static void put_in(struct server *server, struct client_partition at, struct bytes batch)
{
    const struct broker_core *core =
        roster_core(&server->broker->roster, server_core_of(server, at));
    struct partition *partition = replica_manager_find(&core->replicas, at.topic_id, at.index);
    struct put put = {.append = {.append = {.batch = batch, .now_ms = 1}, .wait_committed = true}};
    assert_non_null(partition);
    completion_init(&put.append.completion, put_landed);
    partition_append(partition, &put.append);
    server_turn_until(server, &put.has_landed);
    assert_int_equal(put.result, STATUS_OK);
}

static struct bytes make(struct server *server, int64_t producer_id, int16_t attributes,
                         struct bytes key, struct bytes value)
{
    struct batch_options options = batch_options_plain;
    struct batch_builder builder;
    struct bytes batch;
    options.producer_id = producer_id;
    options.producer_epoch = 0;
    options.base_sequence = (attributes & BATCH_CONTROL) != 0 ? -1 : 0;
    options.attributes = attributes;
    batch_builder_init(&builder, &options, &server->arena);
    batch_builder_append_simple(&builder, 1, key, value);
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

static void put_data(struct server *server, struct client_partition at, int64_t producer_id)
{
    put_in(
        server, at,
        make(server, producer_id, BATCH_TRANSACTIONAL, (struct bytes){0}, bytes_of_text("value")));
}

static void put_abort(struct server *server, struct client_partition at, int64_t producer_id)
{
    static const uint8_t zeros[6];
    put_in(server, at,
           make(server, producer_id, BATCH_TRANSACTIONAL | BATCH_CONTROL, bytes_of(zeros, 4),
                bytes_of(zeros, 6)));
}

static const struct fetch_response_partition *fetch(struct server *server, struct client *client,
                                                    struct wishes *wishes, int8_t isolation_level)
{
    wishes->request.isolation_level = isolation_level;
    struct fetch_response response = wishes_ask(wishes, server, client);
    assert_int_equal(response.responses_count, 1);
    assert_int_equal(response.responses[0].partitions[0].error_code, KAFKA_NONE);
    return &response.responses[0].partitions[0];
}

/* Readers of committed records get no further than the first open transaction, and then the list of
 * aborted ones, by first offset; others get everything and no list. */
static void committed_readers_stop_and_are_told(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct wishes wishes;
    wishes_init(&wishes, topic, 1);
    server_put(server, client, topic, &(struct server_batch){0});
    put_data(server, topic, 1001);
    put_data(server, topic, 1000);
    const struct fetch_response_partition *told = fetch(server, client, &wishes, READ_COMMITTED);
    assert_int_equal(told->last_stable_offset, 1);
    assert_int_equal(told->high_watermark, 3);
    assert_int_equal(server_count(told->records.pieces[0]), 1);
    assert_int_equal(told->aborted_transactions_count, 0);
    assert_non_null(told->aborted_transactions);
    put_abort(server, topic, 1000);
    put_abort(server, topic, 1001);
    told = fetch(server, client, &wishes, READ_COMMITTED);
    assert_int_equal(told->last_stable_offset, 5);
    assert_int_equal(told->aborted_transactions_count, 2);
    assert_int_equal(told->aborted_transactions[0].producer_id, 1001);
    assert_int_equal(told->aborted_transactions[0].first_offset, 1);
    assert_int_equal(told->aborted_transactions[1].producer_id, 1000);
    assert_int_equal(told->aborted_transactions[1].first_offset, 2);
    assert_null(fetch(server, client, &wishes, 0)->aborted_transactions);
    wishes_deinit(&wishes);
}

/* One that waits at an open transaction is woken by its marker. */
static void a_marker_wakes(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    struct wishes wishes;
    wishes_init(&wishes, topic, 1);
    put_data(server, topic, 1000);
    wishes.request.isolation_level = READ_COMMITTED;
    wishes.request.max_wait_ms = FOREVER_MS;
    struct asked *asked = wishes_send(&wishes, server, client);
    server_await_parked(server, 1);
    assert_false(asked->has_landed);
    put_abort(server, topic, 1000);
    struct fetch_response response = wishes_answer(server, asked);
    assert_int_equal(response.responses[0].partitions[0].last_stable_offset, 2);
    wishes_deinit(&wishes);
}

/* What was read while compaction exchanged segments is read again at once, and does not wait for
 * somebody to produce. */
static void an_exchange_is_not_waited_for(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    put_data(server, topic, 1000);
    put_abort(server, topic, 1000);
    server_stop(server);
    server_start(server, NULL);
    client = server_client(server);
    const struct broker_core *core =
        roster_core(&server->broker->roster, server_core_of(server, topic));
    struct wishes wishes;
    wishes_init(&wishes, topic, 1);
    wishes.request.isolation_level = READ_COMMITTED;
    wishes.request.max_wait_ms = FOREVER_MS;
    struct asked *asked = wishes_send(&wishes, server, client);
    struct log *log = replica_manager_find(&core->replicas, topic.topic_id, topic.index)->log;
    while (list_is_empty(&log->loads))
        server->harness->turn(server->harness);
    log->exchange_count++;
    struct fetch_response response = wishes_answer(server, asked);
    assert_int_equal(response.responses[0].partitions[0].aborted_transactions_count, 1);
    assert_int_equal(server_count(response.responses[0].partitions[0].records.pieces[0]), 2);
    wishes_deinit(&wishes);
}

uint32_t server_transactions_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(committed_readers_stop_and_are_told),
        SERVER_CASE(a_marker_wakes),
        SERVER_CASE(an_exchange_is_not_waited_for),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
