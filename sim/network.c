#include "sim/network.h"

#include "base/assert.h"
#include "sim/memory.h"
#include "sim/stream.h"

#include <stdio.h>

enum {
    DELAY_LOOPBACK_NS = 15 * 1000,
    DELAY_NS = 100 * 1000,
    CONNECT_RETRY_NS = 1000 * 1000 * 1000,
    CONNECT_ATTEMPT_COUNT_MAX = 5,
    BACKLOG_COUNT_MAX = 128,
    PORT_FREE_MIN = 32768,
    PORT_FREE_MAX = 60999,
};

struct listener {
    struct list_node node; /* on network->listeners */
    struct network *network;
    uint32_t host;
    struct io_address address;
    struct list backlog; /* ends that nobody has accepted yet */
    uint32_t backlog_count;
    struct list accepts; /* waits */
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

struct io_address network_address(uint32_t host, uint16_t port)
{
    assert(host < NETWORK_HOST_COUNT_MAX);
    struct io_address address = {.port = port};
    memcpy(address.ip, v4_prefix, sizeof v4_prefix);
    address.ip[12] = 10;
    address.ip[15] = (uint8_t)(host + 1);
    snprintf(address.text, sizeof address.text, "10.0.0.%u:%u", host + 1, port);
    return address;
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

/* --- Waits ------------------------------------------------------------------------------------ */

struct wait *wait_create(struct network *network, struct io *io, struct io_request *request,
                         uint32_t host, void (*fire)(struct event *))
{
    struct wait *wait = must_allocate(1, sizeof *wait);
    event_init(&wait->event, fire);
    list_node_init(&wait->node);
    list_node_init(&wait->listener_node);
    wait->network = network;
    wait->io = io;
    wait->request = request;
    wait->host = host;
    list_push_back(&network->waits, &wait->node);
    return wait;
}

void wait_forget(struct wait *wait)
{
    event_cancel(wait->network->queue, &wait->event);
    list_remove(&wait->node);
    list_remove(&wait->listener_node);
    free(wait);
}

void wait_land(struct wait *wait, struct endpoint *endpoint, int32_t result)
{
    struct network *network = wait->network;
    struct io *io = wait->io;
    struct io_request *request = wait->request;
    wait_forget(wait);
    network->landed(network, io, request, endpoint, result);
}

/* --- Links ------------------------------------------------------------------------------------ */

uint64_t network_draw_delay_ns(struct network *network, uint32_t from, uint32_t to)
{
    uint64_t delay_ns = from == to ? DELAY_LOOPBACK_NS : DELAY_NS;
    delay_ns += prng_below(&network->prng, delay_ns);
    if (prng_chance(&network->prng, network->faults->slow, CHANCE_ALWAYS))
        delay_ns += prng_below(&network->prng, network->faults->slow_ns_max + 1);
    return delay_ns;
}

bool network_is_cut(const struct network *network, uint32_t from, uint32_t to)
{
    return network->link_is_blocked[from][to] || !network->host_is_up[to];
}

static void network_kick(struct network *network)
{
    struct connection *connection;
    list_for_each_entry (connection, &network->connections, node) {
        endpoint_kick(&connection->ends[0]);
        endpoint_kick(&connection->ends[1]);
    }
}

void network_link_block(struct network *network, uint32_t from, uint32_t to, bool blocked)
{
    assert(from < NETWORK_HOST_COUNT_MAX);
    assert(to < NETWORK_HOST_COUNT_MAX);
    network->link_is_blocked[from][to] = blocked;
    trace_note(network->trace, "network", blocked ? "block" : "open", from * 1000 + to);
    if (!blocked)
        network_kick(network);
}

void network_host_up(struct network *network, uint32_t host)
{
    assert(host < NETWORK_HOST_COUNT_MAX);
    network->host_is_up[host] = true;
    network_kick(network);
}

static void waits_forget(struct network *network, uint32_t host)
{
    struct wait *wait;
    struct wait *following;
    list_for_each_entry_safe (wait, following, &network->waits, node) {
        if (wait->host != host)
            continue;
        if (wait->endpoint != NULL && wait->endpoint->receive == wait)
            wait->endpoint->receive = NULL;
        if (wait->endpoint != NULL && wait->endpoint->send == wait)
            wait->endpoint->send = NULL;
        wait_forget(wait);
    }
}

static void connections_end(struct network *network, uint32_t host, bool power_cut)
{
    struct connection *connection;
    struct connection *following;
    list_for_each_entry_safe (connection, following, &network->connections, node) {
        for (int i = 0; i < 2; i++) {
            struct endpoint *end = &connection->ends[i];
            bool is_last = !connection->ends[1 - i].is_open;
            if (end->host != host || !end->is_open)
                continue;
            if (power_cut)
                endpoint_vanish(end);
            else
                endpoint_close(end);
            if (is_last)
                break; /* and the connection is gone */
        }
    }
}

void network_host_down(struct network *network, uint32_t host, bool power_cut)
{
    waits_forget(network, host);
    connections_end(network, host, power_cut);
    struct listener *listener;
    struct listener *following;
    list_for_each_entry_safe (listener, following, &network->listeners, node)
        if (listener->host == host)
            listener_close(listener);
    if (power_cut)
        network->host_is_up[host] = false;
}

/* --- The network ------------------------------------------------------------------------------ */

void network_init(struct network *network, struct event_queue *queue, struct trace *trace,
                  const struct network_faults *faults, uint64_t seed)
{
    *network = (struct network){.queue = queue, .trace = trace, .faults = faults};
    prng_init(&network->prng, seed);
    list_init(&network->listeners);
    list_init(&network->connections);
    list_init(&network->waits);
}

void network_deinit(struct network *network)
{
    for (uint32_t host = 0; host < NETWORK_HOST_COUNT_MAX; host++)
        network_host_down(network, host, true);
    assert(list_is_empty(&network->waits));
    assert(list_is_empty(&network->listeners));
    assert(list_is_empty(&network->connections));
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

enum status network_listen(struct network *network, uint32_t host, struct io_address *address,
                           struct listener **listener)
{
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
                   queue->now_ns + DELAY_LOOPBACK_NS);
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
    if (listener == NULL || prng_chance(&network->prng, network->faults->refuse, CHANCE_ALWAYS)) {
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

void network_connect(struct network *network, struct io *io, struct io_request *request,
                     uint32_t host)
{
    struct wait *wait = wait_create(network, io, request, host, connect_fire);
    uint32_t to;
    if (!address_host(&request->address, host, &to))
        to = host;
    event_schedule(network->queue, &wait->event,
                   network->queue->now_ns + 2 * network_draw_delay_ns(network, host, to));
}
