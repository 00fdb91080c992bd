/* A consumer of the broker's story. It reads all partitions, mostly through a fetch session, from
 * the start or, one life in three, from the end; waits for what is new, sometimes goes back,
 * sometimes asks for offsets, and reports everything to the checkers. In a quiet workload it is
 * idle when it has reached the end of all partitions.
 *
 *   topics known ──▶ ends known ──▶ fetch ──▶ landed ──▶ fetch ...
 *        ▲               if it starts there      │ a session, a topic
 *        └──────────────── pause ────────────────┘ or a connection is gone */
#ifndef TAILRACE_SIM_BROKER_CONSUMER_H
#define TAILRACE_SIM_BROKER_CONSUMER_H

#include "sim/broker_worker.h"

void consumer_program_init(struct worker_program *program, struct workload *workload);

#endif
