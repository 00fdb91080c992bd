/* Many clients in one thread: connections on which requests of different kinds are asked at
 * different times, some of which are answered at once and some after seconds. (A closed loop of
 * equal requests is load.h.)
 *
 * Every connection is a line, on which requests may be pipelined; answers come in their order, and
 * go to whoever asked. A latency counts from the moment when a request is given to its line until
 * its whole answer was there. Timers are on a wheel in nanoseconds of now_ns.
 *
 * A closed connection, an answer to something else, or silence for CROWD_SILENCE_SECONDS while an
 * answer is due ends the program. */
#ifndef TAILRACE_BENCH_CROWD_H
#define TAILRACE_BENCH_CROWD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/timer_wheel.h"
#include "bench/control.h"

#include <stdbool.h>
#include <stdint.h>

enum { CROWD_PIPELINE_MAX = 64, CROWD_SILENCE_SECONDS = 60 };

/* A request without an answer. */
struct crowd_question {
    uint32_t asker;
    enum api_key key;
    int16_t version;
    int64_t asked_ns;
};

struct crowd_buffer {
    uint8_t *data;
    size_t begin_bytes; /* what lies before is done with */
    size_t end_bytes;
    size_t capacity;
};

struct crowd_line {
    int file;
    bool is_blocked; /* the socket is full; epoll tells when it is not */
    struct crowd_buffer output;
    struct crowd_buffer input;
    struct crowd_question questions[CROWD_PIPELINE_MAX]; /* a ring */
    uint32_t answered_count;
    uint32_t asked_count; /* the correlation id of the next */
};

struct crowd_answer {
    uint32_t asker;
    enum api_key key;
    int16_t version;
    int64_t latency_ns;
    struct reader *reader; /* behind the header */
    struct arena *arena;   /* until the next answer */
};

struct crowd {
    struct crowd_line *lines;
    uint32_t line_count;
    uint32_t in_flight; /* on all lines */
    int poll_file;
    struct timer_wheel wheel;
    struct arena request_arena;
    struct arena answer_arena;
    struct writer writer;     /* of the request that is being written */
    struct crowd_line *asked; /* its line */
    int64_t answered_ns;      /* the last one, or the beginning */
    /* May ask and start timers. */
    void (*answered)(struct crowd *crowd, const struct crowd_answer *answer);
};

/* Opens all lines. */
void crowd_init(struct crowd *crowd, const struct address *address, uint32_t line_count,
                void (*answered)(struct crowd *, const struct crowd_answer *));
void crowd_deinit(struct crowd *crowd);

/* No more than CROWD_PIPELINE_MAX may be on their way on a line. The body goes into the writer;
 * crowd_send follows before anything else is asked. */
struct writer *crowd_ask(struct crowd *crowd, uint32_t line, uint32_t asker, enum api_key key,
                         int16_t version);
void crowd_send(struct crowd *crowd);

/* Waits for whatever comes first, answers or a timer, and does what there is to do. */
void crowd_turn(struct crowd *crowd);

#endif
