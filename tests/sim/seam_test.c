/* The suite of the seam on the simulator: in a quiet world, and in one where transfers come in
 * pieces and everything is now and then slow. What a door promises holds in both. */
#include "sim/world.h"
#include "tests/io/seam_suite.h"

#include <stdlib.h>

struct sim_harness {
    struct seam_harness seam;
    struct faults faults;
    uint64_t seed;
    struct world *world;
    struct io **doors;
};

/* A process that does nothing by itself: the cases turn its doors. */
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
    harness->world = world_create(harness->seed++, &harness->faults);
    struct node *node = world_add_node(harness->world, "node", &idle, core_count);
    node_start(node, 0);
    world_step(harness->world);
    harness->doors = calloc(core_count, sizeof(struct io *));
    for (uint32_t i = 0; i < core_count; i++)
        harness->doors[i] = node_core(node, i);
    return harness->doors;
}

static void sim_close(struct seam_harness *seam, struct io **doors, uint32_t core_count)
{
    struct sim_harness *harness = container_of(seam, struct sim_harness, seam);
    world_destroy(harness->world);
    free(doors);
}

static const struct faults rough = {
    .disk = {.short_count = 200000, .stall = 10000, .stall_ns_max = 5000000},
    .network = {.window_bytes = 3000, .split = 500000, .slow = 100000, .slow_ns_max = 2000000},
    .node = {.wall_error_ms_max = 60000, .clock_drift_ppm = 500},
};

int main(void)
{
    struct sim_harness quiet = {
        .seam = {"sim", "/data", sim_open, sim_close, 0},
        .seed = 1,
    };
    struct sim_harness pieces = {
        .seam = {"sim in pieces", "/data", sim_open, sim_close, 0},
        .faults = rough,
        .seed = 1000,
    };
    return seam_suite_run(&quiet.seam) + seam_suite_run(&pieces.seam);
}
