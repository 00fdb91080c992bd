/* Connections are walked in the order in which they were made, never by address: so two runs of a
 * seed do the same. */
#include "sim/host.h"

#include "base/assert.h"
#include "sim/listener.h"
#include "sim/stream.h"

static void connections_kick(struct network *network)
{
    struct connection *connection;
    list_for_each_entry (connection, &network->connections, node) {
        endpoint_kick(&connection->ends[0]);
        endpoint_kick(&connection->ends[1]);
    }
}

void host_block(struct network *network, uint32_t from, uint32_t to, bool blocked)
{
    assert(from < NETWORK_HOST_COUNT_MAX);
    assert(to < NETWORK_HOST_COUNT_MAX);
    network->link_is_blocked[from][to] = blocked;
    trace_note(network->trace, "network", blocked ? "block" : "open", from * 1000 + to);
    if (!blocked)
        connections_kick(network);
}

void host_up(struct network *network, uint32_t host)
{
    assert(host < NETWORK_HOST_COUNT_MAX);
    network->host_is_up[host] = true;
    connections_kick(network);
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

void host_down(struct network *network, uint32_t host, bool power_cut)
{
    assert(host < NETWORK_HOST_COUNT_MAX);
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
