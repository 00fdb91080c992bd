/* The simulated network by itself, without doors: what TCP promises, and what it does not. */
#include "io/io_backend.h"
#include "sim/host.h"
#include "sim/listener.h"
#include "sim/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENT = 0, SERVER = 1, PORT = 9000, STREAM_SIZE = 20000 };

struct world_of_two {
    struct event_queue queue;
    struct trace trace;
    struct network_faults faults;
    struct network network;
    struct listener *listener;
};

/* A request that remembers its landing. */
struct ask {
    struct io_request request;
    bool has_landed;
    int32_t result;
    struct endpoint *endpoint;
};

static void landed(struct network *network, struct io *io, struct io_request *request,
                   struct endpoint *endpoint, int32_t result)
{
    struct ask *ask = container_of(request, struct ask, request);
    assert_false(ask->has_landed);
    ask->has_landed = true;
    ask->result = result;
    ask->endpoint = endpoint;
}

static void two_init(struct world_of_two *two, struct network_faults faults, uint64_t seed)
{
    *two = (struct world_of_two){.faults = faults};
    event_queue_init(&two->queue, seed);
    trace_init(&two->trace);
    network_init(&two->network, &two->queue, &two->trace, &two->faults, seed);
    two->network.landed = landed;
    host_up(&two->network, CLIENT);
    host_up(&two->network, SERVER);
    struct io_address address = network_address(SERVER, PORT);
    assert_int_equal(listener_open(&two->network, SERVER, &address, &two->listener), STATUS_OK);
}

static void two_deinit(struct world_of_two *two)
{
    host_down(&two->network, CLIENT, true);
    host_down(&two->network, SERVER, true);
    network_deinit(&two->network);
    event_queue_deinit(&two->queue);
}

/* Lets everything happen that can. */
static void settle(struct world_of_two *two)
{
    struct event *event;
    while ((event = event_queue_take(&two->queue)) != NULL)
        event->fire(event);
}

static struct ask *ask_reset(struct ask *ask)
{
    memset(ask, 0, sizeof *ask);
    return ask;
}

static void ask_connect(struct world_of_two *two, struct ask *ask, uint16_t port)
{
    ask_reset(ask)->request.kind = IO_CONNECT;
    ask->request.address = network_address(SERVER, port);
    listener_connect(&two->network, NULL, &ask->request, CLIENT);
}

static void ask_accept(struct world_of_two *two, struct ask *ask)
{
    ask_reset(ask)->request.kind = IO_ACCEPT;
    listener_accept(two->listener, NULL, &ask->request);
}

static void ask_receive(struct endpoint *endpoint, struct ask *ask, void *buffer, uint32_t size)
{
    ask_reset(ask)->request.kind = IO_RECEIVE;
    ask->request.transfer.buffer = buffer;
    ask->request.transfer.size_bytes = size;
    endpoint_receive(endpoint, NULL, &ask->request);
}

static void ask_send(struct endpoint *endpoint, struct ask *ask, const struct bytes *pieces,
                     uint32_t piece_count)
{
    ask_reset(ask)->request.kind = IO_SEND;
    ask->request.send.pieces = pieces;
    ask->request.send.piece_count = piece_count;
    endpoint_send(endpoint, NULL, &ask->request);
}

struct pair {
    struct endpoint *client;
    struct endpoint *server;
};

static struct pair connected(struct world_of_two *two)
{
    struct ask connecting;
    struct ask accepting;
    ask_accept(two, &accepting);
    ask_connect(two, &connecting, PORT);
    settle(two);
    assert_int_equal(connecting.result, 0);
    assert_non_null(connecting.endpoint);
    assert_non_null(accepting.endpoint);
    return (struct pair){connecting.endpoint, accepting.endpoint};
}

static void send_text(struct world_of_two *two, struct endpoint *endpoint, const char *text)
{
    struct ask sending;
    struct bytes piece = bytes_of_text(text);
    ask_send(endpoint, &sending, &piece, 1);
    settle(two);
    assert_true(sending.has_landed);
    assert_int_equal(sending.result, strlen(text));
}

