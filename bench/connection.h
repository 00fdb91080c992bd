/* One connection under load: a socket that never blocks, the request on its way out, those without
 * answer, and the bytes of answers that have come. It belongs to one worker. A broken connection
 * ends the program: a measurement without it is none. */
#ifndef TAILRACE_BENCH_CONNECTION_H
#define TAILRACE_BENCH_CONNECTION_H

#include "base/arena.h"
#include "base/bytes.h"
#include "bench/control.h"
#include "bench/load.h"
#include "bench/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct role;

enum { CONNECTION_PIECES_MAX = 3 };

struct connection {
    struct role *role;
    const struct address *address; /* of the broker */
    struct tally *tally;           /* of the worker, for the role */
    uint32_t index;                /* in the role */
    int file;
    int poll_file;
    bool is_blocked;  /* the socket is full; epoll tells when it is not */
    bool is_finished; /* nothing more to ask */

    struct bytes pieces[CONNECTION_PIECES_MAX]; /* on their way out */
    uint32_t piece_count;                       /* 0: nothing is */

    uint64_t due_count;   /* requests whose time has come, in an open loop */
    uint64_t begun_count; /* requests that were begun */
    uint32_t in_flight;
    uint64_t answered_count;              /* in flight are the ones between this and begun */
    int64_t start_ns[LOAD_IN_FLIGHT_MAX]; /* of those, a ring */

    struct arena arena; /* of the answer that is looked at */
    uint8_t *input;     /* answers, the first byte that of a frame */
    size_t input_bytes;
    size_t input_capacity;
};

/* Connects. `answer_bytes_max` is the room for answers; it costs memory only when it is used. */
void connection_open(struct connection *connection, const struct address *address, int poll_file,
                     size_t answer_bytes_max);
void connection_close(struct connection *connection);

/* Sends what is left of the pieces; false if the socket is full, then epoll will tell. */
bool connection_send(struct connection *connection);

/* Lets epoll tell when the socket has room, which may be at once; or no more. */
void connection_await_room(struct connection *connection);
void connection_forget_room(struct connection *connection);

/* Reads what has come. */
void connection_receive(struct connection *connection);

/* Takes the next whole frame, without its size, off the input from `*position`; false if none is
 * left. */
bool connection_next_frame(struct connection *connection, size_t *position, struct bytes *frame);

/* Drops the frames before `position`. */
void connection_drop(struct connection *connection, size_t position);

#endif
