#include "tests/broker/sim_harness.h"

#include "base/assert.h"
#include "io/io_backend.h"

#include <stdlib.h>

enum { LISTEN_PORT = 9092 };

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
    assert(core_count < SIM_DOORS_MAX);
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

void sim_harness_init(struct sim_harness *sim, const char *name, uint64_t seed,
                      const struct faults *faults)
{
    *sim = (struct sim_harness){
        .harness = {.name = name,
                    .directory = "/data",
                    .host = "10.0.0.1",
                    .port = LISTEN_PORT,
                    .time_is_simulated = true,
                    .open = sim_open,
                    .kick = sim_kick,
                    .turn = sim_turn,
                    .close = sim_close,
                    .reset = sim_reset},
        .faults = *faults,
        .seed = seed,
    };
}

void sim_harness_deinit(struct sim_harness *sim)
{
    if (sim->world != NULL)
        world_destroy(sim->world);
    sim->world = NULL;
}
