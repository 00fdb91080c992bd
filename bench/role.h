/* What some of the connections do: produce, read what is there, or follow what is produced. A kind
 * makes requests and understands answers; when they go is the worker's business.
 *
 * A role is embedded in the struct of its kind. Its connections may be spread over threads: what
 * the kind keeps for a connection belongs to the connection's thread. */
#ifndef TAILRACE_BENCH_ROLE_H
#define TAILRACE_BENCH_ROLE_H

#include "base/bytes.h"
#include "bench/connection.h"
#include "bench/schedule.h"

#include <stdbool.h>
#include <stdint.h>

/* What an answer brought. */
struct answer {
    int16_t error;
    bool is_timed; /* the request's own latency counts */
    uint64_t records;
    uint64_t bytes;
};

/* The part of the run that counts, by the moment when a request was meant to start. */
struct window {
    int64_t begin_ns;
    int64_t end_ns;
};

struct role_kind {
    const char *name; /* "produce" */
    enum api_key key;
    int16_t version;

    /* Puts the next request, which was meant to start at `start_ns`, into the connection's pieces.
     * False if this connection has nothing more to ask. */
    bool (*next)(struct role *role, struct connection *connection, int64_t start_ns);

    /* The body of the next answer in order. */
    struct answer (*answered)(struct role *role, struct connection *connection,
                              struct reader *reader, int64_t start_ns);
};

struct role {
    const struct role_kind *kind;
    uint32_t connection_count;
    uint32_t in_flight_max;
    double rate;        /* of requests a second; 0: closed loop */
    bool is_unanswered; /* acks=0: a request is done when the socket has taken it */
    bool is_follower;   /* ends when what it follows has ended */
    size_t answer_bytes_max;
    uint64_t requests_left; /* shared by all threads */
    struct window window;
    struct schedule schedule; /* if it has a rate */
};

static inline bool window_has(const struct window *window, int64_t time_ns)
{
    return time_ns >= window->begin_ns && time_ns < window->end_ns;
}

/* Takes one of the requests that may still be made; false if none is left. */
static inline bool role_take_request(struct role *role)
{
    uint64_t left = __atomic_load_n(&role->requests_left, __ATOMIC_RELAXED);
    if (left == UINT64_MAX)
        return true;
    while (left > 0 && !__atomic_compare_exchange_n(&role->requests_left, &left, left - 1, true,
                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return left > 0;
}

#endif
