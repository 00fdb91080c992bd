#include "broker/connection_receive.h"

#include "base/assert.h"
#include "broker/dispatch.h"
#include "broker/input_core.h"

enum { FRAME_SIZE_BYTES = 4 };

static uint32_t input_available(const struct connection *connection)
{
    assert(connection->input_begin <= connection->input_end);
    return connection->input_end - connection->input_begin;
}

/* Size of the frame that begins at input_begin, without the size field; false when that field has
 * not arrived, or is not acceptable and the connection has been ended. */
static bool frame_size(struct connection *connection, uint32_t *size)
{
    assert(connection->input != NULL);
    if (input_available(connection) < FRAME_SIZE_BYTES)
        return false;
    int32_t announced = (int32_t)load_u32_be(connection->input->data + connection->input_begin);
    int64_t limit = config_i64(connection->core->config, CONFIG_SOCKET_REQUEST_MAX_BYTES);
    if (limit > CHUNK_SIZE_MAX - FRAME_SIZE_BYTES)
        limit = CHUNK_SIZE_MAX - FRAME_SIZE_BYTES;
    if (announced < 0 || announced > limit) {
        connection_end(connection, "request size is negative or above socket.request.max.bytes",
                       true);
        return false;
    }
    *size = (uint32_t)announced;
    return true;
}

/* Whether the next request may begin now. Otherwise whoever is in the way wakes the pump. */
static bool may_begin(struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && connection->unreleased == NULL &&
           connection->request_count < LIMIT_REQUESTS_PER_CONNECTION &&
           connection->held_bytes < LIMIT_HELD_BYTES_PER_CONNECTION;
}

static void starve(struct connection *connection)
{
    if (!list_node_is_linked(&connection->starved_node))
        list_push_back(&connection->core->starved_connections, &connection->starved_node);
}

/* Whether all of the frame at input_begin is there; `frame` is without the size field. */
static bool frame_is_whole(struct connection *connection, struct bytes *frame)
{
    uint32_t size;
    if (connection->input == NULL || !frame_size(connection, &size))
        return false;
    if (input_available(connection) - FRAME_SIZE_BYTES < size)
        return false;
    *frame = bytes_of(connection->input->data + connection->input_begin + FRAME_SIZE_BYTES, size);
    return true;
}

/* Begins one request if its frame is whole. False when there is nothing to begin. */
static bool begin_request(struct connection *connection)
{
    struct bytes frame;
    if (!may_begin(connection) || !frame_is_whole(connection, &frame))
        return false;
    if (!dispatch_frame(connection, frame)) {
        starve(connection);
        return false;
    }
    connection->frame_bytes = FRAME_SIZE_BYTES + (uint32_t)frame.size;
    connection->input_begin += connection->frame_bytes;
    assert(connection->input_begin <= connection->input_end);
    /* What follows it is another frame, with time of its own. */
    connection->frame_since_ns = 0;
    return true;
}

/* How large a buffer the bytes at hand need: the whole frame when it is small, a step beyond what
 * has arrived when it is large, so that announcing much costs the client as much as it costs us. */
static uint32_t input_size_needed(struct connection *connection)
{
    uint32_t available = input_available(connection);
    uint32_t size;
    if (available < FRAME_SIZE_BYTES || !frame_size(connection, &size))
        return LIMIT_INPUT_BYTES_FIRST / 2;
    uint32_t whole = FRAME_SIZE_BYTES + size;
    uint32_t step = available * 4 > LIMIT_INPUT_BYTES_STEP ? available * 4 : LIMIT_INPUT_BYTES_STEP;
    return whole > step ? step : whole;
}

static uint32_t likely_bytes(const struct connection *connection)
{
    bool has_filled_room = connection->input_end == connection->input->capacity_bytes;
    return input_core_likely(connection->received_bytes, has_filled_room);
}

/* With room for what follows the frame as well. */
static uint32_t input_size_wanted(const struct connection *connection, uint32_t needed)
{
    uint32_t likely = input_available(connection) + likely_bytes(connection);
    uint32_t doubled = needed < LIMIT_INPUT_BYTES_STEP / 2 ? needed * 2 : needed;
    return doubled > likely ? doubled : likely;
}

