/* Cases of the seam: listening, connecting, and bytes that go both ways. */
#include "tests/io/seam_pair.h"

#include <stdlib.h>
#include <string.h>

static int32_t send_text(struct seam *seam, int32_t handle, const char *text)
{
    struct bytes piece = bytes_of_text(text);
    struct seam_request sent;
    io_send(seam->io, seam_ask(&sent), handle, &piece, 1);
    return seam_wait(seam, &sent);
}

static void expect_text(struct seam *seam, int32_t handle, const char *text)
{
    char buffer[64];
    uint32_t size = (uint32_t)strlen(text);
    uint32_t done = 0;
    while (done < size) {
        int32_t got = seam_receive(seam, handle, buffer + done, size - done);
        assert_true(got > 0);
        done += (uint32_t)got;
    }
    assert_memory_equal(buffer, text, size);
}

static void addresses_are_parsed_and_shown(void **state)
{
    /* Numeric addresses of both kinds, with and without brackets, have one text each. */
    struct io_address address;
    assert_int_equal(io_address_parse("127.0.0.1", 9092, &address), STATUS_OK);
    assert_string_equal(address.text, "127.0.0.1:9092");
    assert_int_equal(io_address_parse("::1", 1, &address), STATUS_OK);
    assert_string_equal(address.text, "[::1]:1");
    assert_int_equal(io_address_parse("[2001:DB8::7]", 65535, &address), STATUS_OK);
    assert_string_equal(address.text, "[2001:db8::7]:65535");
    assert_int_equal(io_address_parse("", 9092, &address), STATUS_OK);
    assert_string_equal(address.text, "[::]:9092");
    assert_int_equal(io_address_parse("0.0.0.0", 0, &address), STATUS_OK);
    assert_string_equal(address.text, "0.0.0.0:0");
}

static void a_port_is_listened_to_once(void **state)
{
    /* A second listener on the same port is IN_USE; after the first is closed the port is free. */
    struct seam *seam = *state;
    struct io_address address;
    int32_t listener = seam_listen(seam, &address);
    struct io_address again = address;
    int32_t second;
    assert_int_equal(io_listen(seam->io, &again, &second), STATUS_IN_USE);
    io_close_listener(seam->io, listener);
    assert_int_equal(io_listen(seam->io, &again, &second), STATUS_OK);
    assert_int_equal(again.port, address.port);
    io_close_listener(seam->io, second);
}

static void connections_carry_bytes_both_ways(void **state)
{
    /* What one side sends the other receives, and accept says who has come. */
    struct seam *seam = *state;
    struct io_address address;
    int32_t listener = seam_listen(seam, &address);
    struct seam_request accepted;
    struct seam_request connected;
    io_connect(seam->io, seam_ask(&connected), &address);
    int32_t client = seam_wait(seam, &connected);
    io_accept(seam->io, seam_ask(&accepted), listener);
    int32_t server = seam_wait(seam, &accepted);
    assert_true(client >= 0 && server >= 0);
    assert_memory_equal(accepted.request.address.ip, address.ip, sizeof address.ip);
    assert_true(accepted.request.address.port > 0);
    assert_memory_equal(accepted.request.address.text, "127.0.0.1:", 10);

    assert_int_equal(send_text(seam, client, "question"), 8);
    expect_text(seam, server, "question");
    assert_int_equal(send_text(seam, server, "answer"), 6);
    expect_text(seam, client, "answer");
    seam_close_pair(seam, (struct seam_pair){client, server});
    io_close_listener(seam->io, listener);
}

static void receive_waits_for_bytes(void **state)
{
    /* A receive lands when bytes come, with what there is, while the other direction moves. */
    struct seam *seam = *state;
    struct seam_pair pair = seam_connect(seam);
    char buffer[32];
    struct seam_request received;
    io_receive(seam->io, seam_ask(&received), pair.server, buffer, sizeof buffer);
    assert_int_equal(send_text(seam, pair.server, "first"), 5);
    expect_text(seam, pair.client, "first");
    assert_int_equal(received.landed_count, 0);
    assert_int_equal(send_text(seam, pair.client, "at last"), 7);
    int32_t got = seam_wait(seam, &received);
    assert_in_range(got, 1, 7);
    assert_memory_equal(buffer, "at last", (size_t)got);
    seam_close_pair(seam, pair);
}

