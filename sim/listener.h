/* Listening and connecting: how the connections of sim/stream.h come to be. */
#ifndef TAILRACE_SIM_LISTENER_H
#define TAILRACE_SIM_LISTENER_H

#include "sim/network.h"

struct listener {
    struct list_node node; /* on network->listeners */
    struct network *network;
    uint32_t host;
    struct io_address address;
    struct list backlog; /* ends that nobody has accepted yet */
    uint32_t backlog_count;
    struct list accepts; /* waits */
};

/* STATUS_IN_USE when this address and port are listened on. Port 0 takes a free one. */
enum status listener_open(struct network *network, uint32_t host, struct io_address *address,
                          struct listener **listener);

/* Accepts in flight land with STATUS_CANCELLED; connections that nobody accepted are reset. */
void listener_close(struct listener *listener);

/* Any number may be in flight. */
void listener_accept(struct listener *listener, struct io *io, struct io_request *request);

/* From a host to the request's address. */
void listener_connect(struct network *network, struct io *io, struct io_request *request,
                      uint32_t host);

#endif
