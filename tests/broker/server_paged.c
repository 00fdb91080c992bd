/* Records that are sent from their files (storage/paged.h): a file is kept for as long as an answer
 * has ranges of it, whatever becomes of its segment meanwhile. */
#include "broker/broker_parts.h"
#include "broker/connection.h"
#include "replication/replica_manager.h"
#include "storage/log_struct.h"
#include "storage/paged.h"
#include "storage/store_struct.h"
#include "tests/broker/server_cases.h"

#include <sys/socket.h>

/* A segment is more than the sockets of both sides take in for a client that has hardly read yet:
 * what has been read through a connection makes its buffers grow. */
enum { MIB = 1024 * 1024, SEGMENT_BATCHES = 16, VALUE_SIZE = 1000000, ROUNDS_MAX = 10 };

static const struct server_shape shape = {
    .core_count = 2,
    .memory_bytes = 32 * (size_t)MIB,
    .sets = {"log.segment.bytes=16777216", "log.retention.bytes=4194304",
             "log.retention.check.interval.ms=20", "log.segment.delete.delay.ms=0"},
};

static struct store *store_of(const struct server *server, struct client_partition topic)
{
    const struct broker_core *core =
        roster_core(&server->broker->roster, server_core_of(server, topic));
    const struct partition *partition =
        replica_manager_find(&core->replicas, topic.topic_id, topic.index);
    assert_non_null(partition);
    return partition->log->store;
}

static void put_many(struct server *server, struct client *client, struct client_partition topic,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        server_put(server, client, topic, &(struct server_batch){.value_size = VALUE_SIZE});
}

static struct asked *ask_segment(struct server *server, struct client *client,
                                 struct client_partition topic, int64_t offset)
{
    struct asked *asked = server_ask(server);
    const struct client_fetch fetch = {
        .partition = topic, .offset = offset, .min_bytes = 1, .max_bytes = SEGMENT_BATCHES * MIB};
    client_fetch_partition(client, &asked->call, &fetch);
    return asked;
}

static uint32_t fetch_count(struct server *server, struct asked *asked)
{
    struct client_fetched fetched = server_fetched(server, asked);
    assert_int_equal(fetched.error, KAFKA_NONE);
    return server_count(fetched.records);
}

/* Until all of the first segment comes at once, which memory has no room for: from its file. */
static void read_until_paged(struct server *server, struct client *client,
                             struct client_partition topic)
{
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        int64_t offset = fetch_count(server, ask_segment(server, client, topic, 0));
        if (offset == SEGMENT_BATCHES)
            return;
        while (offset < SEGMENT_BATCHES)
            offset += fetch_count(server, ask_segment(server, client, topic, offset));
    }
    fail_msg("nothing is sent from files");
}

/* The kernel's own buffers may be larger than a segment, on a machine whose owner wished so. In the
 * simulator there are none. */
static void narrow_connections(const struct server *server, const struct client *client)
{
    const int size_bytes = MIB / 8;
    if (server->harness->time_is_simulated)
        return;
    assert_int_equal(
        setsockopt(client->handle, SOL_SOCKET, SO_RCVBUF, &size_bytes, sizeof size_bytes), 0);
    for (uint32_t i = 0; i < server->core_count; i++) {
        const struct connection *connection;
        list_for_each_entry (connection, &roster_core(&server->broker->roster, i)->connections,
                             node)
            assert_int_equal(setsockopt(connection->handle, SOL_SOCKET, SO_SNDBUF, &size_bytes,
                                        sizeof size_bytes),
                             0);
    }
}

/* The first bytes of an answer reach even a client that has just become deaf. */
static bool has_begun(const struct client *client)
{
    return client->has_size || client->received_bytes > 0;
}

/* Retention deletes a segment while an answer with all of it is being sent: the client gets what it
 * was promised, and then the file is let go. */
static void a_segment_is_deleted_while_it_is_sent(void **state)
{
    struct server *server = *state;
    server_start(server, &shape);
    struct client *deaf = server_client(server);
    struct client *other = server_client(server);
    struct client_partition topic = server_topic(server, other, 1);
    put_many(server, other, topic, SEGMENT_BATCHES + 1);
    read_until_paged(server, other, topic);
    server_list(server, deaf, topic, CLIENT_EARLIEST);
    narrow_connections(server, deaf);
    client_set_deaf(deaf, true);
    struct asked *asked = ask_segment(server, deaf, topic, 0);
    while (!has_begun(deaf))
        server_linger(server, 1);

    put_many(server, other, topic, 5);
    while (server_list(server, other, topic, CLIENT_EARLIEST).offset < SEGMENT_BATCHES)
        server_linger(server, 20);
    struct store *store = store_of(server, topic);
    paged_drop_all(store);
    assert_false(list_is_empty(&store->paged_files)); /* but for what is being sent */
    assert_false(asked->has_landed);

    client_set_deaf(deaf, false);
    assert_int_equal(fetch_count(server, asked), SEGMENT_BATCHES);
    while (!list_is_empty(&store->paged_files))
        server_linger(server, 1);
}

uint32_t server_paged_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(a_segment_is_deleted_while_it_is_sent),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
