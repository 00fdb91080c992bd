/* Time, signals, secrets and the hand-over of finished file requests: what does not depend on how a
 * backend waits for events. Signals come through a descriptor, so they are one more event and no
 * handler runs in the middle of anything. */
#include "io/system.h"

#include "base/assert.h"
#include "io/directory.h"
#include "io/file_call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, MS_PER_S = 1000 };

static int32_t system_worker_call(struct workers_owner *owner, struct io_request *request);
static void system_worker_is_done(struct workers_owner *owner);

/* sendfile(2) to a connection that is gone would end the process: unlike send(2) it cannot be asked
 * to answer with an error and nothing else. */
static void system_ignore_broken_pipes(void)
{
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    int failed = sigaction(SIGPIPE, &ignored, NULL);
    assert(failed == 0);
}

void system_init(struct system_io *system, const struct io_backend *backend,
                 const struct system_options *options, uint32_t worker_count_max)
{
    assert(options->room != NULL);
    assert(options->core_index < mailroom_core_count(options->room));
    uint64_t seed;
    system_secret(&system->io, &seed, sizeof seed);
    io_init(&system->io, backend, options->core_index, mailroom_core_count(options->room), seed,
            options->logger);
    system->room = options->room;
    system->owner = (struct workers_owner){system_worker_call, system_worker_is_done};
    workers_init(&system->workers, worker_count_max, &system->owner);
    workers_init(&system->committers, WORKERS_COUNT_MAX, &system->owner);
    slab_memory_init(&system->slabs);
    system_ignore_broken_pipes();
    system->signal_request = NULL;
    system->signal_fd = -1;
    system->direct_refusal_is_logged = false;
}

void system_deinit(struct system_io *system)
{
    assert(system->io.in_flight_count == 0);
    workers_stop(&system->workers);
    workers_deinit(&system->workers);
    workers_stop(&system->committers);
    workers_deinit(&system->committers);
    slab_memory_deinit(&system->slabs);
    if (system->signal_fd >= 0)
        close(system->signal_fd);
    io_deinit(&system->io);
}

/* --- Turns ------------------------------------------------------------------------------------ */

bool system_has_done(const struct system_io *system)
{
    return workers_have_done(&system->workers) || workers_have_done(&system->committers);
}

bool system_sleep(struct system_io *system)
{
    if (!mailroom_sleep(system->room, system->io.core_index))
        return false;
    if (!system_has_done(system))
        return true;
    mailroom_awake(system->room, system->io.core_index);
    return false;
}

void system_ring_bells(struct system_io *system)
{
    uint32_t sleeper;
    while (mailroom_next_sleeper(system->room, system->io.core_index, &sleeper))
        mailroom_ring_bell(system->room, sleeper);
}

static void system_land_done(struct system_io *system, struct workers *workers)
{
    struct io_request *request;
    while ((request = workers_take_done(workers)) != NULL) {
        int32_t result = system_landed(system, request, request->completion.result);
        if (request->kind == IO_SENDFILE && result >= 0)
            system->io.backend->submit(&system->io, request); /* what comes next has been read */
        else
            io_complete(&system->io, request, result);
    }
}

void system_awake(struct system_io *system)
{
    mailroom_awake(system->room, system->io.core_index);
    system->io.now_ns = system_now_ns(&system->io);
    mailroom_collect(system->room, system->io.core_index, &system->io.ready);
    system_land_done(system, &system->committers);
    system_land_done(system, &system->workers);
}

static int32_t system_worker_call(struct workers_owner *owner, struct io_request *request)
{
    return file_call(request);
}

static void system_worker_is_done(struct workers_owner *owner)
{
    struct system_io *system = container_of(owner, struct system_io, owner);
    if (mailroom_rouse(system->room, system->io.core_index))
        mailroom_ring_bell(system->room, system->io.core_index);
}

/* --- Files ------------------------------------------------------------------------------------ */

/* The flag is set on the open file and not given to open(2): there, a file system that refuses it
 * may have made the file already, and a second try with EXCLUSIVE would find its own leavings. */