static void long_sends_are_whole(void **state)
{
    /* Pieces by the thousand, empty ones among them, together much larger than the buffers of a
     * socket, arrive complete and in order; the send lands with their sum. */
    struct seam *seam = *state;
    enum { PIECE_COUNT = 3000, SIZE = 12 * 1024 * 1024 };
    uint8_t *content = malloc(SIZE);
    uint8_t *arrived = malloc(SIZE);
    struct bytes *pieces = calloc(PIECE_COUNT, sizeof *pieces);
    assert_true(content != NULL && arrived != NULL && pieces != NULL);
    seam_fill(content, SIZE, 6);
    uint32_t offset = 0;
    for (uint32_t i = 0; i < PIECE_COUNT; i++) {
        uint32_t size = i % 7 == 0 ? 0 : (i * 7919u) % 8192u;
        size = i == PIECE_COUNT - 2 || size > SIZE - offset ? SIZE - offset : size;
        pieces[i] = bytes_of(content + offset, size);
        offset += size;
    }
    assert_int_equal(offset, SIZE);

    struct seam_pair pair = seam_connect(seam);
    struct seam_request sent;
    io_send(seam->io, seam_ask(&sent), pair.client, pieces, PIECE_COUNT);
    struct seam_sink sink = {.seam = seam, .handle = pair.server, .bytes = arrived, .wanted = SIZE};
    seam_sink_run(&sink);
    assert_int_equal(seam_wait(seam, &sent), SIZE);
    assert_memory_equal(arrived, content, SIZE);
    seam_close_pair(seam, pair);
    free(pieces);
    free(arrived);
    free(content);
}

static void sends_say_how_far_they_are(void **state)
{
    /* What has arrived on the other side is known to have left, but for some MiB. */
    enum { PIECE_COUNT = 24, PIECE_SIZE = 512 * 1024, LAG_SIZE = 2 * 1024 * 1024 };
    const uint32_t size = PIECE_COUNT * PIECE_SIZE;
    struct seam *seam = *state;
    uint8_t *content = calloc(1, PIECE_SIZE);
    uint8_t *arrived = malloc(size);
    struct bytes pieces[PIECE_COUNT];
    assert_non_null(content);
    assert_non_null(arrived);
    for (uint32_t i = 0; i < PIECE_COUNT; i++)
        pieces[i] = bytes_of(content, PIECE_SIZE);
    struct seam_pair pair = seam_connect(seam);
    struct seam_request sent;
    io_send(seam->io, seam_ask(&sent), pair.client, pieces, PIECE_COUNT);
    struct seam_sink sink = {.seam = seam, .handle = pair.server, .bytes = arrived};
    for (sink.wanted = size / 3; sink.wanted < size; sink.wanted += size / 3) {
        seam_sink_run(&sink);
        assert_true(io_sent_bytes(&sent.request) + LAG_SIZE >= sink.wanted);
    }
    sink.wanted = size;
    seam_sink_run(&sink);
    assert_int_equal(seam_wait(seam, &sent), size);
    seam_close_pair(seam, pair);
    free(arrived);
    free(content);
}

static void sending_nothing_lands(void **state)
{
    /* No pieces, or only empty ones, are sent at once; it still lands later. */
    struct seam *seam = *state;
    struct seam_pair pair = seam_connect(seam);
    struct bytes empty[2] = {bytes_of_text(""), bytes_of_text("")};
    struct seam_request sent;
    io_send(seam->io, seam_ask(&sent), pair.client, empty, 2);
    assert_int_equal(sent.landed_count, 0);
    assert_int_equal(seam_wait(seam, &sent), 0);
    io_send(seam->io, seam_ask(&sent), pair.client, empty, 0);
    assert_int_equal(seam_wait(seam, &sent), 0);
    seam_close_pair(seam, pair);
}

