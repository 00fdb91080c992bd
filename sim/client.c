#include "sim/client.h"

#include "base/assert.h"
#include "protocol/headers.h"

/* No answer of a broker is larger: fetch.max.bytes and a batch that is larger than it. */
enum { CLIENT_ANSWER_BYTES_MAX = 200 * 1024 * 1024 };

static void client_go_on(struct client *client);

static struct io *client_io(const struct client *client)
{
    return client->options.io;
}

/* --- Calls ------------------------------------------------------------------------------------ */

void client_call_init(struct client_call *call, void (*landed)(struct completion *, int32_t))
{
    *call = (struct client_call){0};
    completion_init(&call->completion, landed);
    list_node_init(&call->node);
    arena_init(&call->arena, CLIENT_CALL_BYTES_MAX);
}

void client_call_deinit(struct client_call *call)
{
    arena_deinit(&call->arena);
}

void client_call_reset(struct client_call *call)
{
    assert(!list_node_is_linked(&call->node));
    assert(!list_node_is_linked(&call->completion.node));
    arena_deinit(&call->arena);
    client_call_init(call, call->completion.landed);
}

static void request_begin(struct client *client, struct client_call *call)
{
    const char *id = client->options.client_id;
    const struct request_header header = {
        .request_api_key = call->api->key,
        .request_api_version = call->version,
        .correlation_id = call->correlation_id,
        .client_id = id == NULL ? (struct bytes){0} : bytes_of_text(id),
    };
    writer_init(&call->request, &call->arena);
    frame_begin(&call->request);
    request_header_encode(&call->request, api_request_header_version(call->api, call->version),
                          &header);
}

void client_call_begin(struct client *client, struct client_call *call, enum api_key key,
                       int16_t version)
{
    assert(!list_node_is_linked(&call->node));
    call->api = api_find((int16_t)key);
    assert(call->api != NULL);
    call->version = version;
    call->correlation_id = client->next_correlation_id++;
    request_begin(client, call);
}

static void call_end(struct client *client, struct client_call *call, int32_t result)
{
    list_remove(&call->node);
    io_land(client_io(client), &call->completion, result);
}

void client_call_send(struct client *client, struct client_call *call)
{
    assert(call->api != NULL);
    assert(client->closed == NULL);
    frame_end(&call->request);
    if (call->request.status == STATUS_OK &&
        !writer_pieces(&call->request, &call->pieces, &call->piece_count))
        writer_fail(&call->request, STATUS_NO_MEMORY);
    if (call->request.status != STATUS_OK) {
        call_end(client, call, (int32_t)call->request.status);
        return;
    }
    list_push_back(&client->waiting, &call->node);
    client_go_on(client);
}

void client_call_send_raw(struct client *client, struct client_call *call, struct bytes bytes)
{
    assert(!list_node_is_linked(&call->node));
    assert(client->closed == NULL);
    call->api = NULL;
    call->pieces = arena_allocate_array(&call->arena, 1, sizeof *call->pieces);
    assert(call->pieces != NULL);
    call->pieces[0] = bytes;
    call->piece_count = 1;
    list_push_back(&client->waiting, &call->node);
    client_go_on(client);
}

static struct client_call *first_call(const struct list *list)
{
    struct list_node *node = list_first(list);
    return node == NULL ? NULL : container_of(node, struct client_call, node);
}

static void end_all(struct client *client, struct list *calls, enum status reason)
{
    struct client_call *call;
    while ((call = first_call(calls)) != NULL)
        call_end(client, call, (int32_t)reason);
}

/* --- The end of a connection ------------------------------------------------------------------ */

static void client_report_closed(struct client *client)
{
    struct completion *closed = client->closed;
    assert(client_is_quiet(client));
    client->closed = NULL;
    io_land(client_io(client), closed, STATUS_OK);
}

static void client_pause(struct client *client)
{
    struct io *io = client_io(client);
    client->state = CLIENT_PAUSING;
    io_timer_start(io, &client->retry, io_now_ns(io) + client->options.retry_ns);
}

/* Without a connection, and without one on its way. */
static void client_rest(struct client *client)
{
    client->state = CLIENT_IDLE;
    if (client->closed != NULL)
        client_report_closed(client);
    else if (!list_is_empty(&client->waiting))
        client_pause(client);
}

static void handle_closed(struct completion *completion, int32_t result)
{
    struct client *client = container_of(completion, struct client, send.completion);
    assert(client->state == CLIENT_CLOSING);
    client_rest(client);
}

