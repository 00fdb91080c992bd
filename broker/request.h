/* One request on its way through the server.
 *
 * dispatch makes it from a frame and calls the handler of its API; the handler decodes the body
 * from `body`, allocates from `arena`, encodes the answer into `response`, and ends with exactly
 * one of request_reply, request_end_silently and request_refuse. It may do so at once or turns
 * later. The answer leaves in the order of the connection's requests, whenever that is. */
#ifndef TAILRACE_BROKER_REQUEST_H
#define TAILRACE_BROKER_REQUEST_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/list.h"
#include "broker/core.h"
#include "io/chunk.h"
#include "protocol/apis.h"

struct connection;

enum request_state {
    REQUEST_RUNNING,
    REQUEST_ANSWERED, /* `response` is complete and waits for its turn */
    REQUEST_SILENT,   /* there is nothing to send (acks=0) */
};

struct request {
    struct list_node node; /* in its connection's order */
    struct connection *connection;
    struct broker_core *core;
    const struct api *api;
    uint64_t arrived_ns;
    int16_t version;
    int32_t correlation_id;
    struct bytes client_id; /* may be null */
    struct reader body;
    struct arena arena;
    struct chunk *frame; /* holds the bytes that `body` and decoded views point into */
    struct writer response;
    enum request_state state;
    bool is_released;  /* the next request of the connection may begin */
    size_t held_bytes; /* of the arena, as counted by the connection */

    /* Set by a handler that waits for something that may never come: the connection is closing, so
     * come to an end soon. May be NULL. */
    void (*cancel)(struct request *request);
    /* Called when the answer has been sent, as `send_result` says, or dropped, before the memory
     * goes. May be NULL. */
    void (*sent)(struct request *request);
    void *operation; /* the handler's own, in the arena; for cancel and sent */

    struct bytes *pieces; /* of the response, once it is being sent */
    uint32_t piece_count;
    struct io_file_range *ranges; /* where its pieces without data lie; NULL: it has none */
    uint32_t range_count;
    int32_t send_result; /* of what was sent with it; 0 before */

    /* Where the arena begins: enough for most small requests, so that they never ask malloc.
     * Without an alignment of its own, which the whole struct would have, and every list of them.
     */
    uint8_t memory[];
};

#endif
