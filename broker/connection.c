#include "broker/connection.h"

#include "base/assert.h"

void connection_schedule(struct connection *connection)
{
    assert(connection->state != CONNECTION_CLOSING);
    if (connection->is_pumping)
        return;
    connection->is_pumping = true;
    io_land(connection->core->io, &connection->pump, STATUS_OK);
}

static void cancel_requests(struct connection *connection)
{
    assert(connection->state != CONNECTION_OPEN);
    struct request *request;
    struct request *following;
    list_for_each_entry_safe (request, following, &connection->requests, node) {
        if (request->state == REQUEST_RUNNING && request->cancel != NULL)
            request->cancel(request);
    }
}

void connection_end(struct connection *connection, const char *reason, bool is_fault)
{
    assert(reason != NULL);
    if (connection->state >= CONNECTION_ENDING)
        return;
    if (is_fault)
        log_warn(connection->core->logger, "connection closed", field_text("reason", reason),
                 field_text("peer", connection->peer.text));
    else
        log_debug(connection->core->logger, "connection closed", field_text("reason", reason),
                  field_text("peer", connection->peer.text));
    connection->state = CONNECTION_ENDING;
    /* Who waits for memory in its place must not be woken in vain. */
    list_remove(&connection->starved_node);
    io_shutdown(connection->core->io, connection->handle);
    cancel_requests(connection);
    connection_schedule(connection);
}

void connection_drain(struct connection *connection)
{
    if (connection->state != CONNECTION_OPEN)
        return;
    connection->state = CONNECTION_DRAINING;
    cancel_requests(connection);
    connection_schedule(connection);
}

void connections_feed(struct broker_core *core)
{
    struct list_node *node = list_pop_front(&core->starved_connections);
    if (node != NULL)
        connection_schedule(container_of(node, struct connection, starved_node));
}

/* An arena grows until the answer is complete, which is when this comes for the last time. */
static void count_held(struct connection *connection, struct request *request)
{
    assert(request->arena.total_bytes >= request->held_bytes);
    connection->held_bytes += request->arena.total_bytes - request->held_bytes;
    request->held_bytes = request->arena.total_bytes;
}

void connection_release(struct connection *connection, struct request *request)
{
    assert(request->connection == connection);
    count_held(connection, request);
    if (request->is_released)
        return;
    assert(connection->unreleased == request);
    request->is_released = true;
    connection->unreleased = NULL;
    if (!connection->is_beginning)
        connection_schedule(connection);
}
