/* Reactors and their threads. Core 0 is the thread that calls io_cores_run; the others have
 * threads of their own. What is shared between them is the mailroom, and nothing else. */
#include "io/cores.h"

#include "base/assert.h"
#include "io/file_lock.h"
#include "io/posix.h"
#include "io/uring.h"
#include "io/uring_setup.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

/* One core: its door, its logger, its thread. */
struct core {
    struct io *io;
    struct logger logger;
    struct io_cores *cores;
    pthread_t thread; /* not of core 0 */
};

struct io_cores {
    struct mailroom *room;
    bool is_uring;
    bool pin;
    bool has_run;
    int locks[IO_LOCKS_MAX]; /* descriptors of the locked files */
    uint32_t lock_count;
    cpu_set_t cpus; /* on which this process may run */
    uint32_t core_count;
    struct core core[];
};

static uint32_t cores_allowed_count(const cpu_set_t *cpus)
{
    int count = CPU_COUNT(cpus);
    return count > 0 ? (uint32_t)count : 1;
}

/* One is left to the rest of the work, which the kernel does: syncs, the network's interrupts; and
 * to others on this machine. A reactor that shares its CPU with them wakes up more often for less.
 */
static uint32_t cores_default_count(const cpu_set_t *cpus)
{
    uint32_t count = cores_allowed_count(cpus);
    if (count > MAILROOM_CORES_MAX)
        return MAILROOM_CORES_MAX;
    return count > 1 ? count - 1 : 1;
}

/* The n-th CPU of those allowed, beginning again when there are fewer. */
static int cores_cpu_for(const cpu_set_t *cpus, uint32_t core_index)
{
    assert(CPU_COUNT(cpus) > 0);
    uint32_t skip = core_index % cores_allowed_count(cpus);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, cpus) && skip-- == 0)
            return cpu;
    }
    unreachable();
}

/* --- Making the doors ------------------------------------------------------------------------- */

/* Doors are opened on the thread that creates them; a ring is owned by the thread that first turns
 * it. */
static enum status core_open(struct io_cores *cores, uint32_t core_index)
{
    assert(core_index < cores->core_count);
    assert(cores->core[core_index].io == NULL);
    struct core *core = &cores->core[core_index];
    const struct system_options options = {
        .room = cores->room, .core_index = core_index, .logger = &core->logger};
    return cores->is_uring ? uring_create(&options, &core->io) : posix_create(&options, &core->io);
}

static void cores_close_doors(struct io_cores *cores)
{
    for (uint32_t i = 0; i < cores->core_count; i++) {
        struct io *io = cores->core[i].io;
        cores->core[i].io = NULL;
        if (io != NULL && cores->is_uring)
            uring_destroy(io);
        else if (io != NULL)
            posix_destroy(io);
    }
}

static enum status cores_open_doors(struct io_cores *cores)
{
    for (uint32_t i = 0; i < cores->core_count; i++) {
        enum status status = core_open(cores, i);
        if (status != STATUS_OK) {
            cores_close_doors(cores);
            return status;
        }
    }
    return STATUS_OK;
}

/* Decides between the backends; `reason` says why, for the log. */
static enum status cores_choose(enum io_backend_choice choice, bool *is_uring, const char **reason)
{
    assert(is_uring != NULL);
    assert(reason != NULL);
    *is_uring = false;
    *reason = "asked for";
    if (choice == IO_BACKEND_POSIX)
        return STATUS_OK;
    const char *refusal = uring_refusal();
    *is_uring = refusal == NULL;
    if (choice == IO_BACKEND_URING)
        return refusal == NULL ? STATUS_OK : STATUS_UNSUPPORTED;
    *reason = refusal == NULL ? "io_uring is available" : refusal;
    return STATUS_OK;
}

static struct io_cores *cores_allocate(const struct io_cores_options *options,
                                       const struct logger *logger)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        CPU_ZERO(&cpus);
    uint32_t core_count =
        options->core_count > 0 ? options->core_count : cores_default_count(&cpus);
    struct io_cores *cores = calloc(1, sizeof *cores + core_count * sizeof cores->core[0]);
    if (cores == NULL)
        return NULL;
    cores->cpus = cpus;
    cores->core_count = core_count;
    cores->pin = options->pin && core_count > 1 && CPU_COUNT(&cpus) > 0;
    for (uint32_t i = 0; i < core_count; i++) {
        cores->core[i].cores = cores;
        cores->core[i].logger = *logger;
        cores->core[i].logger.core = (int32_t)i;
    }
    return cores;
}

