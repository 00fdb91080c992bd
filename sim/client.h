/* A Kafka client as a small machine over a door: one connection, requests in order, answers in the
 * same order. It is what tests and the simulator's workloads speak to a broker with, so it keeps
 * no global state and knows no clock but the door's, and it believes nothing that a broker says.
 *
 *            a call is queued           connected
 *     IDLE ───────────────▶ CONNECTING ──────────▶ OPEN
 *      ▲ ▲                   │      ▲                │ the other side ends, an answer is not what
 *      │ │           refused ▼      │ retry_ns       ▼ was asked for, patience ends, or
 *      │ │                  PAUSING ┘ or at once   CLOSING   client_disconnect
 *      │ └──────────────────────────────────────────┘
 *      └─ client_close (from any state; what is in flight lands first)
 *
 * A call is one request and its answer; it belongs to the caller, with the arena that holds both.
 * Calls are sent in the order of client_call_send, at most `pipeline_max` unanswered at a time; the
 * others wait in the client, also while there is no connection, which it makes and makes again by
 * itself as long as a call waits. A call lands exactly once, never within the call that asked:
 *
 *   STATUS_OK         answered: `body` stands at the body of the answer (or sent, if no answer was
 *                     expected)
 *   STATUS_CLOSED     the connection ended after the request had begun to leave: nobody knows
 *                     whether it was carried out
 *   STATUS_TIMED_OUT  the same, because the answer took longer than `patience_ns`
 *   STATUS_MALFORMED  the same, because the broker's bytes made no sense: a wrong correlation id,
 *                     an impossible size
 *   STATUS_CANCELLED  the client was closed
 *   STATUS_NO_MEMORY, STATUS_UNSUPPORTED, ...   the request could not be written; nothing was sent
 *
 * The typed requests of all APIs are in sim/client_api.h, the usual ones in short in
 * sim/client_records.h.
 *
 * When a node of the simulator dies nothing lands any more: then client_deinit and
 * client_call_deinit give back the memory, whatever was in flight. Belongs to one core. */
#ifndef TAILRACE_SIM_CLIENT_H
#define TAILRACE_SIM_CLIENT_H

#include "base/arena.h"
#include "base/list.h"
#include "io/io.h"
#include "protocol/apis.h"

#include <stdbool.h>
#include <stdint.h>

struct client_options {
    struct io *io; /* outlives the client */
    struct io_address address;
    const char *client_id; /* NULL: none is sent; else it outlives the client */
    uint32_t pipeline_max; /* requests sent and not yet answered; 0: 1 */
    uint64_t patience_ns;  /* with the oldest answer; 0: without end */
    uint64_t retry_ns;     /* between a lost or refused connection and the next try */
};

enum client_state { CLIENT_IDLE, CLIENT_CONNECTING, CLIENT_PAUSING, CLIENT_OPEN, CLIENT_CLOSING };

enum { CLIENT_SIZE_FIELD_BYTES = 4 };

struct client {
    struct client_options options;
    enum client_state state;
    struct list waiting; /* calls not begun */
    struct list sent;    /* begun, unanswered; the answers come in this order */
    uint32_t sent_count;
    int32_t next_correlation_id;

    int32_t handle;         /* -1 once it is being closed */
    struct io_request send; /* also connects and closes */
    struct io_request receive;
    struct client_call *sending; /* whose bytes the door has, or NULL */
    bool is_receiving;
    bool is_deaf;           /* client_set_deaf */
    bool has_early_answer;  /* whole, but the door has not given back the bytes of its request */
    enum status end_reason; /* why it is CLOSING */

    uint8_t size_field[CLIENT_SIZE_FIELD_BYTES];
    uint32_t received_bytes; /* of the size field, or of the answer */
    bool has_size;           /* the size field is complete: the answer is being received */

    struct timer retry;
    struct timer patience;
    uint32_t connect_count; /* connections that came to be */
    struct completion *closed;
};

/* What a call may take for its request and its answer. */
enum { CLIENT_CALL_BYTES_MAX = 256 * 1024 * 1024 };

struct client_call {
    struct completion completion; /* `landed` set by the caller */

    /* The request. */
    struct arena arena;
    struct writer request;
    const struct api *api; /* NULL: the bytes were given raw */
    int16_t version;
    int32_t correlation_id;
    bool has_no_answer; /* set before it is sent: acks=0 */
    struct bytes *pieces;
    uint32_t piece_count;

    /* The answer. */
    struct bytes answer; /* without its size field */
    struct reader body;  /* behind the header */

    struct list_node node; /* the client's own */
    uint64_t sent_ns;
};

/* A client that does not connect until it has something to say. */
void client_init(struct client *client, const struct client_options *options);

/* Every call that waits or is under way lands with STATUS_CANCELLED; `closed` lands when nothing is
 * in flight any more. The client may be used again afterwards. */
void client_close(struct client *client, struct completion *closed);

/* After client_close has landed, or when the door is dead. */
void client_deinit(struct client *client);

/* Ends the connection; calls under way land with STATUS_CLOSED, those that wait go to the next
 * connection. Does nothing to a client without one. */
void client_disconnect(struct client *client);

/* A deaf client receives nothing, as if its process stood still, until it is made to hear again;
 * at most the size of one answer more. */
void client_set_deaf(struct client *client, bool is_deaf);

/* Nothing waits and nothing is under way. */
static inline bool client_is_quiet(const struct client *client)
{
    return list_is_empty(&client->waiting) && list_is_empty(&client->sent);
}

/* A call that takes no memory yet; `landed` as of a completion. */
void client_call_init(struct client_call *call, void (*landed)(struct completion *, int32_t));

/* Frees request and answer. The call must have landed, or its client's door be dead. */
void client_call_deinit(struct client_call *call);

/* Makes the call ready for another request; what it held before is gone. */
void client_call_reset(struct client_call *call);

/* Begins a request: the header is written, the body follows into `call->request`. For APIs with a
 * row; sim/client_api.h does this and the next for all of them. */
void client_call_begin(struct client *client, struct client_call *call, enum api_key key,
                       int16_t version);

/* The body is written; off it goes when its turn comes. */
void client_call_send(struct client *client, struct client_call *call);

/* Sends `bytes` as they are, size field and all, in the place of a request. They must stay until
 * the call has landed. An answer, if one is expected, lands whole in `call->answer`, its header
 * included and not looked at. */
void client_call_send_raw(struct client *client, struct client_call *call, struct bytes bytes);

#endif
