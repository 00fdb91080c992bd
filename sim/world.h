/* A world in one thread: simulated time, a network, and nodes (sim/node.h) that live in it.
 * Everything is drawn from one seed; two runs of a seed are equal, event for event, which the
 * trace's hash proves.
 *
 * A world moves by steps: each lets the next event happen, and time jumps from one to the next. It
 * can be stepped by a story, or by a test that turns a node's door by hand. */
#ifndef TAILRACE_SIM_WORLD_H
#define TAILRACE_SIM_WORLD_H

#include "base/list.h"
#include "base/prng.h"
#include "base/trace.h"
#include "sim/event.h"
#include "sim/faults.h"
#include "sim/network.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Something that lives in a world until the world ends; embedded in it. */
struct inhabitant {
    struct list_node node; /* on world->inhabitants */
    void (*leave)(struct inhabitant *inhabitant);
};

struct world {
    struct faults faults; /* may be changed at any time */
    struct event_queue queue;
    struct trace trace;
    struct prng prng;
    struct network network;
    struct list inhabitants; /* in the order in which they came */
    uint32_t host_count;     /* of the network's numbers, given to nodes */
    uint64_t step_count;
    bool is_stepping;
    FILE *log; /* the programs' log lines go here; NULL: nowhere */
};

/* The time in the world, from 0. Nodes have their own clocks, which differ from it. */
static inline uint64_t world_now_ns(const struct world *world)
{
    return world->queue.now_ns;
}

struct world *world_create(uint64_t seed, const struct faults *faults);

/* Whoever lives in it leaves first. */
void world_destroy(struct world *world);

/* Lets one event happen; false when nothing is left to happen. */
bool world_step(struct world *world);

/* Steps until that time, or until nothing is left to happen. */
void world_run_until(struct world *world, uint64_t at_ns);

/* Every event as a readable line with its time; NULL turns it off. */
void world_show_trace(struct world *world, FILE *to);

#endif
