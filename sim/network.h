/* The simulated network: byte streams between nodes, as TCP gives them on a bad day.
 *
 * A connection has two ends. What one end sends goes into the stream of the other: first it is
 * under way, then it has arrived, then it is received. Under way and arrived together never exceed
 * the window, so a reader who does not read stops the sender.
 *
 *   sender                     link                    receiver
 *   io_send -> [ window ] -> pieces, in order -> [ arrived ] -> io_receive
 *
 * Modelled: any cut into pieces; delay; the slow reader; connections that break within any byte;
 * half-open connections (the power of one side went: the other learns it only by sending, after
 * the machine is back); links that are blocked one way or both (what is under way waits, as TCP
 * repeats it; a connect times out); refused connections; a reset instead of an end when a side
 * closes with unread bytes, or is sent bytes after it closed.
 *
 * Not modelled: loss and reordering of packets (TCP hides them; a blocked link stands for long
 * loss), bandwidth, keep-alive, and half-closed connections, which the seam does not offer.
 *
 * Hosts are numbered; host n has the address 10.0.0.(n + 1), and 127.0.0.1 is itself.
 *
 * This file holds the network's state, its links, and the requests that wait on it. On it stand
 * sim/stream.h (connections), sim/listener.h (how they come to be) and sim/host.h (what happens to
 * all of them when a machine or a link fails). */
#ifndef TAILRACE_SIM_NETWORK_H
#define TAILRACE_SIM_NETWORK_H

#include "base/prng.h"
#include "base/trace.h"
#include "io/io.h"
#include "sim/event.h"
#include "sim/faults.h"

enum { NETWORK_HOST_COUNT_MAX = 64 };

struct endpoint;

struct network {
    struct event_queue *queue;
    struct trace *trace;
    const struct network_faults *faults;
    struct prng prng;
    struct list listeners;
    struct list connections;
    struct list waits; /* requests in flight, in the order in which they were asked for */
    bool host_is_up[NETWORK_HOST_COUNT_MAX];
    bool link_is_blocked[NETWORK_HOST_COUNT_MAX][NETWORK_HOST_COUNT_MAX];
    /* A request has its result. `endpoint` is the new connection of an accept or connect, else
     * NULL. */
    void (*landed)(struct network *network, struct io *io, struct io_request *request,
                   struct endpoint *endpoint, int32_t result);
    /* What lies in a file of the sender's disk now; answers how many bytes, fewer at its end, or a
     * negative status. */
    int32_t (*read_range)(struct network *network, struct io *io, struct io_file_range range,
                          uint8_t *to, size_t size);
    uint64_t range_bytes; /* sent so far from files */
};

void network_init(struct network *network, struct event_queue *queue, struct trace *trace,
                  const struct network_faults *faults, uint64_t seed);

/* All hosts must be down. */
void network_deinit(struct network *network);

struct io_address network_address(uint32_t host, uint16_t port);

/* How long a piece takes from one host to another. */
uint64_t network_draw_delay_ns(struct network *network, uint32_t from, uint32_t to);

/* Whether nothing gets from one host to another now. */
bool network_is_cut(const struct network *network, uint32_t from, uint32_t to);

/* Whether a chance in a million comes up. */
bool network_draw(struct network *network, uint32_t chance);

/* --- Requests that wait ----------------------------------------------------------------------- */

struct listener;

/* A request in flight. It knows whom to tell, and is forgotten when its process dies. */
struct wait {
    struct event event;
    struct list_node node;          /* on network->waits */
    struct list_node listener_node; /* an accept: on listener->accepts */
    struct network *network;
    struct io *io;
    struct io_request *request;
    uint32_t host;
    uint32_t attempt_count;    /* a connect: how often the other side did not answer */
    struct listener *listener; /* an accept; NULL once the listener is closed */
    struct endpoint *endpoint; /* a receive or send */
};

/* A request in flight that is not due yet. */
struct wait *wait_create(struct network *network, struct io *io, struct io_request *request,
                         uint32_t host, void (*fire)(struct event *));

/* The request has its result; the wait is gone. */
void wait_land(struct wait *wait, struct endpoint *endpoint, int32_t result);

/* The request is forgotten without being touched; the wait is gone. */
void wait_forget(struct wait *wait);

/* Makes the wait look again after a while, unless it will anyway; NULL is nobody. */
void wait_kick(struct wait *wait, uint64_t delay_ns);

#endif
