/* The doors of all cores of one process: one reactor per core, each with its own thread, and
 * mailboxes between them. The simulator has its own way to make doors; the broker sees only an
 * array of `struct io *`. */
#ifndef TAILRACE_IO_CORES_H
#define TAILRACE_IO_CORES_H

#include "base/log.h"
#include "io/io.h"

struct io_cores;

enum io_backend_choice { IO_BACKEND_AUTO, IO_BACKEND_URING, IO_BACKEND_POSIX };

struct io_cores_options {
    enum io_backend_choice backend; /* AUTO: uring, or posix where io_uring is refused */
    uint32_t core_count;            /* 0: one less than this process may run on, at least one */
    bool pin;                       /* bind each of several reactors to a CPU of its own */
};

/* Makes the doors; no thread runs yet, so core 0 may be used with io_await. Logs which backend won
 * and why. STATUS_UNSUPPORTED when uring was demanded and is refused. */
enum status io_cores_create(const struct io_cores_options *options, struct logger *logger,
                            struct io_cores **cores);

enum { IO_LOCKS_MAX = 33 };

/* Locks the file at `path`, made if it is not there, against other processes, until this one has
 * ended and nothing it had in flight can reach the disk any more: after SIGKILL a ring finishes its
 * writes on its own, and whoever starts next must not read before that. Before io_cores_run; at
 * most IO_LOCKS_MAX. STATUS_IN_USE, after a few seconds and with a line in the log, when somebody
 * else holds it. */
enum status io_cores_lock(struct io_cores *cores, const char *path, struct logger *logger);

uint32_t io_cores_count(const struct io_cores *cores);
struct io *io_cores_at(struct io_cores *cores, uint32_t core_index);

/* Runs core 0 on the calling thread and the others on their own, until io_cores_stop; all threads
 * have ended when it returns. Once: a ring belongs to its thread. Afterwards core 0 may still be
 * used with io_await, on the same thread. */
void io_cores_run(struct io_cores *cores);

/* From any core. */
void io_cores_stop(struct io_cores *cores);

void io_cores_destroy(struct io_cores *cores);

#endif
