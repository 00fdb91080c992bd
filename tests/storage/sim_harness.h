/* A simulated machine for the rig: one world for each case, one disk over all lives. */
#ifndef TAILRACE_TESTS_STORAGE_SIM_HARNESS_H
#define TAILRACE_TESTS_STORAGE_SIM_HARNESS_H

#include "sim/node.h"
#include "sim/program.h"
#include "sim/world.h"
#include "tests/storage/rig.h"

struct sim_harness {
    struct rig_harness harness;
    struct program program;
    struct faults faults;      /* of the next world */
    uint64_t seed;             /* of the next world */
    struct planned_fault plan; /* of the next world's machine, from its first operation on */
    struct world *world;
    struct node *node;
    struct io *doors[RIG_CORES_MAX];
};

void sim_harness_init(struct sim_harness *sim, uint64_t seed);
void sim_harness_deinit(struct sim_harness *sim);

/* A rig on such a machine, for suites that need nothing else. */
struct sim_rig {
    struct sim_harness sim;
    struct rig rig;
};

/* Before and after each case. */
struct sim_rig *sim_rig_set_up(void **state, uint64_t seed);
int sim_rig_tear_down(void **state);

#endif
