/* The server suite on a real backend: `posix` or `uring`, by the program's argument; a second
 * one chooses cases by a pattern. Where the
 * machine refuses io_uring there is nothing to test, which the exit code for "skipped" says. */
#include "base/assert.h"
#include "io/cores.h"
#include "io/io_backend.h"
#include "tests/broker/server_suite.h"
#include "tests/io/uring_refused.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { DOORS_MAX = 8, QUIET_TURNS_MAX = 20, QUIET_WAIT_NS = 1000 * 1000 };

struct real_harness {
    struct server_harness harness;
    enum io_backend_choice backend;
    struct io_cores *broker_cores;
    struct io_cores *client_core;
    struct io *doors[DOORS_MAX]; /* the broker's, and then the client's */
    uint32_t door_count;
    uint32_t quiet_count; /* turns in which nothing has happened */
    struct log_sink sink;
    struct logger logger;
};

static struct real_harness *real_of(struct server_harness *harness)
{
    return container_of(harness, struct real_harness, harness);
}

static void sink_write(struct log_sink *sink, struct bytes line)
{
}

static int64_t sink_now_ms(struct log_sink *sink)
{
    return 0;
}

static struct io_cores *make_cores(struct real_harness *real, uint32_t core_count)
{
    const struct io_cores_options options = {.backend = real->backend, .core_count = core_count};
    struct io_cores *cores = NULL;
    enum status status = io_cores_create(&options, &real->logger, &cores);
    assert(status == STATUS_OK);
    return cores;
}

/* Clients have doors of their own: a broker takes all doors of its set for its cores. */
static struct io **real_open(struct server_harness *harness, uint32_t core_count,
                             struct io **client_io)
{
    struct real_harness *real = real_of(harness);
    assert(core_count < DOORS_MAX);
    real->broker_cores = make_cores(real, core_count);
    real->client_core = make_cores(real, 1);
    real->door_count = core_count + 1;
    for (uint32_t i = 0; i < core_count; i++)
        real->doors[i] = io_cores_at(real->broker_cores, i);
    *client_io = io_cores_at(real->client_core, 0);
    real->doors[core_count] = *client_io;
    return real->doors;
}

/* One turn of a door, as io_turn but with a wait of its own. Answers whether anything landed. */
static bool turn_door(struct io *io, uint64_t wait_ns)
{
    io->backend->poll(io, wait_ns == 0 ? 0 : io_now_ns(io) + wait_ns);
    timer_wheel_advance(&io->timers, io->now_ns);
    return ready_queue_run(&io->ready) > 0;
}

/* A door that waits for events keeps those from turning that are to send them. So none waits while
 * anything happens; when nothing has for a while, one of them, each in its turn, gives the
 * processor to the disk and the kernel for a moment. */
static void real_turn(struct server_harness *harness)
{
    struct real_harness *real = real_of(harness);
    bool happened = false;
    for (uint32_t i = 0; i < real->door_count; i++)
        happened = turn_door(real->doors[i], 0) || happened;
    real->quiet_count = happened ? 0 : real->quiet_count + 1;
    if (real->quiet_count > QUIET_TURNS_MAX)
        turn_door(real->doors[real->quiet_count % real->door_count], QUIET_WAIT_NS);
}

static void real_close(struct server_harness *harness)
{
    struct real_harness *real = real_of(harness);
    io_cores_destroy(real->client_core);
    io_cores_destroy(real->broker_cores);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    return remove(path);
}

static void remove_directory(struct server_harness *harness)
{
    if (nftw(harness->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        perror(harness->directory);
}

static void real_reset(struct server_harness *harness)
{
    remove_directory(harness);
    int failed = mkdir(harness->directory, 0700);
    assert(failed == 0);
}

int main(int argument_count, char **arguments)
{
    assert(argument_count >= 2);
    if (argument_count > 2)
        cmocka_set_test_filter(arguments[2]);
    bool is_uring = strcmp(arguments[1], "uring") == 0;
    struct real_harness real = {
        .harness = {.name = arguments[1],
                    .host = "127.0.0.1",
                    .open = real_open,
                    .turn = real_turn,
                    .close = real_close,
                    .reset = real_reset},
        .backend = is_uring ? IO_BACKEND_URING : IO_BACKEND_POSIX,
        .sink = {sink_write, sink_now_ms},
    };
    real.logger = (struct logger){.sink = &real.sink, .level = LOG_ERROR, .core = -1};
    if (is_uring && uring_is_refused())
        return EXIT_SKIPPED;
    snprintf(real.harness.directory, sizeof real.harness.directory, "server-%s-XXXXXX",
             arguments[1]);
    char *made = mkdtemp(real.harness.directory);
    assert(made != NULL);
    int failed_count = server_suite_run(&real.harness);
    remove_directory(&real.harness);
    return failed_count;
}
