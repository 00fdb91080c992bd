/* A closed loop of requests over many connections, in one thread, and what it costs the broker.
 *
 * Each connection keeps a number of requests in flight and sends the next as soon as an answer is
 * in. A latency counts from the moment a request is given to the socket for the first time until
 * its whole answer was read and understood. What happens before the warm-up is over is not counted;
 * the clock, the processor time of the broker and the counters start together.
 *
 *     WARM UP ──▶ MEASURE ──▶ DRAIN      in DRAIN nothing is sent, and answers are not counted
 *
 * What is asked, and what an answer must look like, comes from a kind of load: produce.c, fetch.c.
 * An error in an answer, a closed connection, or silence for LOAD_SILENCE_SECONDS ends the program:
 * a measurement with errors is none. */
#ifndef TAILRACE_BENCH_LOAD_H
#define TAILRACE_BENCH_LOAD_H

#include "base/bytes.h"
#include "bench/histogram.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/system.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LOAD_SILENCE_SECONDS = 30,
    LOAD_HEAD_SIZE = 12, /* of a frame: size, API key, version, correlation id */
};

struct load;
struct load_connection;

/* What an answer brought. */
struct load_gain {
    uint64_t records;
    uint64_t bytes; /* of requests to produce, of batches that were fetched */
};

struct load_kind {
    enum api_key key;
    int16_t version;

    /* The next request as a frame, which stays where it is until its answer was given; its
     * correlation id is set by the loop. False if this connection has nothing more to ask. */
    bool (*next)(struct load *load, struct load_connection *connection, struct bytes *frame);

    /* The body of the next answer in order. */
    struct load_gain (*answered)(struct load *load, struct load_connection *connection,
                                 struct reader *reader);
};

struct load_connection {
    uint32_t index;
    int file;
    bool is_blocked;  /* the socket is full; epoll tells when it is not */
    bool is_finished; /* nothing more to ask */

    struct bytes frame;           /* on its way out; null if none */
    uint8_t head[LOAD_HEAD_SIZE]; /* its first bytes, with our correlation id */
    size_t sent_bytes;            /* of the frame */

    int64_t asked_ns[IN_FLIGHT_MAX]; /* of requests without answer, a ring */
    uint32_t in_flight;
    int32_t next_correlation_id;
    int32_t answer_correlation_id;

    struct arena arena; /* of the answer that is looked at */
    uint8_t *input;     /* answers, the first byte that of a frame */
    size_t input_bytes;
};

enum load_phase { LOAD_WARM_UP, LOAD_MEASURE, LOAD_DRAIN };

struct load {
    const struct load_kind *kind;
    const struct options *options;
    struct load_connection *connections;
    size_t input_capacity; /* of each connection */
    int poll_file;
    enum load_phase phase;
    uint32_t in_flight; /* of all connections */
    int64_t now_ns;     /* of this turn of the loop */
    int64_t began_ns;   /* the phase */
    int64_t shown_ns;
    int64_t answered_ns; /* the last answer */

    /* Of the phase LOAD_MEASURE. */
    struct histogram latencies_ns;
    struct load_gain gain;
    int64_t elapsed_ns;
    struct cpu_time cpu; /* the broker's, at the beginning, afterwards what it used */
};

/* Runs the whole load. `answer_bytes_max` is the room for answers of one connection. The load is
 * all zero but for what its owner embeds it in; load_deinit frees what it took. */
void load_run(struct load *load, const struct load_kind *kind, const struct options *options,
              size_t answer_bytes_max);
void load_deinit(struct load *load);

/* Rates, percentiles and the broker's processor time. */
void load_report(const struct load *load, struct report *report);

#endif
