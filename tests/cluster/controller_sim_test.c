/* The controller keeps its promises in a simulated world: a quiet one, and one where the disk is
 * slow and does everything in pieces. */
#include "sim/node.h"
#include "tests/cluster/controller_suite.h"

#include <stdlib.h>

struct sim_harness {
    struct seam_harness seam;
    struct faults faults;
    uint64_t seed;
    struct world *world;
};

/* A process that does nothing by itself: the cases turn its door. */
static struct process *idle_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count)
{
    struct process *process = calloc(1, sizeof *process);
    process->program = program;
    process->node = node;
    return process;
}

static void idle_destroy(struct process *process)
{
    free(process);
}

static const struct program idle = {.start = idle_start, .destroy = idle_destroy};

static struct io **sim_open(struct seam_harness *seam, uint32_t core_count)
{
    struct sim_harness *harness = container_of(seam, struct sim_harness, seam);
    struct io **doors = calloc(core_count, sizeof(struct io *));
    harness->world = world_create(harness->seed++, &harness->faults);
    struct node *node = node_create(harness->world, "node", &idle, core_count);
    node_start(node, 0);
    world_step(harness->world);
    for (uint32_t i = 0; i < core_count; i++)
        doors[i] = node_core(node, i);
    return doors;
}

static void sim_close(struct seam_harness *seam, struct io **doors, uint32_t core_count)
{
    world_destroy(container_of(seam, struct sim_harness, seam)->world);
    free(doors);
}

int main(void)
{
    struct sim_harness quiet = {.seam = {"sim", "/data", sim_open, sim_close, 0}, .seed = 1};
    struct sim_harness pieces = {
        .seam = {"sim in pieces", "/data", sim_open, sim_close, 0},
        .faults = {.disk = {.short_count = 200000, .stall = 10000, .stall_ns_max = 5000000}},
        .seed = 1000,
    };
    return controller_suite_run(&quiet.seam) + controller_suite_run(&pieces.seam);
}
