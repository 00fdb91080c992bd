/* A world in one thread: nodes with disks, clocks and cores, a network between them, and simulated
 * time. Everything in it is drawn from one seed; two runs of a seed are equal, event for event,
 * which the trace's hash proves.
 *
 * A node is a machine. It runs a `struct program`, given by the user of the world: a broker, or a
 * client. Each core of a node is an actor with a door of its own (`struct io` of backend "sim");
 * its code runs only in its turns, and the world decides when those are. So code under test needs
 * nothing but its doors and may not notice where it runs.
 *
 *            node_start                      node_kill, a planned fault, io_stop
 *   DOWN ---------------> program->start  RUNNING --------------------------------> DOWN
 *     ^                                                program->destroy               |
 *     +-------------------------- node_restart_after ---------------------------------+
 *
 * start runs on core 0's behalf before any turn; it may io_await on any door, which serves the file
 * request at once. If it answers NULL the program refused to start.
 *
 * Death falls between two events. All that is in flight is forgotten: no completion lands any more,
 * and the world touches neither requests nor buffers; timers and what was ready to land are taken
 * off their lists. Then `destroy` gives back the memory of the process, and nothing else: the doors
 * are dead, requests to them are ignored (an io_await answers STATUS_FAILED). What was in flight on
 * the disk happens, happens in part or does not. A fault that is planned to strike at an operation
 * strikes before it takes effect; the rest of the turn still runs, and every further request of it
 * fails without effect.
 *
 * A test may also turn a door by hand: io_turn then lets the world go on until something happened,
 * and the other cores take their turns as always. */
#ifndef TAILRACE_SIM_WORLD_H
#define TAILRACE_SIM_WORLD_H

#include "base/trace.h"
#include "io/io.h"
#include "sim/disk.h"
#include "sim/event.h"
#include "sim/faults.h"
#include "sim/network.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct node;

/* What a node runs; embedded in whoever configures it. */
struct program {
    /* The process starts; NULL when it refuses to. */
    struct process *(*start)(const struct program *program, struct node *node,
                             struct io *const *cores, uint32_t core_count);
    /* May be NULL. Runs when the process has stopped its first door itself: the rest of main,
     * where io_await may be used again. */
    void (*finish)(struct process *process);
    /* Frees the memory of the process, whatever it was doing. */
    void (*destroy)(struct process *process);
};

/* The state of a running program; embedded in it. */
struct process {
    const struct program *program;
    struct node *node;
};

enum death {
    DEATH_NONE,
    DEATH_STOP,      /* it ended by itself, or refused to start */
    DEATH_KILL,      /* SIGKILL: page cache and machine live on */
    DEATH_POWER_CUT, /* the machine: what was not durable is at stake */
};

struct world {
    struct faults faults; /* may be changed at any time */
    struct event_queue queue;
    struct trace trace;
    struct prng prng;
    struct network network;
    struct node *nodes[NETWORK_HOST_COUNT_MAX];
    uint32_t node_count;
    uint32_t doomed_count; /* nodes whose death waits for the end of the present event */
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

/* Kills all nodes first. */
void world_destroy(struct world *world);

/* Lets one event happen; false when nothing is left to happen. */
bool world_step(struct world *world);

/* Steps until that time, or until nothing is left to happen. */
void world_run_until(struct world *world, uint64_t at_ns);

/* Every event as a readable line with its time; NULL turns it off. */
void world_show_trace(struct world *world, FILE *to);

/* A machine that is down, with an empty disk. The name must outlive the world, as must the program;
 * its host number in the network is its index, counted from 0. */
struct node *world_add_node(struct world *world, const char *name, const struct program *program,
                            uint32_t core_count);

/* Boots a node that is down, after a while. */
void node_start(struct node *node, uint64_t delay_ns);

/* Strikes after the present event. A node that is down is left alone. */
void node_kill(struct node *node, enum death death);

/* Whenever the node dies it starts again after this time; 0: it stays down. */
void node_restart_after(struct node *node, uint64_t delay_ns);

/* The process stands still (SIGSTOP); its machine goes on. */
void node_pause(struct node *node, uint64_t duration_ns);

/* The process is asked to stop: its io_signal lands. */
void node_signal(struct node *node, int32_t signal_number);

/* One of up to NODE_PLAN_COUNT_MAX faults that strike this node once. */
enum { NODE_PLAN_COUNT_MAX = 8 };
void node_plan(struct node *node, struct planned_fault fault);

/* The node's wall clock jumps. */
void node_jump_wall_clock(struct node *node, int64_t by_ms);

bool node_is_running(const struct node *node);
uint32_t node_host(const struct node *node);
const char *node_name(const struct node *node);
struct world *node_world(struct node *node);
struct disk *node_disk(struct node *node);
struct process *node_process(struct node *node);

/* A door of a running node. */
struct io *node_core(struct node *node, uint32_t core_index);

/* How often the node has died, and how the last time. */
uint32_t node_death_count(const struct node *node);
enum death node_last_death(const struct node *node);

/* File operations that the node has asked for in all its lives: to choose where a planned fault
 * strikes. */
uint64_t node_file_operation_count(const struct node *node);

#endif
