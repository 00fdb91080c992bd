/* The two ends of a connection and the bytes between them; the inside of sim/network.h. */
#ifndef TAILRACE_SIM_STREAM_H
#define TAILRACE_SIM_STREAM_H

#include "sim/network.h"

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

/* A request in flight that is not due yet. */
struct wait *wait_create(struct network *network, struct io *io, struct io_request *request,
                         uint32_t host, void (*fire)(struct event *));

/* The request has its result; the wait is gone. */
void wait_land(struct wait *wait, struct endpoint *endpoint, int32_t result);

/* The request is forgotten without being touched; the wait is gone. */
void wait_forget(struct wait *wait);

/* How long a piece takes from one host to another. */
uint64_t network_draw_delay_ns(struct network *network, uint32_t from, uint32_t to);

bool network_is_cut(const struct network *network, uint32_t from, uint32_t to);

struct connection *connection_create(struct network *network, uint32_t from, uint32_t to);

/* The end stops without a word: its machine has no power any more. */
void endpoint_vanish(struct endpoint *endpoint);

/* The end is given back with a reset to the other side. */
void endpoint_abort(struct endpoint *endpoint);

/* Something that this end waits for may have changed. */
void endpoint_kick(struct endpoint *endpoint);

#endif
