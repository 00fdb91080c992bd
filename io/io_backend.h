/* What a backend of the door provides. Only io/ and sim/ include this.
 *
 * A backend embeds `struct io` in its own struct and finds itself again by container_of. It takes
 * requests in `submit` and reports each with io_finish, which goes on after short counts (by
 * submitting the rest) and at the end puts the completion on the ready queue. A backend that goes
 * on by itself uses the two halves of io_finish: io_advance and io_complete. */
#ifndef TAILRACE_IO_IO_BACKEND_H
#define TAILRACE_IO_IO_BACKEND_H

#include "base/prng.h"
#include "io/io.h"

#include <stdatomic.h>

/* Of a slab, and what its address is a multiple of: the size of a huge page. */
enum { IO_SLAB_SIZE = 2 * 1024 * 1024 };

struct io_backend {
    const char *name;

    /* Takes the request. For transfers the part that is still to do is buffer + done_bytes (or
     * io_pieces_rest), size_bytes - done_bytes, offset + done_bytes; a write with IO_FLAG_SYNC
     * syncs the file after the last byte, and a count that it reports for the last byte means that
     * the sync is done, too. May report the result inside this call: it lands later in any case. */
    void (*submit)(struct io *io, struct io_request *request);

    /* Ends a turn and begins the next: wakes the cores that have got mail, and gathers what has
     * happened. Waits for it until `deadline_ns` (0: do not wait; UINT64_MAX: no limit). Updates
     * io->now_ns. */
    void (*poll)(struct io *io, uint64_t deadline_ns);

    /* Only to other cores. */

    void (*post)(struct io *io, uint32_t core_index, struct completion *mail, int32_t result);
    void (*wake)(struct io *io); /* from any thread: end a poll that waits */

    enum status (*listen)(struct io *io, struct io_address *address, int32_t *listener);
    void (*close_listener)(struct io *io, int32_t listener);
    void (*shutdown)(struct io *io, int32_t handle);

    /* IO_SLAB_SIZE bytes for payload, in a huge page if there is one, content undefined; NULL
     * without memory. Whoever expects to need another one soon says so, so that it has been touched
     * by then. Nothing may be in flight in what is given back, which may be kept for the next. */
    uint8_t *(*slab_map)(struct io *io);
    void (*slab_expect)(struct io *io);
    void (*slab_unmap)(struct io *io, uint8_t *memory);

    uint64_t (*now_ns)(struct io *io);
    int64_t (*wall_ms)(struct io *io);
    void (*secret)(struct io *io, void *buffer, size_t size);
};

/* In request->flags of an IO_WRITE: sync when all is written; with SYNC: begin within `submit`, and
 * let nothing that this thread does come between write and sync; the door's own: io_complete has
 * been called. */
enum { IO_FLAG_SYNC = 1 << 30, IO_FLAG_AT_ONCE = 1 << 29, IO_FLAG_COMPLETED = 1 << 28 };

struct io {
    const struct io_backend *backend;
    struct ready_queue ready;
    struct timer_wheel timers;
    uint32_t rounds_max; /* of the ready queue in one turn; at least 1 */
    uint64_t now_ns;
    uint32_t core_index;
    uint32_t core_count;
    uint32_t in_flight_count;   /* requests that the backend has not reported; without IO_SIGNAL */
    struct io_request *awaited; /* by io_await, or NULL: nothing else can move before it lands */
    _Atomic bool stopping;
    struct prng random;
    struct op_registry ops;
    struct logger *logger;
};

/* Of an IO_SENDFILE: its bytes are where the request's next range says. */
static inline bool io_piece_is_in_file(const struct bytes *piece)
{
    return piece->data == NULL && piece->size > 0;
}

/* Called by the backend's constructor. The logger must outlive the door. */
void io_init(struct io *io, const struct io_backend *backend, uint32_t core_index,
             uint32_t core_count, uint64_t seed, struct logger *logger);

/* Nothing may be in flight. */
void io_deinit(struct io *io);

/* The backend's answer to a request: a count or a negative enum status. May submit again. Not for
 * IO_SIGNAL, which is not counted as in flight: that lands by io_land. */
void io_finish(struct io *io, struct io_request *request, int32_t result);

/* For a write whose bytes are in pieces: those that are still to be written, in order; answers how
 * many. The first may be the rest of one. */
uint32_t io_pieces_rest(const struct io_request *request,
                        struct bytes rest[static IO_WRITE_PIECE_COUNT_MAX]);

/* Counts in what a transfer has moved (or its error, or its end). True: the request is over and
 * `*result` is its final result. False: there is a rest to do. From any thread that works on the
 * request. */
bool io_advance(struct io_request *request, int32_t *result);

/* An at-once write is over: answers what was to follow it, or NULL, and lets nothing follow any
 * more. Asked once its result is known and its place among what has landed is fixed, from any
 * thread: whoever asks begins what is answered, or ends it with STATUS_CANCELLED after an error. A
 * backend that does not ask finds it submitted by io_complete. */
struct io_request *io_take_next(struct io_request *first);

/* Puts a request that is over on the ready queue. */
void io_complete(struct io *io, struct io_request *request, int32_t result);

#endif
