/* A consumer of the broker's story. It reads all partitions through a fetch session, from the start
 * or from the end, waits for what is new, sometimes goes back, sometimes asks for offsets, and
 * reports everything to the checkers. In a quiet workload it is idle when it has reached the end of
 * all partitions.
 *
 *   topics known ──▶ fetch ──▶ landed ──▶ fetch ...
 *        ▲                       │ the session or a topic is gone, or the connection
 *        └──────── pause ────────┘ */
#ifndef TAILRACE_SIM_BROKER_CONSUMER_H
#define TAILRACE_SIM_BROKER_CONSUMER_H

#include "sim/broker_worker.h"

void consumer_program_init(struct worker_program *program, struct workload *workload);

#endif
