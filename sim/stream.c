/* One event for each end carries what is under way to it, piece by piece: what is sent later can
 * never arrive before what was sent first, however the delays are drawn. */
#include "sim/stream.h"

#include "base/assert.h"
#include "io/io_backend.h"
#include "sim/content.h"
#include "sim/memory.h"

enum { WINDOW_BYTES_USUAL = 256 * 1024, PIECE_COUNT_MAX = 4, CALL_NS = 800 };

static struct endpoint *endpoint_peer(struct endpoint *endpoint)
{
    struct endpoint *ends = endpoint->connection->ends;
    return endpoint == &ends[0] ? &ends[1] : &ends[0];
}

static struct network *endpoint_network(const struct endpoint *endpoint)
{
    return endpoint->connection->network;
}

/* --- Life of a connection --------------------------------------------------------------------- */

static void arrival_fire(struct event *event);

static void endpoint_init(struct endpoint *endpoint, struct connection *connection, uint32_t host)
{
    endpoint->connection = connection;
    endpoint->host = host;
    endpoint->is_open = true;
    event_init(&endpoint->arrival, arrival_fire);
    list_node_init(&endpoint->backlog_node);
}

struct connection *connection_create(struct network *network, uint32_t from, uint32_t to)
{
    struct connection *connection = must_allocate(1, sizeof *connection);
    connection->network = network;
    endpoint_init(&connection->ends[0], connection, from);
    endpoint_init(&connection->ends[1], connection, to);
    list_node_init(&connection->node);
    list_push_back(&network->connections, &connection->node);
    return connection;
}

static void connection_destroy(struct connection *connection)
{
    for (int i = 0; i < 2; i++) {
        struct endpoint *end = &connection->ends[i];
        assert(end->receive == NULL);
        assert(end->send == NULL);
        event_cancel(connection->network->queue, &end->arrival);
        list_remove(&end->backlog_node);
        free(end->bytes);
        free(end->segments);
    }
    list_remove(&connection->node);
    free(connection);
}

/* Nobody has this end any more; the connection goes when that is true of both. */
static void endpoint_leave(struct endpoint *endpoint)
{
    assert(endpoint->is_open);
    endpoint->is_open = false;
    list_remove(&endpoint->backlog_node);
    if (!endpoint_peer(endpoint)->is_open)
        connection_destroy(endpoint->connection);
}

/* What holds between any two events: the stream is what has arrived and what the pieces under way
 * bring, and one that is reset brings nothing. */
static void endpoint_check(const struct endpoint *endpoint)
{
    size_t under_way = 0;
    for (size_t i = 0; i < endpoint->segment_count; i++) {
        assert(i == 0 || endpoint->segments[i - 1].at_ns <= endpoint->segments[i].at_ns);
        under_way += endpoint->segments[i].size;
    }
    assert(endpoint->arrived + under_way == endpoint->size);
    assert(endpoint->start + endpoint->size <= endpoint->capacity);
}

/* --- What is under way ------------------------------------------------------------------------ */

static void arrival_schedule(struct endpoint *endpoint)
{
    if (endpoint->segment_count > 0)
        event_schedule(endpoint_network(endpoint)->queue, &endpoint->arrival,
                       endpoint->segments[0].at_ns);
}

/* Puts a piece on its way to this end, behind all others. */
static void segment_push(struct endpoint *to, enum segment_kind kind, size_t size)
{
    struct network *network = endpoint_network(to);
    if (to->segment_count == to->segment_capacity) {
        size_t capacity = to->segment_capacity == 0 ? 8 : to->segment_capacity * 2;
        to->segments =
            must_grow(to->segments, to->segment_capacity, capacity, sizeof to->segments[0]);
        to->segment_capacity = capacity;
    }
    uint64_t at_ns =
        network->queue->now_ns + network_draw_delay_ns(network, endpoint_peer(to)->host, to->host);
    if (to->segment_count > 0 && to->segments[to->segment_count - 1].at_ns > at_ns)
        at_ns = to->segments[to->segment_count - 1].at_ns;
    to->segments[to->segment_count++] = (struct segment){at_ns, size, kind};
    if (to->segment_count == 1)
        arrival_schedule(to);
}

static struct segment segment_pop(struct endpoint *endpoint)
{
    assert(endpoint->segment_count > 0);
    struct segment first = endpoint->segments[0];
    endpoint->segment_count--;
    memmove(&endpoint->segments[0], &endpoint->segments[1], endpoint->segment_count * sizeof first);
    return first;
}

/* The connection is broken for this end: what has arrived may still be received. */
static void endpoint_reset(struct endpoint *endpoint)
{
    endpoint->is_reset = true;
    endpoint->size = endpoint->arrived;
    endpoint->segment_count = 0;
    event_cancel(endpoint_network(endpoint)->queue, &endpoint->arrival);
    trace_note(endpoint_network(endpoint)->trace, "network", "reset", endpoint->host);
}