/* Memory for a frame that has begun and must not wait: what is under way elsewhere may be waiting,
 * half arrived, as well. One frame at a time gets it, whole, so that it needs no more; when it has
 * been answered the next one's turn comes. */
static struct chunk *reserve_acquire(struct connection *connection)
{
    struct broker_core *core = connection->core;
    uint32_t size;
    if (core->input_reserve.used_bytes > 0 || connection->input == NULL ||
        !frame_size(connection, &size))
        return NULL;
    return chunk_acquire(&core->input_reserve, (size_t)FRAME_SIZE_BYTES + size);
}

/* Puts `size` bytes of fresh memory in place of the present input; what has arrived of a frame
 * moves along. False when there is no memory now. */
static bool renew_input(struct connection *connection, uint32_t size)
{
    assert(size > 0);
    struct broker_core *core = connection->core;
    struct chunk *fresh = chunk_acquire(&core->input_chunks, size);
    if (fresh == NULL)
        fresh = reserve_acquire(connection);
    if (fresh == NULL)
        return false;
    struct chunk *former = connection->input;
    uint32_t available = former == NULL ? 0 : input_available(connection);
    assert(available < fresh->capacity_bytes);
    if (available > 0)
        memcpy(fresh->data, former->data + connection->input_begin, available);
    if (former != NULL)
        chunk_release(former, core->io);
    connection->input = fresh;
    connection->input_begin = 0;
    connection->input_end = available;
    return true;
}

/* A client that rests keeps its large buffer for the next large request only while there is plenty
 * for the others. */
static void give_back_input(struct connection *connection)
{
    assert(connection->input != NULL);
    assert(input_available(connection) == 0);
    struct broker_core *core = connection->core;
    struct chunk *input = connection->input;
    bool is_reserve = input->pool == &core->input_reserve;
    bool is_large = input->capacity_bytes > LIMIT_INPUT_BYTES_FIRST;
    bool is_scarce = core->input_chunks.used_bytes > core->input_chunks.limit_bytes / 2;
    if (!is_reserve && !(is_large && is_scarce))
        return;
    connection->input = NULL;
    chunk_release(input, core->io);
    connections_feed(core);
}

/* Of the frame that has begun, or else of the last one: what follows tends to be like it. 0 where
 * it pays to receive what there is and move it later, if need be. */
static uint32_t unmoved_frame_bytes(const struct connection *connection)
{
    uint32_t bytes = connection->frame_bytes;
    if (input_available(connection) >= FRAME_SIZE_BYTES)
        bytes = FRAME_SIZE_BYTES + load_u32_be(connection->input->data + connection->input_begin);
    bool is_unmoved = bytes >= LIMIT_INPUT_BYTES_UNMOVED && bytes < LIMIT_INPUT_BYTES_STEP / 2;
    return is_unmoved ? bytes : 0;
}

/* Makes sure that there is room behind input_end: enough for the rest of a frame that has begun, or
 * for the start of the next. Requests in flight may still hold what lies before. */
static bool make_room(struct connection *connection)
{
    if (connection->input != NULL && input_available(connection) == 0)
        give_back_input(connection);
    struct chunk *input = connection->input;
    if (input == NULL)
        return renew_input(connection, LIMIT_INPUT_BYTES_FIRST);
    if (input_available(connection) > 0) {
        uint32_t needed = input_size_needed(connection);
        if (connection->state != CONNECTION_OPEN)
            return false;
        bool fits = input->capacity_bytes - connection->input_begin >= needed;
        return (fits && connection->input_end < input->capacity_bytes) ||
               renew_input(connection, input_size_wanted(connection, needed));
    }
    if (atomic_load(&input->reference_count) == 1) {
        connection->input_begin = 0;
        connection->input_end = 0;
        return true;
    }
    uint32_t unmoved = unmoved_frame_bytes(connection);
    uint32_t wanted = unmoved > 0 ? unmoved : likely_bytes(connection);
    uint32_t capacity = input->capacity_bytes;
    return capacity - connection->input_end >= wanted ||
           renew_input(connection, capacity > wanted ? capacity : wanted);
}

