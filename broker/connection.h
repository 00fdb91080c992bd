/* One client connection: frames in, requests in order, responses out in the same order.
 *
 * A connection lives on the core where it was placed when it was accepted. Its life:
 *
 *   OPEN ──▶ DRAINING ──▶ ENDING ──▶ CLOSING ──▶ gone
 *     └────────────────────▲
 *
 *   OPEN      reads and answers
 *   DRAINING  reads no more; ends when everything has been answered (clean stop)
 *   ENDING    the socket is shut down; what is in flight lands, handlers come to their end
 *   CLOSING   the handle is being closed
 *
 * Bytes are received into a chunk; each request holds a reference to the chunk with its frame, so
 * bodies are never copied. When a frame does not fit behind what is there, its beginning moves to a
 * new chunk, which grows only as fast as bytes really arrive. */
#ifndef TAILRACE_BROKER_CONNECTION_H
#define TAILRACE_BROKER_CONNECTION_H

#include "base/list.h"
#include "broker/core.h"
#include "broker/limits.h"
#include "broker/request.h"
#include "io/chunk.h"
#include "io/io.h"

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_DRAINING,
    CONNECTION_ENDING,
    CONNECTION_CLOSING,
};

struct connection {
    struct list_node node;         /* in the core's list */
    struct list_node starved_node; /* in the core's starved list, or on none */
    struct broker_core *core;
    uint32_t listener_index;
    int32_t handle;
    struct io_address peer;
    enum connection_state state;

    struct io_request receive;
    bool is_receiving;
    bool is_beginning; /* requests begin, one after the other, for as long as one may */
    struct chunk *input;
    uint32_t input_begin;       /* first byte not yet taken by a request */
    uint32_t input_end;         /* after the last byte received */
    uint32_t frame_bytes;       /* of the last frame that began, with its size field */
    uint32_t received_bytes;    /* by the last receive */
    uint64_t frame_since_ns;    /* when a part of the incomplete frame began; 0: there is none */
    uint32_t frame_since_bytes; /* how much of it had come by then */

    struct list requests; /* in order of arrival */
    uint32_t request_count;
    struct request *unreleased; /* the one that keeps the next from beginning */
    size_t held_bytes;          /* by requests that keep no other from beginning */

    struct io_request send;
    bool is_sending;
    uint32_t sending_count; /* requests at the head whose answers are in the send */
    size_t sent_bytes;      /* of the send, when it was looked at last */
    struct bytes pieces[LIMIT_SEND_PIECES];

    struct completion pump;
    bool is_pumping; /* the pump is on the ready queue */
    struct timer timer;
    uint64_t active_ns;         /* when bytes came or left last, as far as anybody has looked */
    struct bytes software_name; /* from ApiVersions; in software_text */
    char software_text[128];
};

/* Ends the connection at once; `reason` goes to the log at debug level, or as a warning when
 * `is_fault` says that the client did wrong. */
void connection_end(struct connection *connection, const char *reason, bool is_fault);

/* Reads no more and ends when the answers under way have been sent; waiting fetches are answered
 * now. */
void connection_drain(struct connection *connection);

/* Something changed: looks at once for what can be read, begun or sent. Cheap to call often. */
void connection_schedule(struct connection *connection);

/* The order of this request's effects is fixed; the next one of the connection may begin. Implied
 * by each of the ends. */
void connection_release(struct connection *connection, struct request *request);

/* Memory or a request came back: lets starved connections read on. */
void connections_feed(struct broker_core *core);

#endif
