/* What this machine can do at all, at this moment: its disk, its loopback, its memory, and how much
 * of its processors the host takes away. On a shared machine all of this changes by factors from
 * minute to minute, so a broker's figure is only worth something beside the floor that was measured
 * in the same one. Blocking calls, on a file of its own and on few threads: nothing is here that a
 * broker would have to be blamed or praised for. */
#ifndef TAILRACE_BENCH_FLOOR_H
#define TAILRACE_BENCH_FLOOR_H

#include <jansson.h>
#include <stdint.h>

enum { FLOOR_TIME_MS_MIN = 100, FLOOR_TIME_MS_MAX = 60 * 1000 };

struct floor_options {
    const char *folder; /* whose disk is measured; nothing is left in it */
    int64_t time_ms;    /* about how long all of it takes */
};

/* Answers a flat object of figures whose names end with their units; the caller owns it. */
json_t *bench_floor(const struct floor_options *options);

#endif