/* All the room there is; but of frames that should not be moved, only as many as have room. */
static uint32_t receive_size(const struct connection *connection)
{
    uint32_t capacity = connection->input->capacity_bytes;
    uint32_t frame_bytes = unmoved_frame_bytes(connection);
    assert(connection->input_end < capacity);
    if (frame_bytes == 0)
        return capacity - connection->input_end;
    uint32_t room = capacity - connection->input_begin;
    uint32_t end = connection->input_begin + room / frame_bytes * frame_bytes;
    return (end > connection->input_end ? end : capacity) - connection->input_end;
}

static void connection_received(struct completion *completion, int32_t result)
{
    struct connection *connection = container_of(completion, struct connection, receive.completion);
    assert(connection->is_receiving);
    assert(connection->input != NULL);
    connection->is_receiving = false;
    if (result <= 0) {
        const char *reason =
            result == 0 ? "closed by the client" : status_text((enum status)result);
        connection_end(connection, reason, false);
        connection_schedule(connection);
        return;
    }
    connection->active_ns = io_now_ns(connection->core->io);
    connection->received_bytes = (uint32_t)result;
    connection->input_end += connection->received_bytes;
    assert(connection->input_end <= connection->input->capacity_bytes);
    connection_schedule(connection);
}

/* Bytes are read ahead only while the next request could begin: a client that sends faster than it
 * is served is held back by its own socket. A frame that is whole and has not begun waits for a
 * place among the core's requests, and more bytes would not help it. */
static void receive_more(struct connection *connection)
{
    assert(!connection->is_receiving);
    struct bytes frame;
    if (!may_begin(connection) || frame_is_whole(connection, &frame))
        return;
    if (!make_room(connection)) {
        if (connection->state == CONNECTION_OPEN)
            starve(connection);
        return;
    }
    struct chunk *input = connection->input;
    assert(connection->input_end < input->capacity_bytes);
    connection->is_receiving = true;
    completion_init(&connection->receive.completion, connection_received);
    io_receive(connection->core->io, &connection->receive, connection->handle,
               input->data + connection->input_end, receive_size(connection));
}

/* A part of the frame has come, or its first bytes have: there is time for the next. */
static void frame_time_begin(struct connection *connection)
{
    connection->frame_since_ns = io_now_ns(connection->core->io);
    connection->frame_since_bytes = input_available(connection);
}

void connection_read_on(struct connection *connection)
{
    assert(connection->state == CONNECTION_OPEN);
    if (connection->is_receiving)
        return;
    connection->is_beginning = true;
    while (begin_request(connection))
        ;
    connection->is_beginning = false;
    /* Waiting for memory is our doing, and not counted against the client. */
    bool is_starved = list_node_is_linked(&connection->starved_node);
    bool is_partial = connection->input != NULL && input_available(connection) > 0;
    if (!is_partial || is_starved || !may_begin(connection))
        connection->frame_since_ns = 0;
    else if (connection->frame_since_ns == 0)
        frame_time_begin(connection);
    receive_more(connection);

    /* What came back may be enough for several that starve. Each one that reads on wakes the next,
     * until there is one for whom it is not enough. */
    if (!list_node_is_linked(&connection->starved_node))
        connections_feed(connection->core);
}

static uint32_t frame_part_bytes(const struct connection *connection)
{
    if (input_available(connection) < FRAME_SIZE_BYTES)
        return 1;
    uint32_t size = load_u32_be(connection->input->data + connection->input_begin);
    return size / LIMIT_FRAME_PARTS + 1;
}

/* In the reserve, for which others wait, all that is left of a frame has the time of one part. */
bool connection_frame_is_stuck(struct connection *connection, uint64_t now_ns)
{
    if (connection->state != CONNECTION_OPEN || connection->frame_since_ns == 0)
        return false;
    uint32_t available = input_available(connection);
    assert(available >= connection->frame_since_bytes);
    bool is_reserve = connection->input->pool == &connection->core->input_reserve;
    if (!is_reserve && available - connection->frame_since_bytes >= frame_part_bytes(connection))
        frame_time_begin(connection);
    return now_ns > connection->frame_since_ns &&
           now_ns - connection->frame_since_ns > LIMIT_FRAME_SECONDS * 1000ull * 1000 * 1000;
}
