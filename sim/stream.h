/* Connections: two ends, and the bytes between them. The model is described in sim/network.h. */
#ifndef TAILRACE_SIM_STREAM_H
#define TAILRACE_SIM_STREAM_H

#include "sim/network.h"

enum segment_kind { SEGMENT_DATA, SEGMENT_END, SEGMENT_RESET };

/* Something under way to an end. */
struct segment {
    uint64_t at_ns;
    size_t size; /* of data */
    enum segment_kind kind;
};

struct endpoint {
    struct connection *connection;
    uint32_t host;
    bool is_open;     /* somebody has it: a process, or the listener until it is accepted */
    bool is_shut;     /* by its own side */
    bool end_arrived; /* the other side has ended its stream */
    bool is_reset;
    /* The stream towards this end: `arrived` bytes, then what is under way, `size` together. */
    uint8_t *bytes;
    size_t capacity;
    size_t start; /* of the first byte that is not received */
    size_t arrived;
    size_t size;
    struct segment *segments; /* under way, in order */
    size_t segment_count;
    size_t segment_capacity;
    struct event arrival; /* of the first segment */
    struct wait *receive;
    struct wait *send;
    struct list_node backlog_node; /* on listener->backlog */
};

struct connection {
    struct list_node node; /* on network->connections */
    struct network *network;
    struct io_address from;  /* of who connected, as who listened sees it */
    struct endpoint ends[2]; /* of who connected, of who listened */
};

/* Both ends are open from here on, until each is closed, aborted or vanishes. */
struct connection *connection_create(struct network *network, uint32_t from, uint32_t to);

/* At most one receive and one send may be in flight on an end. */
void endpoint_receive(struct endpoint *endpoint, struct io *io, struct io_request *request);
void endpoint_send(struct endpoint *endpoint, struct io *io, struct io_request *request);

/* Ends both directions; requests in flight land soon. */
void endpoint_shutdown(struct endpoint *endpoint);

/* Gives the end back; no request may be in flight on it. */
void endpoint_close(struct endpoint *endpoint);

/* Gives the end back with a reset to the other side. */
void endpoint_abort(struct endpoint *endpoint);

/* The end stops without a word: its machine has no power any more. */
void endpoint_vanish(struct endpoint *endpoint);

/* Something that this end waits for may have changed. */
void endpoint_kick(struct endpoint *endpoint);

#endif
