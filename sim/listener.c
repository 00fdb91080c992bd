#include "sim/listener.h"

#include "base/assert.h"
#include "sim/memory.h"
#include "sim/stream.h"

#include <stdio.h>

enum {
    ACCEPT_NS = 15 * 1000,
    CONNECT_RETRY_NS = 1000 * 1000 * 1000,
    CONNECT_ATTEMPT_COUNT_MAX = 5,
    BACKLOG_COUNT_MAX = 128,
    PORT_FREE_MIN = 32768,
    PORT_FREE_MAX = 60999,
};

/* --- Addresses -------------------------------------------------------------------------------- */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_is_v4(const struct io_address *address)
{
    return memcmp(address->ip, v4_prefix, sizeof v4_prefix) == 0;
}

static bool address_is_any(const struct io_address *address)
{
    static const uint8_t zeros[16];
    return memcmp(address->ip, zeros, 16) == 0 ||
           (address_is_v4(address) && memcmp(address->ip + 12, zeros, 4) == 0);
}

static bool address_is_loopback(const struct io_address *address)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};
    return memcmp(address->ip, v6_loopback, 16) == 0 ||
           (address_is_v4(address) && address->ip[12] == 127);
}

/* The host that an address means on `from`; false when there is none. */
static bool address_host(const struct io_address *address, uint32_t from, uint32_t *host)
{
    *host = from;
    if (address_is_loopback(address))
        return true;
    static const uint8_t net[3] = {10, 0, 0};
    if (!address_is_v4(address) || memcmp(address->ip + 12, net, sizeof net) != 0)
        return false;
    *host = address->ip[15] - 1u;
    return *host < NETWORK_HOST_COUNT_MAX;
}

/* --- Listening -------------------------------------------------------------------------------- */

static struct listener *listener_find(const struct network *network, uint32_t host,
                                      const struct io_address *address)
{
    struct listener *listener;
    list_for_each_entry (listener, &network->listeners, node)
        if (listener->host == host && listener->address.port == address->port &&
            (address_is_any(&listener->address) || address_is_any(address) ||
             memcmp(listener->address.ip, address->ip, sizeof address->ip) == 0))
            return listener;
    return NULL;
}

static uint16_t port_draw(struct network *network)
{
    return (uint16_t)prng_between(&network->prng, PORT_FREE_MIN, PORT_FREE_MAX);
}

/* The text keeps its host part and gets the port that was taken. */
static void address_take_port(struct io_address *address, uint16_t port)
{
    address->port = port;
    char *colon = strrchr(address->text, ':');
    if (colon != NULL)
        snprintf(colon, sizeof address->text - (size_t)(colon - address->text), ":%u", port);
}

enum status listener_open(struct network *network, uint32_t host, struct io_address *address,
                          struct listener **listener)
{
    assert(host < NETWORK_HOST_COUNT_MAX);
    bool any_port = address->port == 0;
    do {
        if (any_port)
            address_take_port(address, port_draw(network));
        if (!any_port && listener_find(network, host, address) != NULL)
            return STATUS_IN_USE;
    } while (listener_find(network, host, address) != NULL);

    struct listener *made = must_allocate(1, sizeof *made);
    made->network = network;
    made->host = host;
    made->address = *address;
    list_init(&made->backlog);
    list_init(&made->accepts);
    list_node_init(&made->node);
    list_push_back(&network->listeners, &made->node);
    *listener = made;
    return STATUS_OK;
}

void listener_close(struct listener *listener)
{
    struct network *network = listener->network;
    struct list_node *node;
    while ((node = list_pop_front(&listener->accepts)) != NULL) {
        struct wait *wait = container_of(node, struct wait, listener_node);
        wait->listener = NULL;
        event_schedule(network->queue, &wait->event, network->queue->now_ns);
    }
    while ((node = list_pop_front(&listener->backlog)) != NULL)
        endpoint_abort(container_of(node, struct endpoint, backlog_node));
    list_remove(&listener->node);
    free(listener);
}

static void listener_kick(struct listener *listener)
{
    struct list_node *node = list_first(&listener->accepts);
    if (node == NULL || list_is_empty(&listener->backlog))
        return;
    struct event_queue *queue = listener->network->queue;
    event_schedule(queue, &container_of(node, struct wait, listener_node)->event,
                   queue->now_ns + ACCEPT_NS);
}

static void accept_fire(struct event *event)
{
    struct wait *wait = container_of(event, struct wait, event);
    struct listener *listener = wait->listener;
    if (listener == NULL) {
        wait_land(wait, NULL, STATUS_CANCELLED);
        return;
    }
    struct list_node *node = list_pop_front(&listener->backlog);
    if (node == NULL)
        return;
    assert(listener->backlog_count > 0);
    listener->backlog_count--;
    struct endpoint *endpoint = container_of(node, struct endpoint, backlog_node);
    wait->request->address = endpoint->connection->from;
    list_remove(&wait->listener_node);
    wait_land(wait, endpoint, 0);
    listener_kick(listener);
}

void listener_accept(struct listener *listener, struct io *io, struct io_request *request)
{
    struct wait *wait = wait_create(listener->network, io, request, listener->host, accept_fire);
    wait->listener = listener;
    list_push_back(&listener->accepts, &wait->listener_node);
    listener_kick(listener);
}

/* --- Connecting ------------------------------------------------------------------------------- */

/* How the listening side sees who connects: through loopback, as itself. */
static struct io_address address_from(struct network *network, const struct wait *wait)
{
    struct io_address from = network_address(wait->host, 0);
    if (address_is_loopback(&wait->request->address))
        from = wait->request->address;
    address_take_port(&from, port_draw(network));
    return from;
}

/* Nobody answers: ask again, some times. */
static void connect_retry(struct wait *wait)
{
    assert(wait->attempt_count < CONNECT_ATTEMPT_COUNT_MAX);
    if (++wait->attempt_count == CONNECT_ATTEMPT_COUNT_MAX)
        wait_land(wait, NULL, STATUS_TIMED_OUT);
    else
        event_schedule(wait->network->queue, &wait->event,
                       wait->network->queue->now_ns + CONNECT_RETRY_NS);
}

static void connect_fire(struct event *event)
{
    struct wait *wait = container_of(event, struct wait, event);
    struct network *network = wait->network;
    const struct io_address *address = &wait->request->address;
    uint32_t to;
    if (!address_host(address, wait->host, &to)) {
        wait_land(wait, NULL, STATUS_REFUSED);
        return;
    }
    struct listener *listener = listener_find(network, to, address);
    bool is_full = listener != NULL && listener->backlog_count == BACKLOG_COUNT_MAX;
    if (is_full || network_is_cut(network, wait->host, to) ||
        network_is_cut(network, to, wait->host)) {
        connect_retry(wait);
        return;
    }
    if (listener == NULL || network_draw(network, network->faults->refuse)) {
        wait_land(wait, NULL, STATUS_REFUSED);
        return;
    }
    struct connection *connection = connection_create(network, wait->host, to);
    connection->from = address_from(network, wait);
    list_push_back(&listener->backlog, &connection->ends[1].backlog_node);
    listener->backlog_count++;
    listener_kick(listener);
    wait_land(wait, &connection->ends[0], 0);
}

void listener_connect(struct network *network, struct io *io, struct io_request *request,
                      uint32_t host)
{
    struct wait *wait = wait_create(network, io, request, host, connect_fire);
    uint32_t to;
    if (!address_host(&request->address, host, &to))
        to = host;
    event_schedule(network->queue, &wait->event,
                   network->queue->now_ns + 2 * network_draw_delay_ns(network, host, to));
}
