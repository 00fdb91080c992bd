/* What the posix and uring backends have in common: both run on this machine's clock, files,
 * signals and threads, and both exchange mail through one mailroom. Only io/ includes this. */
#ifndef TAILRACE_IO_SYSTEM_H
#define TAILRACE_IO_SYSTEM_H

#include "io/io_backend.h"
#include "io/mailroom.h"
#include "io/slab_memory.h"
#include "io/workers.h"

/* What a door of this machine is made from. */
struct system_options {
    struct mailroom *room; /* outlives the door */
    uint32_t core_index;   /* of the room's cores */
    struct logger *logger; /* outlives the door */
};

/* Embedded as the first part of a backend's own struct. */
struct system_io {
    struct io io;
    struct mailroom *room;
    struct workers workers;
    struct workers committers;  /* apart, so that no commit waits behind what takes long */
    struct workers_owner owner; /* of both */
    struct slab_memory slabs;
    struct io_request *signal_request; /* not landed yet, or NULL */
    int signal_fd;                     /* -1 when there is none */
    bool direct_refusal_is_logged;
};

void system_init(struct system_io *system, const struct io_backend *backend,
                 const struct system_options *options, uint32_t worker_count_max);
void system_deinit(struct system_io *system);

static inline struct system_io *system_of(struct io *io)
{
    return container_of(io, struct system_io, io);
}

/* Whether workers or committers have done something that the door has not taken yet. */
bool system_has_done(const struct system_io *system);

/* Waiting for events is allowed when this answers true, and system_awake must follow. */
bool system_sleep(struct system_io *system);

/* After that, at the end of every turn: wakes the cores that have got mail, by their bells. */
void system_ring_bells(struct system_io *system);

/* After the events were gathered: takes the time, the mail, and what the workers have done. */
void system_awake(struct system_io *system);

/* The last step of a file request, on the door's thread: answers the result to land with. */
int32_t system_landed(struct system_io *system, struct io_request *request, int32_t result);

/* Takes IO_SIGNAL: from here on signal_fd is readable when a signal has come. */
void system_signal_start(struct system_io *system, struct io_request *request);

/* signal_fd is readable: lands the request and closes it. The next signal has its default effect:
 * who asks a second time does not want to wait for a clean end. */
void system_signal_arrived(struct system_io *system);

/* Entries of struct io_backend. */
void system_post(struct io *io, uint32_t core_index, struct completion *mail, int32_t result);
void system_wake(struct io *io);
void system_shutdown(struct io *io, int32_t handle);
uint8_t *system_slab_map(struct io *io);
void system_slab_expect(struct io *io);
void system_slab_unmap(struct io *io, uint8_t *memory);
uint64_t system_now_ns(struct io *io);
int64_t system_wall_ms(struct io *io);
void system_secret(struct io *io, void *buffer, size_t size);

#endif
