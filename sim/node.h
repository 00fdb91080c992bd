/* A machine in the world, with a disk, clocks and cores.
 *
 * It runs a `struct program`, given by the user of the world: a broker, or a client. Each core of a
 * node is an actor with a door of its own (`struct io` of backend "sim"); its code runs only in its
 * turns, and the world decides when those are. So code under test needs nothing but its doors and
 * may not notice where it runs.
 *
 *            node_start                      node_kill, a planned fault, io_stop
 *   DOWN ---------------> program->start  RUNNING --------------------------------> DOWN
 *     ^                                                program->destroy               |
 *     +-------------------------- node_restart_after ---------------------------------+
 *
 * start runs before any turn; it may io_await on any door, which serves the file request at once.
 * If it answers NULL the program refused to start.
 *
 * Death falls between two events. All that is in flight is forgotten: no completion lands any more,
 * and the world writes to no request and no buffer; timers and what was ready to land are taken
 * off their lists. The memory of the process is freed with its heap (sim/heap.h); `destroy` may do
 * it before, and nothing else: the doors are dead, requests to them are ignored (an io_await
 * answers STATUS_FAILED). What was in flight on the disk happens, happens in part or does not. A
 * fault that is planned to strike at an operation strikes before it takes effect; the rest of the
 * turn still runs, and every further request of it fails without effect.
 *
 * A test may also turn a door by hand: io_turn then lets the world go on until something happened,
 * and the other cores take their turns as always. In such a turn the node must not die, because the
 * door would be freed under the hand that turns it: where deaths are planned, or nodes restart by
 * themselves, a test lets the world take its course by world_step. Both are asserted. */
#ifndef TAILRACE_SIM_NODE_H
#define TAILRACE_SIM_NODE_H

#include "sim/disk.h"
#include "sim/faults.h"
#include "sim/program.h"
#include "sim/world.h"

/* A machine that is down, with an empty disk. The name must outlive the world, as must the program;
 * nodes
 * are numbered as hosts of the network in the order of their creation. The world destroys it. */
struct node *node_create(struct world *world, const char *name, const struct program *program,
                         uint32_t core_count);

/* Another number of cores for the lives to come. */
void node_set_core_count(struct node *node, uint32_t core_count);

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

/* Whether something is planned that has not struck yet. */
bool node_has_plans(const struct node *node);

/* How many operations have been counted that the newest plan may strike at. */
uint64_t node_count_planned(const struct node *node);

/* What is planned and has not struck yet will not. */
void node_forget_plans(struct node *node);

/* The node's wall clock jumps. */
void node_jump_wall_clock(struct node *node, int64_t by_ms);

bool node_is_running(const struct node *node);
uint32_t node_host(const struct node *node);
struct disk *node_disk(struct node *node);
struct process *node_process(struct node *node);

/* A door of a running node. */
struct io *node_core(struct node *node, uint32_t core_index);

/* How often the node has died, and how the last time. */
uint32_t node_death_count(const struct node *node);
enum death node_last_death(const struct node *node);

/* The most memory that a life of it has had at once. */
size_t node_memory_peak_bytes(const struct node *node);

/* File operations that the node has asked for in all its lives: whoever has watched one run knows
 * where faults can strike in the next. */
uint64_t node_file_operation_count(const struct node *node);

#endif
