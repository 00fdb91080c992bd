/* The measurements. Each prints its report, or ends the program. */
#ifndef TAILRACE_BENCH_MODES_H
#define TAILRACE_BENCH_MODES_H

#include "bench/options.h"

/* Produces for a time. */
void produce_run(const struct options *options);

/* Reads all partitions of the topic from their beginning to the end that they have now. */
void fetch_run(const struct options *options);

/* Starts a broker several times: from exec to its first answers. */
void first_answer_run(const struct options *options);

/* The memory of a broker that has nothing to do. */
void idle_run(const struct options *options);

/* Groups with members that do nothing but stay. */
void groups_heartbeat_run(const struct options *options);

/* Members commit as fast as they are answered. */
void groups_commit_run(const struct options *options);

/* All members of all groups join at once, until each has its share of the partitions. */
void groups_join_run(const struct options *options);

/* Lists and describes many groups, and what each of them takes of the broker's memory. */
void groups_list_run(const struct options *options);

/* From exec to right answers about the committed offsets, after SIGKILL and after SIGTERM. */
void groups_restart_run(const struct options *options);

/* A frame with one batch for the partition, of `options->batch_records` records of random bytes,
 * in the arena. */
struct bytes produce_frame(const struct options *options, int32_t partition, struct arena *arena);

#endif