/* The handle may be given back when nothing is in flight on it. */
static void client_close_when_still(struct client *client)
{
    bool is_still = client->sending == NULL && !client->is_receiving;
    if (client->state != CLIENT_CLOSING || !is_still || client->handle < 0)
        return;
    end_all(client, &client->sent, client->end_reason);
    client->sent_count = 0;
    completion_init(&client->send.completion, handle_closed);
    io_close(client_io(client), &client->send, client->handle);
    client->handle = -1;
}

static void client_end(struct client *client, enum status reason)
{
    if (client->state != CLIENT_OPEN)
        return;
    client->state = CLIENT_CLOSING;
    client->end_reason = reason;
    io_timer_cancel(client_io(client), &client->patience);
    io_shutdown(client_io(client), client->handle);
    client_close_when_still(client);
}

void client_disconnect(struct client *client)
{
    client_end(client, STATUS_CLOSED);
}

/* --- Receiving -------------------------------------------------------------------------------- */

static void patience_start(struct client *client)
{
    struct io *io = client_io(client);
    struct client_call *oldest = first_call(&client->sent);
    if (oldest == NULL)
        oldest = client->sending; /* one without an answer must leave, too */
    io_timer_cancel(io, &client->patience);
    if (oldest != NULL && client->options.patience_ns != 0)
        io_timer_start(io, &client->patience, oldest->sent_ns + client->options.patience_ns);
}

static void patience_ended(struct timer *timer)
{
    client_end(container_of(timer, struct client, patience), STATUS_TIMED_OUT);
}

static bool header_is_right(struct client_call *call)
{
    struct response_header header;
    reader_init(&call->body, call->answer);
    if (call->api == NULL)
        return true;
    int16_t version = api_response_header_version(call->api, call->version);
    enum status status = response_header_decode(&call->body, version, &call->arena, &header);
    return status == STATUS_OK && header.correlation_id == call->correlation_id;
}

static void answer_land(struct client *client)
{
    struct client_call *call = first_call(&client->sent);
    client->has_size = false;
    client->has_early_answer = false;
    client->received_bytes = 0;
    if (!header_is_right(call)) {
        client_end(client, STATUS_MALFORMED);
        return;
    }
    client->sent_count--;
    call_end(client, call, STATUS_OK);
    patience_start(client);
    client_go_on(client);
}

/* A fast broker answers before the door has given back the request's bytes, which die with the
 * call. */
static void answer_is_whole(struct client *client)
{
    if (client->sending == first_call(&client->sent))
        client->has_early_answer = true;
    else
        answer_land(client);
}

/* An answer that nobody asked for has no call to land in. */
static void size_is_known(struct client *client)
{
    struct client_call *call = first_call(&client->sent);
    uint32_t size = load_u32_be(client->size_field);
    client->has_size = true;
    client->received_bytes = 0;
    uint8_t *room =
        call == NULL || size > CLIENT_ANSWER_BYTES_MAX ? NULL : arena_allocate(&call->arena, size);
    if (room == NULL) {
        client_end(client, STATUS_MALFORMED);
        return;
    }
    call->answer = bytes_of(room, size);
    if (size == 0)
        answer_is_whole(client);
}

static void client_receive(struct client *client);

static void client_received(struct completion *completion, int32_t result)
{
    struct client *client = container_of(completion, struct client, receive.completion);
    client->is_receiving = false;
    if (result <= 0)
        client_end(client, STATUS_CLOSED);
    if (client->state != CLIENT_OPEN) {
        client_close_when_still(client);
        return;
    }
    client->received_bytes += (uint32_t)result;
    if (!client->has_size && client->received_bytes == CLIENT_SIZE_FIELD_BYTES)
        size_is_known(client);
    else if (client->has_size && client->received_bytes == first_call(&client->sent)->answer.size)
        answer_is_whole(client);
    client_receive(client);
}

/* Something is always asked for, so that the end of the connection is noticed. */
static void client_receive(struct client *client)
{
    if (client->state != CLIENT_OPEN || client->is_receiving || client->is_deaf ||
        client->has_early_answer)
        return;
    uint8_t *to = client->size_field;
    size_t size = CLIENT_SIZE_FIELD_BYTES;
    if (client->has_size) {
        struct bytes answer = first_call(&client->sent)->answer;
        to = (uint8_t *)(uintptr_t)answer.data;
        size = answer.size;
    }
    assert(client->received_bytes < size);
    client->is_receiving = true;
    completion_init(&client->receive.completion, client_received);
    io_receive(client_io(client), &client->receive, client->handle, to + client->received_bytes,
               (uint32_t)(size - client->received_bytes));
}

