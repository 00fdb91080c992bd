/* The server suite in the simulator: in a quiet world, and in one where transfers come in pieces
 * and everything is now and then slow. An argument chooses cases by a pattern. */
#include "base/assert.h"
#include "io/io_backend.h"
#include "sim/node.h"
#include "tests/broker/server_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LISTEN_PORT = 9092, DOORS_MAX = 8 };

struct sim_harness {
    struct server_harness harness;
    struct faults faults;
    uint64_t seed;
    struct world *world;
    struct node *server;
    struct node *client;
    struct io *doors[DOORS_MAX]; /* the broker's, and then the client's */
    uint32_t door_count;
    uint32_t life_count;
};

static struct sim_harness *sim_of(struct server_harness *harness)
{
    return container_of(harness, struct sim_harness, harness);
}

/* Processes that do nothing by themselves: the cases live behind their doors. */
static struct process *idle_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count)
{
    struct process *process = calloc(1, sizeof *process);
    assert(process != NULL);
    process->program = program;
    process->node = node;
    return process;
}

static void idle_destroy(struct process *process)
{
    free(process);
}

static const struct program idle = {.start = idle_start, .destroy = idle_destroy};

static void sim_reset(struct server_harness *harness)
{
    struct sim_harness *sim = sim_of(harness);
    if (sim->world != NULL)
        world_destroy(sim->world);
    sim->world = world_create(sim->seed++, &sim->faults);
    sim->server = node_create(sim->world, "server", &idle, 1);
    sim->client = node_create(sim->world, "client", &idle, 1);
    sim->life_count = 0;
}

static struct io **sim_open(struct server_harness *harness, uint32_t core_count,
                            struct io **client_io)
{
    struct sim_harness *sim = sim_of(harness);
    assert(core_count < DOORS_MAX);
    node_set_core_count(sim->server, core_count);
    node_start(sim->server, 0);
    node_start(sim->client, 0);
    while (!node_is_running(sim->server) || !node_is_running(sim->client))
        world_step(sim->world);
    for (uint32_t i = 0; i < core_count; i++)
        sim->doors[i] = node_core(sim->server, i);
    sim->doors[core_count] = node_core(sim->client, 0);
    sim->door_count = core_count + 1;
    *client_io = sim->doors[core_count];
    return sim->doors;
}

/* What is asked from outside of a turn, the world would not know about. */
static void sim_kick(struct server_harness *harness)
{
    struct sim_harness *sim = sim_of(harness);
    for (uint32_t i = 0; i < sim->door_count; i++)
        sim->doors[i]->backend->wake(sim->doors[i]);
}

static void sim_turn(struct server_harness *harness)
{
    bool happened = world_step(sim_of(harness)->world);
    assert(happened);
}

static void sim_close(struct server_harness *harness)
{
    struct sim_harness *sim = sim_of(harness);
    node_kill(sim->server, DEATH_STOP);
    node_kill(sim->client, DEATH_STOP);
    while (node_death_count(sim->server) == sim->life_count)
        world_step(sim->world);
    while (node_death_count(sim->client) == sim->life_count)
        world_step(sim->world);
    sim->life_count++;
}

static const struct faults rough = {
    .disk = {.short_count = 200000, .stall = 10000, .stall_ns_max = 5000000},
    .network = {.window_bytes = 3000, .split = 500000, .slow = 100000, .slow_ns_max = 2000000},
    .node = {.wall_error_ms_max = 60000, .clock_drift_ppm = 500},
};

static int run(const char *name, uint64_t seed, struct faults faults)
{
    struct sim_harness sim = {
        .harness = {.name = name,
                    .directory = "/data",
                    .host = "10.0.0.1",
                    .port = LISTEN_PORT,
                    .open = sim_open,
                    .kick = sim_kick,
                    .turn = sim_turn,
                    .close = sim_close,
                    .reset = sim_reset},
        .faults = faults,
        .seed = seed,
    };
    int failed_count = server_suite_run(&sim.harness);
    world_destroy(sim.world);
    return failed_count;
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 1)
        cmocka_set_test_filter(arguments[1]);
    const struct faults quiet = {0};
    return run("sim", 1, quiet) + run("sim in pieces", 1000, rough);
}
