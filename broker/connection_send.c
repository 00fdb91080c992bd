#include "broker/connection_send.h"

#include "base/assert.h"

static void request_free(struct request *request)
{
    struct connection *connection = request->connection;
    struct broker_core *core = request->core;
    assert(request->is_released);
    assert(request->state != REQUEST_RUNNING);
    assert(connection->request_count > 0);
    assert(connection->held_bytes >= request->held_bytes);
    list_remove(&request->node);
    connection->request_count--;
    connection->held_bytes -= request->held_bytes;
    if (request->sent != NULL)
        request->sent(request);
    chunk_release(request->frame, core->io);
    arena_deinit(&request->arena);
    pool_release(&core->request_pool, request);
    connections_feed(core);
}

static struct request *first_request(const struct connection *connection)
{
    struct list_node *node = list_first(&connection->requests);
    return node == NULL ? NULL : container_of(node, struct request, node);
}

/* Requests whose answer cannot be sent any more still run to their end; then they go. */
static void drop_finished(struct connection *connection)
{
    struct request *request;
    struct request *following;
    list_for_each_entry_safe (request, following, &connection->requests, node) {
        if (request->state != REQUEST_RUNNING)
            request_free(request);
    }
}

/* Nothing to send, and nothing to begin before more bytes have come. */
static bool is_at_rest(const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && connection->is_receiving &&
           list_is_empty(&connection->requests);
}

static void connection_sent(struct completion *completion, int32_t result)
{
    struct connection *connection = container_of(completion, struct connection, send.completion);
    assert(connection->is_sending);
    assert(connection->sending_count > 0);
    connection->is_sending = false;
    connection->active_ns = io_now_ns(connection->core->io);
    for (; connection->sending_count > 0; connection->sending_count--) {
        struct request *request = first_request(connection);
        request->send_result = result;
        request_free(request);
    }
    if (result < 0)
        connection_end(connection, status_text((enum status)result), false);
    if (!is_at_rest(connection))
        connection_schedule(connection);
}

/* Lays the answer out in pieces. False when its arena has no room for the list. */
static bool lay_out(struct request *request)
{
    assert(request->state == REQUEST_ANSWERED);
    if (request->pieces != NULL)
        return true;
    return writer_pieces(&request->response, &request->pieces, &request->piece_count);
}

/* Its own list of pieces is what is sent. */
static bool goes_alone(const struct request *request)
{
    return request->piece_count > LIMIT_SEND_PIECES || request->ranges != NULL;
}

/* Gathers answers into one send until one is not complete or the list of pieces is full. An answer
 * with more pieces than that, or with pieces in files, goes alone. */
static uint32_t gather(struct connection *connection, const struct bytes **pieces)
{
    assert(!connection->is_sending);
    assert(connection->sending_count == 0);
    uint32_t count = 0;
    struct request *request;
    *pieces = connection->pieces;
    list_for_each_entry (request, &connection->requests, node) {
        if (request->state != REQUEST_ANSWERED || !lay_out(request))
            break;
        if (count == 0 && goes_alone(request)) {
            *pieces = request->pieces;
            connection->sending_count = 1;
            return request->piece_count;
        }
        if (goes_alone(request) || count + request->piece_count > LIMIT_SEND_PIECES)
            break;
        for (uint32_t i = 0; i < request->piece_count; i++)
            connection->pieces[count++] = request->pieces[i];
        connection->sending_count++;
    }
    return count;
}

void connection_send_answers(struct connection *connection)
{
    if (connection->is_sending)
        return;
    if (connection->state >= CONNECTION_ENDING) {
        drop_finished(connection);
        return;
    }
    struct request *request;
    while ((request = first_request(connection)) != NULL && request->state == REQUEST_SILENT)
        request_free(request);

    const struct bytes *pieces;
    uint32_t piece_count = gather(connection, &pieces);
    if (piece_count == 0) {
        if (request != NULL && request->state == REQUEST_ANSWERED)
            connection_end(connection, "no memory left for this answer", true);
        return;
    }
    connection->is_sending = true;
    /* The client's time to take the answer begins now, however long ago it has asked. */
    connection->active_ns = io_now_ns(connection->core->io);
    connection->sent_bytes = 0;
    completion_init(&connection->send.completion, connection_sent);
    struct io *io = connection->core->io;
    if (request->ranges != NULL)
        io_sendfile(io, &connection->send, connection->handle, pieces, piece_count,
                    request->ranges);
    else
        io_send(io, &connection->send, connection->handle, pieces, piece_count);
}
