/* How long the broker waits for a client, in its own time: minutes, so these cases are for doors
 * whose time is simulated. */
#include "tests/broker/server_cases.h"

enum { FRAME_SECONDS = 30, FRAME_PARTS = 32, SEND_SECONDS = 60 };

/* Longer than the watchdog allows at a time. */
static void linger_seconds(struct server *server, uint32_t seconds)
{
    for (; seconds > 10; seconds -= 10)
        server_linger(server, 10 * 1000);
    server_linger(server, seconds * 1000);
}

/* The name of the client makes it as long as is wanted. */
static struct bytes metadata_frame(struct server *server, uint16_t name_size)
{
    uint8_t *name = arena_allocate(&server->arena, name_size + 1u);
    assert_non_null(name);
    memset(name, 'n', name_size);
    struct writer writer;
    writer_init(&writer, &server->arena);
    writer_i32(&writer, 14 + name_size);
    writer_i16(&writer, API_METADATA);
    writer_i16(&writer, 1);
    writer_i32(&writer, 1);
    writer_i16(&writer, (int16_t)name_size);
    writer_bytes(&writer, bytes_of(name, name_size));
    writer_i32(&writer, 0);
    return writer_result(&writer);
}

static struct asked *send_part(struct server *server, struct client *client, struct bytes bytes,
                               size_t from, size_t size)
{
    struct asked *asked = server_ask(server);
    client_call_send_raw(client, &asked->call, bytes_of(bytes.data + from, size));
    return asked;
}

/* Half a frame is waited for half a minute, and no longer when nothing more comes. */
static void half_a_frame_is_given_up(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct bytes frame = metadata_frame(server, 0);
    struct asked *asked = send_part(server, server_client(server), frame, 0, frame.size / 2);
    linger_seconds(server, FRAME_SECONDS - 3);
    assert_false(asked->has_landed);
    linger_seconds(server, 6);
    assert_true(asked->has_landed);
    assert_int_equal(asked->result, STATUS_CLOSED);
}

/* Sends a frame in pieces, with a pause before each but the first, for as long as the connection
 * stands. Answers how many have left. */
static size_t trickle(struct server *server, struct client *client, struct bytes frame,
                      size_t piece_bytes, uint32_t pause_seconds, struct asked **asked)
{
    *asked = send_part(server, client, frame, 0, piece_bytes);
    size_t count = 1;
    for (size_t at = piece_bytes; at < frame.size; at += piece_bytes, count++) {
        linger_seconds(server, pause_seconds);
        if ((*asked)->has_landed)
            return count;
        size_t rest = frame.size - at;
        send_part(server, client, frame, at, piece_bytes < rest ? piece_bytes : rest);
    }
    return count;
}

/* A client that is slow, and goes on sending, is served however long its request takes: of each
 * half minute it needs a part in thirty-two. */
static void a_slow_sender_is_served(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    const struct bytes frames[] = {metadata_frame(server, 0), metadata_frame(server, 30000)};
    for (size_t i = 0; i < 2; i++) {
        struct asked *asked;
        size_t piece_bytes = frames[i].size / FRAME_PARTS + 1;
        size_t count = trickle(server, client, frames[i], piece_bytes, FRAME_SECONDS - 3, &asked);
        assert_true(count * piece_bytes >= frames[i].size);
        server_answered(server, asked);
        assert_int_equal(client->connect_count, 1);
        client_disconnect(client);
        client = server_client(server);
    }
}

/* A client that keeps its request going, but hardly, is let go: it could hold much for little. */
static void one_that_trickles_is_given_up(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct bytes frame = metadata_frame(server, 30000);
    size_t piece_bytes = frame.size / FRAME_PARTS / 10;
    struct asked *asked;
    size_t count = trickle(server, server_client(server), frame, piece_bytes, 5, &asked);
    assert_int_equal(asked->result, STATUS_CLOSED);
    assert_in_range(count, FRAME_SECONDS / 5, FRAME_SECONDS / 5 + 2);
}

/* Where memory is used up, what is kept for one frame at a time is not for a slow one. */
static void a_slow_sender_does_not_keep_the_reserve(void **state)
{
    enum { MIB = 1024 * 1024 };
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 1, .memory_bytes = 16 * MIB});
    struct writer writer;
    writer_init(&writer, &server->arena);
    writer_i32(&writer, 8 * MIB);
    uint8_t *body = arena_allocate(&server->arena, 8 * MIB);
    assert_non_null(body);
    memset(body, 0, 8 * MIB);
    writer_bytes(&writer, bytes_of(body, 8 * MIB));
    struct bytes frame = writer_result(&writer);
    struct asked *asked;
    size_t count = trickle(server, server_client(server), frame, frame.size / FRAME_PARTS + 1,
                           FRAME_SECONDS - 3, &asked);
    assert_int_equal(asked->result, STATUS_CLOSED);
    assert_in_range(count, 2, FRAME_PARTS / 2);
}

