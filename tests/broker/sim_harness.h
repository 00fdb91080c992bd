/* Doors in the simulator for the server suite: a machine for the broker and one for its clients.
 */
#ifndef TAILRACE_TESTS_BROKER_SIM_HARNESS_H
#define TAILRACE_TESTS_BROKER_SIM_HARNESS_H

#include "sim/node.h"
#include "tests/broker/server_suite.h"

enum { SIM_DOORS_MAX = 8 };

/* Each case gets a world of its own; seeds count up. */
struct sim_harness {
    struct server_harness harness;
    struct faults faults;
    uint64_t seed;
    struct world *world;
    struct node *server;
    struct node *client;
    struct io *doors[SIM_DOORS_MAX]; /* the broker's, and then the client's */
    uint32_t door_count;
    uint32_t life_count;
};

void sim_harness_init(struct sim_harness *sim, const char *name, uint64_t seed,
                      const struct faults *faults);
void sim_harness_deinit(struct sim_harness *sim);

#endif
