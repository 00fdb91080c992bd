/* How the machine's processors spent their time, and above all how much of it the host of a virtual
 * machine gave to others while work waited here: stolen time makes everything slower and looks like
 * the fault of what was measured. Linux only; a real machine has none stolen. */
#ifndef TAILRACE_BENCH_MACHINE_TIME_H
#define TAILRACE_BENCH_MACHINE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Of all processors together, since the machine began. */
struct machine_time {
    int64_t total_ticks; /* idle or not; a hundredth of a second each */
    int64_t stolen_ticks;
};

/* Of the text of /proc/stat. False if it is none. */
bool machine_time_parse(const char *text, struct machine_time *time);

/* As it is now. False where nobody tells. */
bool machine_time_read(struct machine_time *time);

/* Of all processor time from `before` to `now`, 0 to 100. 0 if no tick has passed. */
double machine_time_stolen_percent(const struct machine_time *now,
                                   const struct machine_time *before);

#endif