static void system_make_direct(struct system_io *system, const struct io_request *request,
                               int32_t handle)
{
    assert(request->kind == IO_OPEN);
    assert(handle >= 0);
    int flags = fcntl(handle, F_GETFL);
    if (flags >= 0 && fcntl(handle, F_SETFL, flags | O_DIRECT) == 0)
        return;
    if (system->direct_refusal_is_logged)
        return;
    system->direct_refusal_is_logged = true;
    log_warn(system->io.logger, "file system refuses direct transfers, going through its cache",
             field_text("path", request->name.path),
             field_status("reason", status_from_errno(errno)));
}

/* The kernel reads further than it is asked to where it takes a file for one that is read through.
 * Beyond what is written there is ground that is about to be written past the cache. */
static void system_make_cached(const struct io_request *request, int32_t handle)
{
    assert(request->kind == IO_OPEN);
    assert((request->flags & IO_OPEN_DIRECT) == 0);
    (void)posix_fadvise(handle, 0, 0, POSIX_FADV_RANDOM);
}

int32_t system_landed(struct system_io *system, struct io_request *request, int32_t result)
{
    assert(!list_node_is_linked(&request->backend_node));
    if (request->kind == IO_LIST_DIRECTORY)
        return directory_answer(request, result);
    if (request->kind == IO_OPEN && (request->flags & IO_OPEN_DIRECT) != 0 && result >= 0)
        system_make_direct(system, request, result);
    if (request->kind == IO_OPEN && (request->flags & IO_OPEN_CACHED) != 0 && result >= 0)
        system_make_cached(request, result);
    return result;
}

/* --- Signals ---------------------------------------------------------------------------------- */

static void system_stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

void system_signal_start(struct system_io *system, struct io_request *request)
{
    assert(request->kind == IO_SIGNAL);
    assert(system->signal_request == NULL);
    assert(system->signal_fd < 0);
    sigset_t set;
    system_stop_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    system->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (system->signal_fd < 0)
        io_land(&system->io, &request->completion, status_from_errno(errno));
    else
        system->signal_request = request;
}

void system_signal_arrived(struct system_io *system)
{
    assert(system->signal_request != NULL);
    assert(system->signal_fd >= 0);
    struct signalfd_siginfo info;
    ssize_t size = read(system->signal_fd, &info, sizeof info);
    if (size != (ssize_t)sizeof info)
        return; /* somebody else took it; the next one comes */
    close(system->signal_fd);
    system->signal_fd = -1;
    sigset_t set;
    system_stop_signals(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    struct io_request *request = system->signal_request;
    system->signal_request = NULL;
    io_land(&system->io, &request->completion, (int32_t)info.ssi_signo);
}

/* --- Entries of the table --------------------------------------------------------------------- */

void system_post(struct io *io, uint32_t core_index, struct completion *mail, int32_t result)
{
    assert(core_index != io->core_index);
    mailroom_post(system_of(io)->room, io->core_index, core_index, mail, result);
}

void system_wake(struct io *io)
{
    mailroom_ring_bell(system_of(io)->room, io->core_index);
}

void system_shutdown(struct io *io, int32_t handle)
{
    assert(handle >= 0);
    /* Fails only for a connection that the other side has ended already. */
    (void)shutdown(handle, SHUT_RDWR);
}

uint64_t system_now_ns(struct io *io)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(failed == 0);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t system_wall_ms(struct io *io)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    assert(failed == 0);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

void system_secret(struct io *io, void *buffer, size_t size)
{
    assert(buffer != NULL);
    uint8_t *to = buffer;
    while (size > 0) {
        ssize_t got = getrandom(to, size, 0);
        assert(got > 0 || errno == EINTR);
        if (got > 0) {
            to += got;
            size -= (size_t)got;
        }
    }
}

uint8_t *system_slab_map(struct io *io)
{
    return slab_memory_take(&system_of(io)->slabs);
}

void system_slab_expect(struct io *io)
{
    slab_memory_expect(&system_of(io)->slabs);
}

void system_slab_unmap(struct io *io, uint8_t *memory)
{
    slab_memory_give(&system_of(io)->slabs, memory);
}
