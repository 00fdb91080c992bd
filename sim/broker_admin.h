/* The admin of the broker's story: creates the topics, deletes the fleeting one and creates it
 * again, adds partitions to the growing one, deletes records, alters settings (broker_settings.h),
 * over and over. What it is answered does not matter to it, but where something was promised; what
 * came of it is judged by those who ask for the topics. */
#ifndef TAILRACE_SIM_BROKER_ADMIN_H
#define TAILRACE_SIM_BROKER_ADMIN_H

#include "sim/broker_worker.h"

void admin_program_init(struct worker_program *program, struct workload *workload);

#endif