static int32_t receive_text(struct world_of_two *two, struct endpoint *endpoint, char text[64])
{
    struct ask receiving;
    memset(text, 0, 64);
    ask_receive(endpoint, &receiving, text, 63);
    settle(two);
    assert_true(receiving.has_landed);
    return receiving.result;
}

/* --- Streams ---------------------------------------------------------------------------------- */

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
}

/* Sends all pieces and receives until `size` bytes are there or nothing moves any more. */
static size_t pump(struct world_of_two *two, struct pair pair, const struct bytes *pieces,
                   uint32_t piece_count, uint8_t *received, size_t size)
{
    struct ask sending;
    struct ask receiving;
    size_t total = 0;
    bool is_sent = false;
    ask_send(pair.client, &sending, pieces, piece_count);
    ask_receive(pair.server, &receiving, received, (uint32_t)size);
    struct event *event;
    while ((event = event_queue_take(&two->queue)) != NULL) {
        event->fire(event);
        if (sending.has_landed && !is_sent) {
            sending.has_landed = false;
            is_sent = io_advance(&sending.request, &sending.result);
            if (!is_sent)
                endpoint_send(pair.client, NULL, &sending.request);
        }
        if (receiving.has_landed && receiving.result > 0) {
            total += (size_t)receiving.result;
            if (total < size)
                ask_receive(pair.server, &receiving, received + total, (uint32_t)(size - total));
            else
                receiving.has_landed = false;
        }
    }
    return total;
}

static void test_stream_is_whole_and_in_order(void **state)
{
    /* However it is cut and delayed, the stream arrives whole and in order. */
    static uint8_t sent[STREAM_SIZE];
    static uint8_t received[STREAM_SIZE];
    fill(sent, sizeof sent);
    const struct bytes pieces[] = {
        {sent, 1}, {sent + 1, 0}, {sent + 1, 7000}, {sent + 7001, STREAM_SIZE - 7001}};
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world_of_two two;
        two_init(&two,
                 (struct network_faults){
                     .window_bytes = 700, .split = 400000, .slow = 100000, .slow_ns_max = 9000000},
                 seed);
        memset(received, 0, sizeof received);
        assert_int_equal(pump(&two, connected(&two), pieces, 4, received, sizeof received),
                         STREAM_SIZE);
        assert_memory_equal(sent, received, sizeof sent);
        two_deinit(&two);
    }
}

static void test_slow_reader_stops_the_sender(void **state)
{
    /* No more than the window is taken from a sender whose other side does not read. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){.window_bytes = 1000}, 1);
    struct pair pair = connected(&two);
    static uint8_t sent[STREAM_SIZE];
    struct bytes piece = bytes_of(sent, sizeof sent);
    struct ask sending;
    ask_send(pair.client, &sending, &piece, 1);
    settle(&two);
    assert_int_equal(sending.result, 1000);
    io_advance(&sending.request, &sending.result);
    sending.has_landed = false;
    endpoint_send(pair.client, NULL, &sending.request);
    settle(&two);
    assert_false(sending.has_landed);
    char text[64];
    assert_int_equal(receive_text(&two, pair.server, text), 63);
    assert_true(sending.has_landed);
    assert_int_equal(sending.result, 63);
    two_deinit(&two);
}

static void test_reset_strikes_within_the_stream(void **state)
{
    /* A connection that breaks has delivered a prefix, and both sides are told. */
    static uint8_t sent[STREAM_SIZE];
    static uint8_t received[STREAM_SIZE];
    fill(sent, sizeof sent);
    struct bytes piece = bytes_of(sent, sizeof sent);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world_of_two two;
        two_init(&two, (struct network_faults){.window_bytes = 500}, seed);
        struct pair pair = connected(&two);
        two.faults.reset = 300000;
        size_t size = pump(&two, pair, &piece, 1, received, sizeof received);
        two.faults.reset = 0;
        assert_true(size < STREAM_SIZE);
        assert_memory_equal(sent, received, size);
        two_deinit(&two);
    }
}