static void both_directions_at_once(void **state)
{
    /* Two long sends cross each other on one connection while both sides receive. */
    struct seam *seam = *state;
    enum { SIZE = 4 * 1024 * 1024 };
    uint8_t *content = malloc(SIZE);
    uint8_t *arrived[2] = {malloc(SIZE), malloc(SIZE)};
    assert_true(content != NULL && arrived[0] != NULL && arrived[1] != NULL);
    seam_fill(content, SIZE, 7);
    struct bytes piece = bytes_of(content, SIZE);
    struct seam_pair pair = seam_connect(seam);
    struct seam_request sent[2];
    io_send(seam->io, seam_ask(&sent[0]), pair.client, &piece, 1);
    io_send(seam->io, seam_ask(&sent[1]), pair.server, &piece, 1);
    struct seam_sink server = {
        .seam = seam, .handle = pair.server, .bytes = arrived[0], .wanted = SIZE};
    struct seam_sink client = {
        .seam = seam, .handle = pair.client, .bytes = arrived[1], .wanted = SIZE};
    seam_sink_run(&server);
    seam_sink_run(&client);
    assert_int_equal(seam_wait(seam, &sent[0]), SIZE);
    assert_int_equal(seam_wait(seam, &sent[1]), SIZE);
    assert_memory_equal(arrived[0], content, SIZE);
    assert_memory_equal(arrived[1], content, SIZE);
    seam_close_pair(seam, pair);
    free(arrived[1]);
    free(arrived[0]);
    free(content);
}

static void the_end_of_a_stream_is_zero(void **state)
{
    /* After a shutdown the other side receives what was sent before, and then 0. */
    struct seam *seam = *state;
    struct seam_pair pair = seam_connect(seam);
    char buffer[16];
    assert_int_equal(send_text(seam, pair.client, "last words"), 10);
    expect_text(seam, pair.server, "last words");
    io_shutdown(seam->io, pair.client);
    assert_int_equal(seam_receive(seam, pair.server, buffer, sizeof buffer), 0);
    seam_close_pair(seam, pair);
}

static void shutdown_ends_what_is_in_flight(void **state)
{
    /* A receive and a send that wait on a connection land soon after its shutdown. */
    struct seam *seam = *state;
    enum { SIZE = 32 * 1024 * 1024 };
    uint8_t *content = calloc(1, SIZE);
    assert_non_null(content);
    struct bytes piece = bytes_of(content, SIZE);
    struct seam_pair pair = seam_connect(seam);
    char buffer[16];
    struct seam_request received;
    struct seam_request sent;
    io_receive(seam->io, seam_ask(&received), pair.server, buffer, sizeof buffer);
    io_send(seam->io, seam_ask(&sent), pair.server, &piece, 1);
    assert_int_equal(send_text(seam, pair.client, "x"), 1);
    assert_int_equal(seam_wait(seam, &received), 1);
    assert_int_equal(sent.landed_count, 0);

    io_receive(seam->io, seam_ask(&received), pair.server, buffer, sizeof buffer);
    io_shutdown(seam->io, pair.server);
    assert_true(seam_wait(seam, &received) <= 0);
    assert_true(seam_wait(seam, &sent) < 0);
    seam_close_pair(seam, pair);
    free(content);
}

static void closing_a_listener_cancels_its_accepts(void **state)
{
    /* Every accept that waits on a listener lands with CANCELLED when it is closed, whether it
     * waits already or was asked for in this turn. */
    struct seam *seam = *state;
    struct io_address address;
    int32_t listener = seam_listen(seam, &address);
    struct seam_request accepted[3];
    struct seam_request other;
    io_accept(seam->io, seam_ask(&accepted[0]), listener);
    io_accept(seam->io, seam_ask(&accepted[1]), listener);
    io_free_space(seam->io, seam_ask(&other), seam->directory);
    assert_int_equal(seam_wait(seam, &other), STATUS_OK);
    io_accept(seam->io, seam_ask(&accepted[2]), listener);
    io_close_listener(seam->io, listener);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(seam_wait(seam, &accepted[i]), STATUS_CANCELLED);
}

