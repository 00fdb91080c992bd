/* Under what circumstances something was measured: without them a figure cannot be compared. */
#ifndef TAILRACE_BENCH_CONDITIONS_H
#define TAILRACE_BENCH_CONDITIONS_H

#include "bench/control.h"

#include <jansson.h>
#include <stdint.h>

enum { CONDITION_SIZE = 128 };

struct conditions {
    int64_t time_ms; /* when it began, by the wall clock */
    char kernel[CONDITION_SIZE];
    char cpu[CONDITION_SIZE];
    uint32_t cpu_count;
    char congestion_control[CONDITION_SIZE];
    double load_average[3];      /* when it began */
    double stolen_percent;       /* of all processor time while it ran; below 0: unknown */
    char broker[CONDITION_SIZE]; /* "Tailrace", "Kafka", or "unknown" */
    char io_backend[CONDITION_SIZE];
    char durability[CONDITION_SIZE];
    uint32_t pid; /* 0: unknown */
};

/* Looks at this machine, and asks the broker. Where nobody tells, "unknown" stands. */
void conditions_find(struct conditions *conditions, uint32_t pid, struct control *control);

json_t *conditions_json(const struct conditions *conditions);

/* A few lines for people. */
void conditions_print(const struct conditions *conditions);

#endif