static void test_nothing_arrives_after_a_reset(void **state)
{
    /* What is sent before the sender learns of a reset does not close the gap that it left. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world_of_two two;
        two_init(&two, (struct network_faults){0}, seed);
        struct pair pair = connected(&two);
        struct ask sending;
        struct bytes first = bytes_of_text("first");
        two.faults.reset = CHANCE_ALWAYS;
        ask_send(pair.client, &sending, &first, 1);
        while (!pair.server->is_reset) {
            struct event *event = event_queue_take(&two.queue);
            event->fire(event);
        }
        two.faults.reset = 0;
        struct bytes second = bytes_of_text("second");
        ask_send(pair.client, &sending, &second, 1);
        settle(&two);
        char text[64];
        int32_t size = receive_text(&two, pair.server, text);
        if (size > 0) {
            assert_memory_equal(text, "first", (size_t)size);
            size = receive_text(&two, pair.server, text);
        }
        assert_int_equal(size, STATUS_CLOSED);
        two_deinit(&two);
    }
}

static void test_end_comes_after_all_bytes(void **state)
{
    /* After a close the other side receives what was sent, and then the end. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct pair pair = connected(&two);
    send_text(&two, pair.client, "last words");
    endpoint_close(pair.client);
    char text[64];
    assert_int_equal(receive_text(&two, pair.server, text), 10);
    assert_string_equal(text, "last words");
    assert_int_equal(receive_text(&two, pair.server, text), 0);
    endpoint_close(pair.server);
    two_deinit(&two);
}

static void test_close_with_unread_bytes_resets(void **state)
{
    /* Who closes without having read everything resets the connection. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct pair pair = connected(&two);
    send_text(&two, pair.client, "unread");
    endpoint_close(pair.server);
    char text[64];
    assert_int_equal(receive_text(&two, pair.client, text), STATUS_CLOSED);
    endpoint_close(pair.client);
    two_deinit(&two);
}

static void test_shutdown_lands_what_is_in_flight(void **state)
{
    /* A shutdown ends the own receive at once, and the other side's stream. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct pair pair = connected(&two);
    char text[64];
    struct ask receiving;
    ask_receive(pair.client, &receiving, text, sizeof text);
    settle(&two);
    assert_false(receiving.has_landed);
    endpoint_shutdown(pair.client);
    assert_false(receiving.has_landed);
    settle(&two);
    assert_int_equal(receiving.result, 0);
    assert_int_equal(receive_text(&two, pair.server, text), 0);
    two_deinit(&two);
}

/* --- Connecting ------------------------------------------------------------------------------- */

static void test_connect_is_refused_where_nobody_listens(void **state)
{
    /* A port without listener refuses; a listened one is in use; port 0 finds a free one. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct ask connecting;
    ask_connect(&two, &connecting, PORT + 1);
    settle(&two);
    assert_int_equal(connecting.result, STATUS_REFUSED);
    struct listener *other;
    struct io_address address = network_address(SERVER, PORT);
    assert_int_equal(listener_open(&two.network, SERVER, &address, &other), STATUS_IN_USE);
    address = network_address(SERVER, 0);
    assert_int_equal(listener_open(&two.network, SERVER, &address, &other), STATUS_OK);
    assert_true(address.port > 0);
    assert_non_null(strstr(address.text, ":"));
    two_deinit(&two);
}

static void test_connect_times_out_on_a_blocked_link(void **state)
{
    /* A connect over a blocked link gets no answer, and works when the link opens in time. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    host_block(&two.network, SERVER, CLIENT, true);
    struct ask connecting;
    ask_connect(&two, &connecting, PORT);
    settle(&two);
    assert_int_equal(connecting.result, STATUS_TIMED_OUT);

    ask_connect(&two, &connecting, PORT);
    struct event *event = event_queue_take(&two.queue);
    event->fire(event);
    host_block(&two.network, SERVER, CLIENT, false);
    settle(&two);
    assert_int_equal(connecting.result, 0);
    two_deinit(&two);
}

static void test_closed_listener_cancels_accepts(void **state)
{
    /* Closing a listener cancels accepts in flight, and new connects are refused. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct ask accepting;
    ask_accept(&two, &accepting);
    listener_close(two.listener);
    assert_false(accepting.has_landed);
    settle(&two);
    assert_int_equal(accepting.result, STATUS_CANCELLED);
    struct ask connecting;
    ask_connect(&two, &connecting, PORT);
    settle(&two);
    assert_int_equal(connecting.result, STATUS_REFUSED);
    two_deinit(&two);
}

static void test_closed_listener_resets_who_was_not_accepted(void **state)
{
    /* A connection that nobody accepted is reset when the listener closes. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct ask connecting;
    ask_connect(&two, &connecting, PORT);
    settle(&two);
    assert_int_equal(connecting.result, 0);
    listener_close(two.listener);
    char text[64];
    assert_int_equal(receive_text(&two, connecting.endpoint, text), STATUS_CLOSED);
    two_deinit(&two);
}

/* --- Death and distance ----------------------------------------------------------------------- */

static void test_blocked_link_holds_bytes_back(void **state)
{
    /* What is sent over a blocked link arrives after it is opened; the other way still works. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct pair pair = connected(&two);
    host_block(&two.network, CLIENT, SERVER, true);
    send_text(&two, pair.client, "late");
    send_text(&two, pair.server, "in time");
    char text[64];
    assert_int_equal(receive_text(&two, pair.client, text), 7);
    struct ask receiving;
    char late[64] = {0};
    ask_receive(pair.server, &receiving, late, sizeof late);
    settle(&two);
    assert_false(receiving.has_landed);
    host_block(&two.network, CLIENT, SERVER, false);
    settle(&two);
    assert_int_equal(receiving.result, 4);
    assert_string_equal(late, "late");
    two_deinit(&two);
}

static void test_killed_process_ends_its_connections(void **state)
{
    /* When a process is killed its system closes its connections, and what it waited for is
     * forgotten. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct pair pair = connected(&two);
    char text[64];
    struct ask forgotten;
    ask_receive(pair.server, &forgotten, text, sizeof text);
    host_down(&two.network, SERVER, false);
    assert_int_equal(receive_text(&two, pair.client, text), 0);
    assert_false(forgotten.has_landed);
    two_deinit(&two);
}

static void test_power_cut_leaves_the_other_side_half_open(void **state)
{
    /* A machine without power says nothing; when it is back, what is sent to it is reset. */
    struct world_of_two two;
    two_init(&two, (struct network_faults){0}, 1);
    struct pair pair = connected(&two);
    host_down(&two.network, SERVER, true);
    char text[64];
    struct ask receiving;
    ask_receive(pair.client, &receiving, text, sizeof text);
    settle(&two);
    assert_false(receiving.has_landed);
    send_text(&two, pair.client, "hello?");
    settle(&two);
    assert_false(receiving.has_landed);
    host_up(&two.network, SERVER);
    settle(&two);
    assert_int_equal(receiving.result, STATUS_CLOSED);
    two_deinit(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_is_whole_and_in_order),
        cmocka_unit_test(test_slow_reader_stops_the_sender),
        cmocka_unit_test(test_reset_strikes_within_the_stream),
        cmocka_unit_test(test_nothing_arrives_after_a_reset),
        cmocka_unit_test(test_end_comes_after_all_bytes),
        cmocka_unit_test(test_close_with_unread_bytes_resets),
        cmocka_unit_test(test_shutdown_lands_what_is_in_flight),
        cmocka_unit_test(test_connect_is_refused_where_nobody_listens),
        cmocka_unit_test(test_connect_times_out_on_a_blocked_link),
        cmocka_unit_test(test_closed_listener_cancels_accepts),
        cmocka_unit_test(test_closed_listener_resets_who_was_not_accepted),
        cmocka_unit_test(test_blocked_link_holds_bytes_back),
        cmocka_unit_test(test_killed_process_ends_its_connections),
        cmocka_unit_test(test_power_cut_leaves_the_other_side_half_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
