/* The topic that a load goes to. */
#ifndef TAILRACE_BENCH_TOPIC_H
#define TAILRACE_BENCH_TOPIC_H

#include "bench/control.h"

#include <stdint.h>

/* Makes the topic, unless it is there, and waits until every partition has a leader that serves. */
void topic_create(struct control *control, const char *topic, uint32_t partition_count);

#endif
