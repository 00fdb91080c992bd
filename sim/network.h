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
 * Hosts are numbered; host n has the address 10.0.0.(n + 1), and 127.0.0.1 is itself. */
#ifndef TAILRACE_SIM_NETWORK_H
#define TAILRACE_SIM_NETWORK_H

#include "base/prng.h"
#include "base/trace.h"
#include "io/io.h"
#include "sim/event.h"
#include "sim/faults.h"

enum { NETWORK_HOST_COUNT_MAX = 64 };

struct listener;
struct connection;
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
};

void network_init(struct network *network, struct event_queue *queue, struct trace *trace,
                  const struct network_faults *faults, uint64_t seed);

/* No request may be in flight. */
void network_deinit(struct network *network);

/* The machine is on the network: what is sent to it is answered, if only with a reset. */
void network_host_up(struct network *network, uint32_t host);

/* The process on this host is dead: its requests in flight are forgotten without being touched.
 * After a kill its connections are closed by the system; after a power cut they are just silent. */
void network_host_down(struct network *network, uint32_t host, bool power_cut);

/* Bytes from one host to another wait until the link is opened again. */
void network_link_block(struct network *network, uint32_t from, uint32_t to, bool blocked);

struct io_address network_address(uint32_t host, uint16_t port);

/* STATUS_IN_USE when this address and port are listened on. Port 0 takes a free one. */
enum status network_listen(struct network *network, uint32_t host, struct io_address *address,
                           struct listener **listener);

/* Accepts in flight land with STATUS_CANCELLED; connections that nobody accepted are reset. */
void listener_close(struct listener *listener);

/* Requests of these four kinds; at most one receive and one send may be in flight on an end. */
void network_connect(struct network *network, struct io *io, struct io_request *request,
                     uint32_t host);
void listener_accept(struct listener *listener, struct io *io, struct io_request *request);
void endpoint_receive(struct endpoint *endpoint, struct io *io, struct io_request *request);
void endpoint_send(struct endpoint *endpoint, struct io *io, struct io_request *request);

/* Ends both directions; requests in flight land soon. */
void endpoint_shutdown(struct endpoint *endpoint);

/* Gives the end back; no request may be in flight on it. */
void endpoint_close(struct endpoint *endpoint);

#endif