/* Each frame has half a minute of its own, also when the next has always begun already. */
static void frames_may_follow_each_other_for_ever(void **state)
{
    enum { FRAME_COUNT = 30, STEP_SECONDS = 3 };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct bytes frame = metadata_frame(server, 0);
    struct writer writer;
    writer_init(&writer, &server->arena);
    for (uint32_t i = 0; i < FRAME_COUNT + 1; i++)
        writer_bytes(&writer, frame);
    struct bytes frames = writer_result(&writer);
    size_t half = frame.size / 2;
    struct asked *asked = send_part(server, client, frames, 0, frame.size + half);
    for (size_t i = 1; i < FRAME_COUNT; i++) {
        linger_seconds(server, STEP_SECONDS);
        server_answered(server, asked);
        asked = send_part(server, client, frames, i * frame.size + half, frame.size);
    }
    server_answered(server, asked);
    assert_int_equal(client->connect_count, 1);
}

/* Answers more fetches than the connection can hold, to a client that reads nothing for so long. */
static int32_t fetch_deaf(struct server *server, struct client_partition topic, uint32_t seconds)
{
    enum { FETCH_COUNT = 8 };
    struct client *deaf = server_client(server);
    server_answered(server, server_fetch(server, deaf, topic, 0, 0));
    client_set_deaf(deaf, true);
    struct asked *asked = NULL;
    for (uint32_t i = 0; i < FETCH_COUNT; i++)
        asked = server_fetch(server, deaf, topic, 0, 0);
    linger_seconds(server, seconds);
    assert_false(asked->has_landed);
    client_set_deaf(deaf, false);
    return server_wait(server, asked);
}

/* A client that does not read its answers is let go after a minute. */
static void a_client_that_never_reads_is_let_go(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.value_size = 900000});
    assert_int_equal(fetch_deaf(server, topic, SEND_SECONDS - 5), STATUS_OK);
    assert_int_equal(fetch_deaf(server, topic, SEND_SECONDS + 5), STATUS_CLOSED);
}

/* A client that is slow, and goes on reading, gets its answer however long that takes. */
static void a_slow_reader_is_served(void **state)
{
    enum { STEP_SECONDS = SEND_SECONDS / 2 };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.value_size = 900000});
    client_set_deaf(client, true);
    struct asked *asked = server_fetch(server, client, topic, 0, 0);
    uint32_t step_count = 0;
    for (; !asked->has_landed; step_count++) {
        linger_seconds(server, STEP_SECONDS);
        client_set_deaf(client, false); /* for one receive */
        client_set_deaf(client, true);
    }
    assert_true(step_count > 3);
    assert_int_equal(server_count(server_fetched(server, asked).records), 1);
    assert_int_equal(client->connect_count, 1);
}

/* The minute begins with the answer, not with the request: who has waited long for it may be slow
 * to take it. */
static void a_long_wait_is_not_held_against_the_client(void **state)
{
    enum { WAIT_SECONDS = SEND_SECONDS + 10 };
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.value_size = 900000});
    struct asked *asked = server_ask(server);
    const struct client_fetch fetch = {
        .partition = topic, .wait_ms = WAIT_SECONDS * 1000, .min_bytes = 10000000};
    client_fetch_partition(client, &asked->call, &fetch);
    linger_seconds(server, WAIT_SECONDS - 1);
    assert_false(asked->has_landed);
    client_set_deaf(client, true);
    linger_seconds(server, 10);
    assert_false(asked->has_landed);
    client_set_deaf(client, false);
    assert_int_equal(server_count(server_fetched(server, asked).records), 1);
    assert_int_equal(client->connect_count, 1);
}

/* Who says nothing for connections.max.idle.ms is let go; who waits for an answer is not idle. */
static void idle_clients_are_let_go(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.sets = {"connections.max.idle.ms=20000"}});
    struct client *idle = server_client(server);
    struct client *waiting = server_client(server);
    struct client_partition topic = server_topic(server, idle, 1);
    struct asked *asked = server_fetch(server, waiting, topic, 0, 40000);
    linger_seconds(server, 15);
    assert_int_equal(server_list(server, idle, topic, CLIENT_LATEST).offset, 0);
    linger_seconds(server, 15);
    assert_int_equal(server_list(server, idle, topic, CLIENT_LATEST).offset, 0);
    assert_int_equal(idle->connect_count, 1);
    linger_seconds(server, 25);
    assert_int_equal(server_fetched(server, asked).error, KAFKA_NONE);
    assert_int_equal(waiting->connect_count, 1);
    assert_int_equal(server_list(server, idle, topic, CLIENT_LATEST).offset, 0);
    assert_int_equal(idle->connect_count, 2);
}

uint32_t server_deadlines_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(half_a_frame_is_given_up),
        SERVER_CASE(a_slow_sender_is_served),
        SERVER_CASE(one_that_trickles_is_given_up),
        SERVER_CASE(a_slow_sender_does_not_keep_the_reserve),
        SERVER_CASE(frames_may_follow_each_other_for_ever),
        SERVER_CASE(a_client_that_never_reads_is_let_go),
        SERVER_CASE(a_slow_reader_is_served),
        SERVER_CASE(a_long_wait_is_not_held_against_the_client),
        SERVER_CASE(idle_clients_are_let_go),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
