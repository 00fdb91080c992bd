/* The parts that connections, listeners and connects share: addresses, delays, which links are cut,
 * and the requests that wait for something, which are landed or forgotten in one place. */
#include "sim/network.h"

#include "base/assert.h"
#include "sim/memory.h"

#include <stdio.h>

enum { DELAY_LOOPBACK_NS = 15 * 1000, DELAY_NS = 100 * 1000 };

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
    assert(list_is_empty(&network->waits));
    assert(list_is_empty(&network->listeners));
    assert(list_is_empty(&network->connections));
}

struct io_address network_address(uint32_t host, uint16_t port)
{
    assert(host < NETWORK_HOST_COUNT_MAX);
    struct io_address address = {.port = port};
    address.ip[10] = 0xff;
    address.ip[11] = 0xff;
    address.ip[12] = 10;
    address.ip[15] = (uint8_t)(host + 1);
    snprintf(address.text, sizeof address.text, "10.0.0.%u:%u", host + 1, port);
    return address;
}

bool network_draw(struct network *network, uint32_t chance)
{
    return prng_chance(&network->prng, chance, CHANCE_ALWAYS);
}

uint64_t network_draw_delay_ns(struct network *network, uint32_t from, uint32_t to)
{
    assert(from < NETWORK_HOST_COUNT_MAX);
    assert(to < NETWORK_HOST_COUNT_MAX);
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

/* --- Waits ------------------------------------------------------------------------------------ */

struct wait *wait_create(struct network *network, struct io *io, struct io_request *request,
                         uint32_t host, void (*fire)(struct event *))
{
    assert(host < NETWORK_HOST_COUNT_MAX);
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
    assert(endpoint == NULL || result == 0);
    struct network *network = wait->network;
    struct io *io = wait->io;
    struct io_request *request = wait->request;
    wait_forget(wait);
    network->landed(network, io, request, endpoint, result);
}

void wait_kick(struct wait *wait, uint64_t delay_ns)
{
    if (wait == NULL || event_is_queued(&wait->event))
        return;
    struct event_queue *queue = wait->network->queue;
    event_schedule(queue, &wait->event, queue->now_ns + delay_ns);
}
