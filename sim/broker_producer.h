/* A producer of the broker's story. It sends windows of up to five batches to one partition after
 * the other, pipelined, and sends again, in order, what was not answered, as Kafka's own producer
 * does with idempotence. What kind of producer it is (idempotent or not, acks, codec, sizes) it
 * draws at the start of each life. Now and then it sends a batch that must be refused.
 *
 *   topics known ──▶ producer id ──▶ window sent ──▶ all have landed ──▶ next window
 *                                        ▲                │ some failed
 *                                        └── topics ◀─ pause */
#ifndef TAILRACE_SIM_BROKER_PRODUCER_H
#define TAILRACE_SIM_BROKER_PRODUCER_H

#include "sim/broker_worker.h"

void producer_program_init(struct worker_program *program, struct workload *workload);

#endif