static void nobody_listening_is_refused(void **state)
{
    /* A connection to a port without a listener lands with REFUSED. */
    struct seam *seam = *state;
    struct io_address address;
    io_close_listener(seam->io, seam_listen(seam, &address));
    struct seam_request connected;
    io_connect(seam->io, seam_ask(&connected), &address);
    assert_int_equal(connected.landed_count, 0);
    assert_int_equal(seam_wait(seam, &connected), STATUS_REFUSED);
}

static void a_reset_is_closed(void **state)
{
    /* When the other side goes away with bytes unread, sends and receives here end with CLOSED (or
     * see the end of the stream), and nothing else happens to the process. */
    struct seam *seam = *state;
    struct seam_pair pair = seam_connect(seam);
    char buffer[16];
    assert_int_equal(send_text(seam, pair.client, "never read"), 10);
    expect_text(seam, pair.server, "never");
    seam_close(seam, pair.server);
    int32_t received = seam_receive(seam, pair.client, buffer, sizeof buffer);
    assert_true(received == 0 || received == STATUS_CLOSED);
    int32_t sent = 0;
    for (uint32_t i = 0; i < 100 && sent >= 0; i++)
        sent = send_text(seam, pair.client, "hello?");
    assert_int_equal(sent, STATUS_CLOSED);
    seam_close(seam, pair.client);
}

static void many_connections_at_once(void **state)
{
    /* As many accepts as connections land, whichever side asks first, and each pair is its own. */
    struct seam *seam = *state;
    enum { COUNT = 40 };
    struct io_address address;
    int32_t listener = seam_listen(seam, &address);
    struct seam_request accepted[COUNT];
    struct seam_request connected[COUNT];
    for (uint32_t i = 0; i < COUNT / 2; i++)
        io_accept(seam->io, seam_ask(&accepted[i]), listener);
    for (uint32_t i = 0; i < COUNT; i++)
        io_connect(seam->io, seam_ask(&connected[i]), &address);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(seam_wait(seam, &connected[i]) >= 0);
    for (uint32_t i = COUNT / 2; i < COUNT; i++)
        io_accept(seam->io, seam_ask(&accepted[i]), listener);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(seam_wait(seam, &accepted[i]) >= 0);

    char seen[COUNT] = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        struct bytes piece = bytes_of(&i, 1);
        struct seam_request sent;
        io_send(seam->io, seam_ask(&sent), connected[i].result, &piece, 1);
        assert_int_equal(seam_wait(seam, &sent), 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t number = COUNT;
        assert_int_equal(seam_receive(seam, accepted[i].result, &number, 1), 1);
        assert_true(number < COUNT && !seen[number]);
        seen[number] = 1;
    }
    for (uint32_t i = 0; i < COUNT; i++)
        seam_close_pair(seam, (struct seam_pair){connected[i].result, accepted[i].result});
    io_close_listener(seam->io, listener);
}

static void large_receives_all_land(void **state)
{
    /* Where many receives with much room are asked for at once, the last lands though nothing comes
     * for those before it. */
    struct seam *seam = *state;
    enum { COUNT = 8, ROOM = 512 * 1024 };
    struct seam_pair pairs[COUNT];
    struct seam_request received[COUNT];
    uint8_t *buffer = malloc(ROOM);
    assert_non_null(buffer);
    for (uint32_t i = 0; i < COUNT; i++)
        pairs[i] = seam_connect(seam);
    assert_int_equal(send_text(seam, pairs[COUNT - 1].client, "!"), 1);
    for (uint32_t i = 0; i < COUNT; i++)
        io_receive(seam->io, seam_ask(&received[i]), pairs[i].server, buffer, ROOM);
    assert_int_equal(seam_wait(seam, &received[COUNT - 1]), 1);
    for (uint32_t i = 0; i + 1 < COUNT; i++) {
        assert_int_equal(received[i].landed_count, 0);
        io_shutdown(seam->io, pairs[i].client);
        assert_int_equal(seam_wait(seam, &received[i]), 0);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        seam_close_pair(seam, pairs[i]);
    free(buffer);
}

/* A connection on its way to another core, where one byte is received and sent back. */
struct guest {
    struct completion mail;
    struct seam *seam;
    struct io *io;
    struct io_request request;
    int32_t handle;
    struct bytes piece;
    uint8_t buffer[16];
    uint32_t done_count;
};

static void guest_closed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct guest *guest = container_of(request, struct guest, request);
    assert_int_equal(result, STATUS_OK);
    guest->done_count++;
}