static void peer_reset(struct endpoint *endpoint)
{
    if (endpoint_peer(endpoint)->is_open)
        segment_push(endpoint_peer(endpoint), SEGMENT_RESET, 0);
}

/* Data for somebody who has ended is answered with a reset, as by a real system. */
static void data_arrived(struct endpoint *endpoint, size_t size)
{
    struct network *network = endpoint_network(endpoint);
    if (endpoint->is_reset) {
        endpoint_reset(endpoint); /* the sender does not know yet */
    } else if (!endpoint->is_open || endpoint->is_shut) {
        endpoint_reset(endpoint);
        peer_reset(endpoint);
    } else if (network_draw(network, network->faults->reset)) {
        endpoint->arrived += prng_below(&network->prng, size + 1);
        endpoint_reset(endpoint);
        peer_reset(endpoint);
    } else {
        endpoint->arrived += size;
    }
    assert(endpoint->arrived <= endpoint->size);
}

/* On a link that is cut the piece waits; whoever mends it schedules the arrival again. */
static void arrival_fire(struct event *event)
{
    struct endpoint *endpoint = container_of(event, struct endpoint, arrival);
    struct network *network = endpoint_network(endpoint);
    if (network_is_cut(network, endpoint_peer(endpoint)->host, endpoint->host))
        return;
    struct segment segment = segment_pop(endpoint);
    trace_note(network->trace, "network", "arrived", (int64_t)segment.size);
    switch (segment.kind) {
    case SEGMENT_DATA: data_arrived(endpoint, segment.size); break;
    case SEGMENT_END: endpoint->end_arrived = true; break;
    case SEGMENT_RESET: endpoint_reset(endpoint); break;
    }
    endpoint_check(endpoint);
    arrival_schedule(endpoint);
    endpoint_kick(endpoint);
}

