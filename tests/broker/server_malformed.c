/* Bytes that are no request: the connection is closed, or the request answered as Kafka does, and
 * the broker lives on. */
#include "tests/broker/server_cases.h"

/* A frame written by hand. */
struct frame {
    int32_t size; /* as announced; -1: the true one */
    int16_t key;
    int16_t version;
    bool is_flexible;
    const char *body;
    size_t body_size;
    bool is_cut; /* the header ends within the client id */
};

static struct bytes frame_write(struct server *server, const struct frame *frame)
{
    struct writer writer;
    writer_init(&writer, &server->arena);
    writer_i32(&writer, 0);
    writer_i16(&writer, frame->key);
    writer_i16(&writer, frame->version);
    writer_i32(&writer, 77);
    writer_i16(&writer, frame->is_cut ? 100 : 2);
    writer_bytes(&writer, bytes_of("me", 2));
    if (frame->is_flexible)
        writer_u8(&writer, 0);
    writer_bytes(&writer, bytes_of(frame->body, frame->body_size));
    int32_t size = (int32_t)writer.size - 4;
    writer_patch_i32(&writer, 0, frame->size == -1 ? size : frame->size);
    return writer_result(&writer);
}

static void check_lives(struct server *server, struct client *client)
{
    struct asked *asked = server_ask(server);
    struct metadata_request request;
    struct metadata_response response;
    metadata_request_init(&request);
    client_metadata(client, &asked->call, 13, &request);
    server_answered(server, asked);
    assert_int_equal(client_metadata_answer(&asked->call, &response), STATUS_OK);
}

static void check_closes(struct server *server, const struct frame *frame)
{
    struct client *client = server_client(server);
    struct asked *asked = server_ask(server);
    client_call_send_raw(client, &asked->call, frame_write(server, frame));
    server_expect_closed(server, asked);
    check_lives(server, client);
}

/* Sizes that no request has, keys and versions that are not served, and headers that end early
 * close the connection. */
static void impossible_frames_close(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.sets = {"socket.request.max.bytes=100000"}});
    check_closes(server, &(struct frame){.size = -2, .key = 3, .version = 1});
    check_closes(server, &(struct frame){.size = INT32_MIN, .key = 3, .version = 1});
    check_closes(server, &(struct frame){.size = INT32_MAX, .key = 3, .version = 1});
    check_closes(server, &(struct frame){.size = 100001, .key = 3, .version = 1});
    check_closes(server, &(struct frame){.size = 3, .key = 3, .version = 1});
    check_closes(server, &(struct frame){.size = 0, .key = 3, .version = 1});
    check_closes(server, &(struct frame){.size = -1, .key = 999, .version = 0});
    check_closes(server, &(struct frame){.size = -1, .key = -1, .version = 0});
    check_closes(server, &(struct frame){.size = -1, .key = 3, .version = 99});
    check_closes(server, &(struct frame){.size = -1, .key = 3, .version = -1});
    check_closes(server, &(struct frame){.size = -1, .key = 3, .version = 1, .is_cut = true});
}

/* Counts and lengths that go beyond the frame, numbers that never end, and tags out of shape close
 * the connection; none of them makes the broker take memory for what is not there. */
static void impossible_bodies_close(void **state)
{
    static const struct frame frames[] = {
        {.size = -1, .key = 3, .version = 1, .body = "\x7f\xff\xff\xff", .body_size = 4},
        {.size = -1, .key = 3, .version = 1, .body = "\x00\x00\x00\x02\x00", .body_size = 5},
        {.size = -1, .key = 3, .version = 1, .body = "\x00\x00", .body_size = 2},
        {.size = -1,
         .key = 3,
         .version = 9,
         .is_flexible = true,
         .body = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         .body_size = 10},
        {.size = -1,
         .key = 3,
         .version = 9,
         .is_flexible = true,
         .body = "\xff\xff\xff\xff\x0f",
         .body_size = 5},
        {.size = -1,
         .key = 3,
         .version = 9,
         .is_flexible = true,
         .body = "\x01\x01\x01\x01\x05\x00\x7f",
         .body_size = 7},
        {.size = -1,
         .key = 0,
         .version = 3,
         .body = "\xff\xff\x00\x01\x00\x00\x00\x01"
                 "\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x01\x00\x00\x00\x00\x7f\xff\xff\xff",
         .body_size = 27},
        {.size = -1, .key = 1, .version = 4, .body = "", .body_size = 0},
    };
    struct server *server = *state;
    server_start(server, NULL);
    for (uint32_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        check_closes(server, &frames[i]);
}

/* A client newer than the broker is told in the oldest form which ApiVersions it may use, and its
 * connection stays. */
static void newer_clients_are_told(void **state)
{
    static const uint8_t wanted[] = {0, 0, 0, 77, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4};
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct asked *asked = server_ask(server);
    const struct frame frame = {
        .size = -1, .key = 18, .version = 99, .is_flexible = true, .body = "?!", .body_size = 2};
    client_call_send_raw(client, &asked->call, frame_write(server, &frame));
    server_answered(server, asked);
    assert_int_equal(asked->call.answer.size, sizeof wanted);
    assert_memory_equal(asked->call.answer.data, wanted, sizeof wanted);
    check_lives(server, client);
    assert_int_equal(client->connect_count, 1);
}

/* A request that arrives byte by byte is answered like any other, and so are several that arrive
 * together. */
static void requests_arrive_in_any_pieces(void **state)
{
    static const struct frame frame = {
        .size = -1, .key = 3, .version = 1, .body = "\x00\x00\x00\x00", .body_size = 4};
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct bytes bytes = frame_write(server, &frame);
    for (size_t i = 0; i + 1 < bytes.size; i++) {
        struct asked *piece = server_ask(server);
        piece->call.has_no_answer = true;
        client_call_send_raw(client, &piece->call, bytes_of(bytes.data + i, 1));
        server_answered(server, piece);
    }
    struct asked *last = server_ask(server);
    client_call_send_raw(client, &last->call, bytes_of(bytes.data + bytes.size - 1, 1));
    server_answered(server, last);

    struct writer writer;
    writer_init(&writer, &server->arena);
    for (uint32_t i = 0; i < 20; i++)
        writer_bytes(&writer, bytes);
    struct asked *many[20];
    for (uint32_t i = 0; i < 20; i++) {
        many[i] = server_ask(server);
        struct bytes sent = i == 0 ? writer_result(&writer) : bytes_of("", 0);
        client_call_send_raw(client, &many[i]->call, sent);
    }
    for (uint32_t i = 0; i < 20; i++)
        server_answered(server, many[i]);
}

/* A frame that ends in the middle, because its client does, leaves nothing behind. */
static void a_frame_may_never_end(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        struct client *client = server_client(server);
        struct asked *asked = server_ask(server);
        const struct frame frame = {.size = 50000, .key = 0, .version = 9};
        client_call_send_raw(client, &asked->call, frame_write(server, &frame));
        server_linger_sent(server, client);
        client_disconnect(client);
        server_expect_closed(server, asked);
    }
    check_lives(server, server_client(server));
}

uint32_t server_malformed_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(impossible_frames_close), SERVER_CASE(impossible_bodies_close),
        SERVER_CASE(newer_clients_are_told),  SERVER_CASE(requests_arrive_in_any_pieces),
        SERVER_CASE(a_frame_may_never_end),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