enum status io_cores_create(const struct io_cores_options *options, struct logger *logger,
                            struct io_cores **cores)
{
    assert(options != NULL);
    assert(logger != NULL);
    assert(cores != NULL);
    bool is_uring;
    const char *reason;
    enum status status = cores_choose(options->backend, &is_uring, &reason);
    if (status != STATUS_OK) {
        log_error(logger, "io_uring was asked for and is refused",
                  field_text("reason", uring_refusal()));
        return status;
    }
    struct io_cores *made = cores_allocate(options, logger);
    if (made == NULL)
        return STATUS_NO_MEMORY;
    made->is_uring = is_uring;
    status = mailroom_create(made->core_count, &made->room);
    if (status != STATUS_OK)
        goto free_cores;
    status = cores_open_doors(made);
    if (status != STATUS_OK)
        goto destroy_room;
    log_info(logger, "input and output ready", field_text("backend", is_uring ? "uring" : "posix"),
             field_text("reason", reason), field_u64("cores", made->core_count));
    *cores = made;
    return STATUS_OK;

destroy_room:
    mailroom_destroy(made->room);
free_cores:
    free(made);
    return status;
}

/* Each ring keeps the file open on its own account, so the lock outlives what the ring has in
 * flight. Worker threads of the posix backend end with the process. */
enum status io_cores_lock(struct io_cores *cores, const char *path, struct logger *logger)
{
    assert(path != NULL);
    assert(!cores->has_run);
    assert(cores->lock_count < IO_LOCKS_MAX);
    int lock;
    enum status status = file_lock_take(path, logger, &lock);
    if (status != STATUS_OK)
        return status;
    cores->locks[cores->lock_count++] = lock;
    for (uint32_t i = 0; i < cores->core_count && cores->is_uring && status == STATUS_OK; i++)
        status = uring_keep_open(cores->core[i].io, lock);
    return status;
}

/* The locks go after the doors: until then no other process may touch the directories. */
void io_cores_destroy(struct io_cores *cores)
{
    assert(cores->room != NULL);
    cores_close_doors(cores);
    for (uint32_t i = 0; i < cores->lock_count; i++)
        file_lock_release(cores->locks[i]);
    mailroom_destroy(cores->room);
    free(cores);
}

uint32_t io_cores_count(const struct io_cores *cores)
{
    return cores->core_count;
}

struct io *io_cores_at(struct io_cores *cores, uint32_t core_index)
{
    assert(core_index < cores->core_count);
    assert(cores->core[core_index].io != NULL);
    return cores->core[core_index].io;
}

/* --- Running ---------------------------------------------------------------------------------- */

/* A lone reactor is moved to where there is room. One that could not be bound to its CPU works as
 * well, a little slower. */
static void core_pin(const struct core *core)
{
    const struct io_cores *cores = core->cores;
    if (!cores->pin)
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cores_cpu_for(&cores->cpus, io_core_index(core->io)), &one);
    if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) != 0)
        log_warn(&core->logger, "reactor could not be bound to a CPU");
}

static void *core_main(void *argument)
{
    struct core *core = argument;
    core_pin(core);
    io_run(core->io);
    return NULL;
}

/* A process that cannot start its few threads cannot serve; there is nobody to tell but the log. */
static void cores_start_thread(struct core *core)
{
    assert(core->io != NULL);
    int error = pthread_create(&core->thread, NULL, core_main, core);
    if (error != 0)
        log_error(&core->logger, "reactor thread could not be started",
                  field_status("reason", status_from_errno(error)));
    assert(error == 0);
}

/* Only core 0 takes signals: the others start with all of them blocked. */
void io_cores_run(struct io_cores *cores)
{
    assert(!cores->has_run);
    assert(cores->core[0].io != NULL);
    cores->has_run = true;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (uint32_t i = 1; i < cores->core_count; i++)
        cores_start_thread(&cores->core[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    core_main(&cores->core[0]);
    for (uint32_t i = 1; i < cores->core_count; i++)
        pthread_join(cores->core[i].thread, NULL);
    if (cores->pin)
        pthread_setaffinity_np(pthread_self(), sizeof cores->cpus, &cores->cpus);
}

void io_cores_stop(struct io_cores *cores)
{
    for (uint32_t i = 0; i < cores->core_count; i++)
        io_stop(cores->core[i].io);
}