void endpoint_kick(struct endpoint *endpoint)
{
    wait_kick(endpoint->receive, CALL_NS);
    wait_kick(endpoint->send, CALL_NS);
    if (!event_is_queued(&endpoint->arrival))
        arrival_schedule(endpoint);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static uint8_t *stream_reserve(struct endpoint *to, size_t size)
{
    if (to->start > 0) {
        memmove(to->bytes, to->bytes + to->start, to->size);
        to->start = 0;
    }
    if (to->size + size > to->capacity) {
        size_t capacity = (to->size + size) * 2;
        to->bytes = must_grow(to->bytes, to->capacity, capacity, 1);
        to->capacity = capacity;
    }
    return to->bytes + to->size;
}

/* From a piece that lies in a file. All of it or an error: a file that ends too early is as good as
 * one that cannot be read. */
static int32_t range_copy(const struct wait *wait, struct io_file_range range, size_t from,
                          uint8_t *to, size_t size)
{
    range.offset += from;
    int32_t result = wait->network->read_range(wait->network, wait->io, range, to, size);
    if (result < 0)
        return result;
    wait->network->range_bytes += (uint64_t)result;
    return (size_t)result == size ? STATUS_OK : STATUS_IO;
}

/* Copies up to `size` bytes from where the request stands; the door keeps its progress. Answers how
 * many, or a negative status. */
static int32_t pieces_copy(const struct wait *wait, uint8_t *to, size_t size)
{
    const struct io_request *request = wait->request;
    size_t copied = 0;
    size_t from = request->send.piece_done;
    uint32_t range_index = request->send.range_index;
    for (uint32_t i = request->send.piece_index; i < request->send.piece_count && copied < size;
         i++) {
        const struct bytes *piece = &request->send.pieces[i];
        size_t part = piece->size - from;
        int32_t result = STATUS_OK;
        if (part > size - copied)
            part = size - copied;
        if (io_piece_is_in_file(piece))
            result = range_copy(wait, request->send.ranges[range_index++], from, to + copied, part);
        else if (part > 0)
            memcpy(to + copied, piece->data + from, part);
        if (result < 0)
            return result;
        copied += part;
        from = 0;
    }
    return (int32_t)copied;
}

/* Sends the bytes on their way in up to PIECE_COUNT_MAX pieces. */
static void stream_cut(struct network *network, struct endpoint *to, size_t size)
{
    assert(size > 0);
    for (int i = 1; i < PIECE_COUNT_MAX && size > 1; i++) {
        if (!network_draw(network, network->faults->split))
            break;
        size_t part = prng_between(&network->prng, 1, size - 1);
        segment_push(to, SEGMENT_DATA, part);
        size -= part;
    }
    segment_push(to, SEGMENT_DATA, size);
}

static size_t window_room(const struct network *network, const struct endpoint *to)
{
    size_t window = network->faults->window_bytes;
    if (window == 0)
        window = WINDOW_BYTES_USUAL;
    return to->size < window ? window - to->size : 0;
}

static void send_fire(struct event *event)
{
    struct wait *wait = container_of(event, struct wait, event);
    struct endpoint *endpoint = wait->endpoint;
    struct endpoint *to = endpoint_peer(endpoint);
    struct network *network = wait->network;
    assert(endpoint->send == wait);
    size_t room = window_room(network, to);
    if (endpoint->is_shut || endpoint->is_reset) {
        endpoint->send = NULL;
        wait_land(wait, NULL, STATUS_CLOSED);
        return;
    }
    if (room == 0)
        return;
    if (network_draw(network, network->faults->split))
        room = prng_between(&network->prng, 1, room);
    uint8_t *bytes = stream_reserve(to, room);
    int32_t result = pieces_copy(wait, bytes, room);
    size_t size = result < 0 ? 0 : (size_t)result;
    trace_note(network->trace, "network", "sent", (int64_t)content_hash(bytes, size));
    if (size > 0) {
        to->size += size;
        stream_cut(network, to, size);
        endpoint_check(to);
    }
    endpoint->send = NULL;
    wait_land(wait, NULL, result);
}

void endpoint_send(struct endpoint *endpoint, struct io *io, struct io_request *request)
{
    assert(endpoint->is_open);
    assert(endpoint->send == NULL);
    struct network *network = endpoint_network(endpoint);
    endpoint->send = wait_create(network, io, request, endpoint->host, send_fire);
    endpoint->send->endpoint = endpoint;
    wait_kick(endpoint->send, CALL_NS);
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* Takes `size` arrived bytes; the sender learns of the room after a while. */
static void stream_take(struct endpoint *endpoint, uint8_t *buffer, size_t size)
{
    assert(size <= endpoint->arrived);
    memcpy(buffer, endpoint->bytes + endpoint->start, size);
    endpoint->start += size;
    endpoint->arrived -= size;
    endpoint->size -= size;
    endpoint_check(endpoint);
    struct network *network = endpoint_network(endpoint);
    struct endpoint *peer = endpoint_peer(endpoint);
    if (!network_is_cut(network, endpoint->host, peer->host))
        wait_kick(peer->send, network_draw_delay_ns(network, endpoint->host, peer->host));
}

/* What a receive answers now; negative STATUS_BUSY when it has to wait on. */
static int32_t receive_result(struct endpoint *endpoint, struct io_request *request)
{
    struct network *network = endpoint_network(endpoint);
    if (endpoint->is_shut)
        return 0;
    if (endpoint->arrived == 0 && endpoint->is_reset)
        return STATUS_CLOSED;
    if (endpoint->arrived == 0)
        return endpoint->end_arrived ? 0 : STATUS_BUSY;
    size_t size = request->transfer.size_bytes;
    if (size > endpoint->arrived)
        size = endpoint->arrived;
    if (network_draw(network, network->faults->split))
        size = prng_between(&network->prng, 1, size);
    stream_take(endpoint, request->transfer.buffer, size);
    return (int32_t)size;
}

static void receive_fire(struct event *event)
{
    struct wait *wait = container_of(event, struct wait, event);
    struct endpoint *endpoint = wait->endpoint;
    assert(endpoint->receive == wait);
    int32_t result = receive_result(endpoint, wait->request);
    if (result == STATUS_BUSY)
        return;
    endpoint->receive = NULL;
    wait_land(wait, NULL, result);
}

void endpoint_receive(struct endpoint *endpoint, struct io *io, struct io_request *request)
{
    assert(endpoint->is_open);
    assert(endpoint->receive == NULL);
    assert(request->transfer.size_bytes > 0);
    struct network *network = endpoint_network(endpoint);
    endpoint->receive = wait_create(network, io, request, endpoint->host, receive_fire);
    endpoint->receive->endpoint = endpoint;
    wait_kick(endpoint->receive, CALL_NS);
}

/* --- Ending ----------------------------------------------------------------------------------- */

void endpoint_shutdown(struct endpoint *endpoint)
{
    assert(endpoint->is_open);
    if (endpoint->is_shut)
        return;
    endpoint->is_shut = true;
    if (endpoint_peer(endpoint)->is_open && !endpoint->is_reset)
        segment_push(endpoint_peer(endpoint), SEGMENT_END, 0);
    endpoint_kick(endpoint);
}

void endpoint_close(struct endpoint *endpoint)
{
    assert(endpoint->receive == NULL);
    assert(endpoint->send == NULL);
    if (endpoint->arrived > 0 && !endpoint->is_shut) {
        endpoint_abort(endpoint);
        return;
    }
    endpoint_shutdown(endpoint);
    endpoint_leave(endpoint);
}

void endpoint_abort(struct endpoint *endpoint)
{
    endpoint->is_shut = true;
    peer_reset(endpoint);
    endpoint_leave(endpoint);
}

void endpoint_vanish(struct endpoint *endpoint)
{
    endpoint->is_shut = true;
    endpoint_leave(endpoint);
}
