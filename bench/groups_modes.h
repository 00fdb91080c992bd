/* The measurements of groups, one file each. They answer their figures. */
#ifndef TAILRACE_BENCH_GROUPS_MODES_H
#define TAILRACE_BENCH_GROUPS_MODES_H

#include "bench/load.h"
#include "bench/start.h"

#include <jansson.h>

/* Members that do nothing but stay. */
json_t *groups_heartbeat_run(const struct load *load);

/* Members commit as fast as they are answered. */
json_t *groups_commit_run(const struct load *load);

/* All members of all groups join at once, until each has its share of the partitions. */
json_t *groups_join_run(const struct load *load);

/* Lists and describes many groups, and what each of them takes of the broker's memory. */
json_t *groups_list_run(const struct load *load);

/* From exec to right answers about the committed offsets, after SIGKILL and after SIGTERM. */
json_t *groups_restart_run(const struct load *load, const struct start_options *start);

#endif
