#include "broker/connection_pump.h"

#include "base/assert.h"
#include "broker/connection_receive.h"
#include "broker/connection_send.h"
#include "broker/gate.h"

#include <stdlib.h>

/* How often a connection is looked at for deadlines; they are this coarse. */
enum { CONNECTION_CHECK_NS = 1000 * 1000 * 1000 };

static void connection_pumped(struct completion *completion, int32_t result);
static void connection_timer_fired(struct timer *timer);

static void unwanted_closed(struct completion *completion, int32_t result)
{
    free(container_of(completion, struct io_request, completion));
}

/* The handle of a connection that nobody takes. Without memory it stays open for as long as the
 * broker takes to stop. */
static void close_unwanted(struct broker_core *core, int32_t handle)
{
    assert(handle >= 0);
    assert(core->is_draining);
    struct io_request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return;
    completion_init(&request->completion, unwanted_closed);
    io_close(core->io, request, handle);
}

void connection_start(struct broker_core *core, int32_t handle, const struct io_address *peer,
                      uint32_t listener_index)
{
    assert(handle >= 0);
    assert(peer != NULL);
    if (core->is_draining) {
        log_info(core->logger, "connection refused: the broker is stopping",
                 field_text("peer", peer->text));
        close_unwanted(core, handle);
        return;
    }
    assert(core->connection_count < core->connection_count_max);
    struct connection *connection = pool_acquire(&core->connection_pool);
    assert(connection != NULL);
    *connection = (struct connection){
        .core = core,
        .listener_index = listener_index,
        .handle = handle,
        .peer = *peer,
        .active_ns = io_now_ns(core->io),
    };
    list_init(&connection->requests);
    list_node_init(&connection->starved_node);
    list_node_init(&connection->node);
    completion_init(&connection->pump, connection_pumped);
    timer_init(&connection->timer, connection_timer_fired);
    list_push_back(&core->connections, &connection->node);
    core->connection_count++;
    metrics_add(&core->metrics, METRIC_CONNECTIONS_ACCEPTED, 1);
    io_timer_start(core->io, &connection->timer, connection->active_ns + CONNECTION_CHECK_NS);
    log_debug(core->logger, "connection opened", field_text("peer", peer->text));
    connection_schedule(connection);
}

static void connection_closed(struct completion *completion, int32_t result)
{
    struct connection *connection = container_of(completion, struct connection, receive.completion);
    struct broker_core *core = connection->core;
    assert(connection->state == CONNECTION_CLOSING);
    assert(connection->request_count == 0);
    assert(list_is_empty(&connection->requests));
    assert(core->connection_count > 0);
    io_timer_cancel(core->io, &connection->timer);
    list_remove(&connection->node);
    list_remove(&connection->starved_node);
    pool_release(&core->connection_pool, connection);
    core->connection_count--;
    gate_note_departure(core);
    connections_feed(core);
    if (core->connection_count == 0 && core->drained != NULL) {
        struct completion *drained = core->drained;
        core->drained = NULL;
        io_land(core->io, drained, STATUS_OK);
    }
}

/* The last act, when nothing that could touch the connection is in flight any more. */
static void connection_close(struct connection *connection)
{
    assert(connection->state == CONNECTION_ENDING);
    assert(connection->request_count == 0);
    assert(!connection->is_receiving);
    assert(!connection->is_sending);
    connection->state = CONNECTION_CLOSING;
    if (connection->input != NULL)
        chunk_release(connection->input, connection->core->io);
    connection->input = NULL;
    completion_init(&connection->receive.completion, connection_closed);
    io_close(connection->core->io, &connection->receive, connection->handle);
}

static void connection_pumped(struct completion *completion, int32_t result)
{
    struct connection *connection = container_of(completion, struct connection, pump);
    assert(connection->is_pumping);
    assert(connection->state != CONNECTION_CLOSING);
    connection->is_pumping = false;
    connection_send_answers(connection);
    if (connection->state == CONNECTION_OPEN)
        connection_read_on(connection);

    if (connection->state == CONNECTION_DRAINING && connection->request_count == 0)
        connection_end(connection, "the broker is stopping", false);
    bool is_quiet = !connection->is_receiving && !connection->is_sending &&
                    !connection->is_pumping && connection->request_count == 0;
    if (connection->state == CONNECTION_ENDING && is_quiet)
        connection_close(connection);
}

/* A client that is slow, and takes some of its answer now and then, is served. */
static void look_at_send(struct connection *connection, uint64_t now_ns)
{
    assert(connection->is_sending);
    size_t sent_bytes = io_sent_bytes(&connection->send);
    assert(sent_bytes >= connection->sent_bytes);
    if (sent_bytes > connection->sent_bytes)
        connection->active_ns = now_ns;
    connection->sent_bytes = sent_bytes;
}

/* One timer per connection looks at all its deadlines once a second, so that reading and answering
 * never have to move a timer. */
static void connection_timer_fired(struct timer *timer)
{
    struct connection *connection = container_of(timer, struct connection, timer);
    struct broker_core *core = connection->core;
    uint64_t now_ns = io_now_ns(core->io);
    assert(now_ns >= connection->active_ns);
    if (connection->is_sending)
        look_at_send(connection, now_ns);
    uint64_t quiet_ns = now_ns - connection->active_ns;
    int64_t idle_max_ms = config_i64(core->config, CONFIG_CONNECTIONS_MAX_IDLE_MS);
    const uint64_t second_ns = 1000ull * 1000 * 1000;

    if (connection_frame_is_stuck(connection, now_ns))
        connection_end(connection, "a request does not go on arriving", true);
    else if (connection->is_sending && quiet_ns > LIMIT_SEND_SECONDS * second_ns)
        connection_end(connection, "the client does not read its answers", true);
    else if (connection->request_count == 0 && idle_max_ms > 0 &&
             quiet_ns / (1000 * 1000) > (uint64_t)idle_max_ms)
        connection_end(connection, "idle for longer than connections.max.idle.ms", false);
    io_timer_start(core->io, &connection->timer, now_ns + CONNECTION_CHECK_NS);
}
