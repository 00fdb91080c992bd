/* The auditor of the broker's story comes when all is over: it puts a new record into every
 * partition, which shows that they are alive, and reads each from its start to its end.
 *
 *   topics known ──▶ produce ──▶ fetch ... ──▶ the next partition ──▶ idle */
#ifndef TAILRACE_SIM_BROKER_AUDITOR_H
#define TAILRACE_SIM_BROKER_AUDITOR_H

#include "sim/broker_worker.h"

void auditor_program_init(struct worker_program *program, struct workload *workload);

#endif