void client_set_deaf(struct client *client, bool is_deaf)
{
    client->is_deaf = is_deaf;
    client_receive(client);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static void client_sent(struct completion *completion, int32_t result)
{
    struct client *client = container_of(completion, struct client, send.completion);
    struct client_call *call = client->sending;
    client->sending = NULL;
    if (call->has_no_answer) {
        call_end(client, call, result < 0 ? STATUS_CLOSED : STATUS_OK);
        if (client->state == CLIENT_OPEN)
            patience_start(client);
    }
    if (result < 0)
        client_end(client, STATUS_CLOSED);
    if (client->state != CLIENT_OPEN) {
        client_close_when_still(client);
        return;
    }
    if (client->has_early_answer)
        answer_land(client);
    client_receive(client);
    client_go_on(client);
}

/* A call without an answer stays at the head of those that wait until it has left. */
static void client_send_next(struct client *client)
{
    struct client_call *call = first_call(&client->waiting);
    client->sending = call;
    call->sent_ns = io_now_ns(client_io(client));
    if (!call->has_no_answer) {
        list_remove(&call->node);
        list_push_back(&client->sent, &call->node);
        client->sent_count++;
    }
    completion_init(&client->send.completion, client_sent);
    io_send(client_io(client), &client->send, client->handle, call->pieces, call->piece_count);
    if (!timer_is_running(&client->patience))
        patience_start(client);
}

/* --- Connecting ------------------------------------------------------------------------------- */

static void client_connected(struct completion *completion, int32_t result)
{
    struct client *client = container_of(completion, struct client, send.completion);
    if (result < 0) {
        client_rest(client);
        return;
    }
    client->handle = result;
    client->state = CLIENT_OPEN;
    client->connect_count++;
    client->has_size = false;
    client->has_early_answer = false;
    client->received_bytes = 0;
    if (client->closed != NULL) {
        client_end(client, STATUS_CANCELLED);
        return;
    }
    client_receive(client);
    client_go_on(client);
}

static void client_connect(struct client *client)
{
    client->state = CLIENT_CONNECTING;
    completion_init(&client->send.completion, client_connected);
    io_connect(client_io(client), &client->send, &client->options.address);
}

static void retry_fired(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, retry);
    assert(client->state == CLIENT_PAUSING);
    client_connect(client);
}

/* What comes next for the calls that wait. In the other states, what is in flight comes back here.
 */
static void client_go_on(struct client *client)
{
    if (list_is_empty(&client->waiting))
        return;
    bool may_send = client->sending == NULL && client->sent_count < client->options.pipeline_max;
    if (client->state == CLIENT_IDLE)
        client_connect(client);
    else if (client->state == CLIENT_OPEN && may_send)
        client_send_next(client);
}

/* --- Life ------------------------------------------------------------------------------------- */

void client_init(struct client *client, const struct client_options *options)
{
    assert(options->io != NULL);
    *client = (struct client){.options = *options, .state = CLIENT_IDLE};
    if (client->options.pipeline_max == 0)
        client->options.pipeline_max = 1;
    list_init(&client->waiting);
    list_init(&client->sent);
    timer_init(&client->retry, retry_fired);
    timer_init(&client->patience, patience_ended);
}

/* A silent call that is being sent stays where it is: it lands when the send does. */
void client_close(struct client *client, struct completion *closed)
{
    assert(client->closed == NULL);
    client->closed = closed;
    struct client_call *call;
    struct client_call *following;
    list_for_each_entry_safe (call, following, &client->waiting, node) {
        if (call != client->sending)
            call_end(client, call, STATUS_CANCELLED);
    }
    if (client->state == CLIENT_PAUSING) {
        io_timer_cancel(client_io(client), &client->retry);
        client->state = CLIENT_IDLE;
    }
    if (client->state == CLIENT_IDLE)
        client_report_closed(client);
    else
        client_end(client, STATUS_CANCELLED);
}

void client_deinit(struct client *client)
{
    while (list_pop_front(&client->waiting) != NULL) {
    }
    while (list_pop_front(&client->sent) != NULL) {
    }
}