static void guest_sent(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct guest *guest = container_of(request, struct guest, request);
    assert_int_equal(result, guest->piece.size);
    completion_init(completion, guest_closed);
    io_close(guest->io, request, guest->handle);
}

static void guest_received(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct guest *guest = container_of(request, struct guest, request);
    assert_true(result > 0);
    guest->piece = bytes_of(guest->buffer, (size_t)result);
    completion_init(completion, guest_sent);
    io_send(guest->io, request, guest->handle, &guest->piece, 1);
}

static void guest_arrived(struct completion *mail, int32_t result)
{
    struct guest *guest = container_of(mail, struct guest, mail);
    guest->handle = result;
    completion_init(&guest->request.completion, guest_received);
    io_receive(guest->io, &guest->request, guest->handle, guest->buffer, sizeof guest->buffer);
}

/* Echoes one byte on door 1 through `theirs` and sees it end there. */
static void visit_other_core(struct seam *seam, int32_t theirs, int32_t ours)
{
    struct guest guest = {.seam = seam, .io = seam->doors[1]};
    completion_init(&guest.mail, guest_arrived);
    assert_int_equal(send_text(seam, ours, "!"), 1);
    io_post(seam->io, 1, &guest.mail, theirs);
    seam_rotate_until(seam, &guest.done_count, 1);
    expect_text(seam, ours, "!");
    char buffer[4];
    assert_int_equal(seam_receive(seam, ours, buffer, sizeof buffer), 0);
    seam_close(seam, ours);
}

static void connections_move_to_other_cores(void **state)
{
    /* A handle that was accepted or connected here works on the core it is sent to, and when its
     * number comes up again here it is a new handle in every way. */
    struct seam *seam = *state;
    for (uint32_t round = 0; round < 3; round++) {
        struct seam_pair pair = seam_connect(seam);
        visit_other_core(seam, pair.server, pair.client);
        pair = seam_connect(seam);
        visit_other_core(seam, pair.client, pair.server);

        pair = seam_connect(seam);
        char byte;
        struct seam_request received[2];
        io_receive(seam->io, seam_ask(&received[0]), pair.server, &byte, 1);
        io_receive(seam->io, seam_ask(&received[1]), pair.client, &byte, 1);
        assert_int_equal(send_text(seam, pair.client, "a"), 1);
        assert_int_equal(seam_wait(seam, &received[0]), 1);
        assert_int_equal(send_text(seam, pair.server, "b"), 1);
        assert_int_equal(seam_wait(seam, &received[1]), 1);
        seam_close_pair(seam, pair);
    }
}

uint32_t seam_socket_cases(struct CMUnitTest *tests, struct seam_harness *harness)
{
    static const struct CMUnitTest cases[] = {
        SEAM_CASE(addresses_are_parsed_and_shown),
        SEAM_CASE(a_port_is_listened_to_once),
        SEAM_CASE(connections_carry_bytes_both_ways),
        SEAM_CASE(receive_waits_for_bytes),
        SEAM_CASE(long_sends_are_whole),
        SEAM_CASE(sends_say_how_far_they_are),
        SEAM_CASE(sending_nothing_lands),
        SEAM_CASE(both_directions_at_once),
        SEAM_CASE(the_end_of_a_stream_is_zero),
        SEAM_CASE(shutdown_ends_what_is_in_flight),
        SEAM_CASE(closing_a_listener_cancels_its_accepts),
        SEAM_CASE(nobody_listening_is_refused),
        SEAM_CASE(a_reset_is_closed),
        SEAM_CASE(many_connections_at_once),
        SEAM_CASE(large_receives_all_land),
        SEAM_CASE(connections_move_to_other_cores),
    };
    memcpy(tests, cases, sizeof cases);
    return sizeof cases / sizeof cases[0];
}
