/* What a backend of the door provides. Only io/ and sim/ include this.
 *
 * A backend embeds `struct io` in its own struct and finds itself again by container_of. It takes
 * requests in `submit` and reports each with io_finish, which goes on after short counts (by
 * submitting the rest) and at the end puts the completion on the ready queue. */
#ifndef TAILRACE_IO_IO_BACKEND_H
#define TAILRACE_IO_IO_BACKEND_H

#include "io/io.h"

#include <stdatomic.h>

struct io_backend {
    const char *name;

    /* Takes the request; must not finish it inside this call. For transfers the part that is still
     * to do is buffer + done_bytes, size_bytes - done_bytes, offset + done_bytes; a write with
     * IO_FLAG_SYNC syncs the file after the last byte. */
    void (*submit)(struct io *io, struct io_request *request);

    /* Gathers what has happened. Waits for it until `deadline_ns` (0: do not wait; UINT64_MAX: no
     * limit). Updates io->now_ns. */
    void (*poll)(struct io *io, uint64_t deadline_ns);

    void (*post)(struct io *io, uint32_t core_index, struct completion *mail, int32_t result);
    void (*wake)(struct io *io); /* from any thread: end a poll that waits */

    enum status (*listen)(struct io *io, struct io_address *address, int32_t *listener);
    void (*close_listener)(struct io *io, int32_t listener);
    void (*shutdown)(struct io *io, int32_t handle);

    uint64_t (*now_ns)(struct io *io);
    int64_t (*wall_ms)(struct io *io);
    void (*secret)(struct io *io, void *buffer, size_t size);
};

/* In request->flags of an IO_WRITE: sync when all is written. */
enum { IO_FLAG_SYNC = 1u << 31 };

struct io {
    const struct io_backend *backend;
    struct ready_queue ready;
    struct timer_wheel timers;
    uint64_t now_ns;
    uint32_t core_index;
    uint32_t core_count;
    uint32_t in_flight_count; /* requests given to the backend and not landed */
    _Atomic bool stopping;
    struct prng random;
    struct trace trace;
    struct op_registry ops;
    struct logger *logger;
};

/* Called by the backend's constructor. The logger must outlive the door. */
void io_init(struct io *io, const struct io_backend *backend, uint32_t core_index,
             uint32_t core_count, uint64_t seed, struct logger *logger);

/* Nothing may be in flight. */
void io_deinit(struct io *io);

/* The backend's answer to a request: a count or a negative enum status. May submit again. */
void io_finish(struct io *io, struct io_request *request, int32_t result);

#endif
