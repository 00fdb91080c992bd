/* The topic that a load goes to. */
#ifndef TAILRACE_BENCH_TOPIC_H
#define TAILRACE_BENCH_TOPIC_H

#include "bench/control.h"

#include <stdint.h>

enum { TOPIC_CONFIGS_MAX = 32 };

/* "name=value" each; borrowed. */
struct topic_configs {
    const char *words[TOPIC_CONFIGS_MAX];
    uint32_t count;
};

/* Makes the topic, unless it is there, and waits until every partition has a leader that serves.
 * One that is there must have as many partitions at least, and these settings, or something else
 * would be measured than was asked for. `configs` NULL: none. */
void topic_create(struct control *control, const char *topic, uint32_t partition_count,
                  const struct topic_configs *configs);

/* 0 if the broker does not know it. */
uint32_t topic_count_partitions(struct control *control, const char *topic);

#endif
