#include "tests/storage/sim_harness.h"

#include "base/assert.h"
#include "base/list.h"
#include "io/io_backend.h"

#include <stdio.h>
#include <stdlib.h>

struct machine {
    struct process process;
    struct sim_harness *sim;
};

/* A process that does nothing by itself: the cases turn its doors. */
static struct process *machine_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count)
{
    struct machine *machine = calloc(1, sizeof *machine);
    assert(machine != NULL);
    machine->process.program = program;
    machine->process.node = node;
    machine->sim = container_of((struct program *)program, struct sim_harness, program);
    return &machine->process;
}

static void machine_destroy(struct process *process)
{
    struct machine *machine = container_of(process, struct machine, process);
    struct rig_harness *harness = &machine->sim->harness;
    harness->dying(harness->rig);
    free(machine);
}

static void build_machine(struct sim_harness *sim)
{
    sim->node = node_create(sim->world, "node", &sim->program, RIG_CORES_MAX);
    if (sim->plan.effect != PLAN_NONE)
        node_plan(sim->node, sim->plan);
}

static struct io **sim_open(struct rig_harness *harness, uint32_t core_count)
{
    struct sim_harness *sim = container_of(harness, struct sim_harness, harness);
    if (sim->node == NULL)
        build_machine(sim);
    node_set_core_count(sim->node, core_count);
    node_start(sim->node, 0);
    while (!node_is_running(sim->node))
        world_step(sim->world);
    for (uint32_t i = 0; i < core_count; i++)
        sim->doors[i] = node_core(sim->node, i);
    return sim->doors;
}

/* The world takes its course, so that a death may fall between any two events. */
static void sim_turn(struct rig_harness *harness)
{
    struct sim_harness *sim = container_of(harness, struct sim_harness, harness);
    for (uint32_t i = 0; i < harness->rig->core_count; i++)
        if (!ready_queue_is_empty(&sim->doors[i]->ready))
            sim->doors[i]->backend->wake(sim->doors[i]);
    world_step(sim->world);
}

static void sim_close(struct rig_harness *harness, bool cuts_power)
{
    struct sim_harness *sim = container_of(harness, struct sim_harness, harness);
    if (node_is_running(sim->node))
        node_kill(sim->node, cuts_power ? DEATH_POWER_CUT : DEATH_KILL);
    while (harness->rig->is_alive)
        world_step(sim->world);
}

static void sim_reset(struct rig_harness *harness)
{
    struct sim_harness *sim = container_of(harness, struct sim_harness, harness);
    if (sim->world != NULL)
        world_destroy(sim->world);
    sim->world = world_create(sim->seed++, &sim->faults);
    sim->node = NULL;
}

void sim_harness_init(struct sim_harness *sim, uint64_t seed)
{
    *sim = (struct sim_harness){
        .harness = {.name = "sim",
                    .directory = "/data",
                    .is_simulated = true,
                    .open = sim_open,
                    .close = sim_close,
                    .turn = sim_turn,
                    .reset = sim_reset},
        .program = {.start = machine_start, .destroy = machine_destroy},
        .seed = seed,
    };
}

void sim_harness_deinit(struct sim_harness *sim)
{
    if (sim->world != NULL)
        world_destroy(sim->world);
    sim->world = NULL;
}

struct sim_rig *sim_rig_set_up(void **state, uint64_t seed)
{
    struct sim_rig *fixture = calloc(1, sizeof *fixture);
    assert(fixture != NULL);
    sim_harness_init(&fixture->sim, seed);
    rig_init(&fixture->rig, &fixture->sim.harness);
    *state = fixture;
    return fixture;
}

int sim_rig_tear_down(void **state)
{
    struct sim_rig *fixture = *state;
    if (fixture->rig.is_alive)
        rig_kill(&fixture->rig);
    sim_harness_deinit(&fixture->sim);
    rig_deinit(&fixture->rig);
    free(fixture);
    return 0;
}
