/* Where the logs of certain partitions of any topics start and end, and who leads them. */
#ifndef TAILRACE_CLI_LOG_BOUNDS_H
#define TAILRACE_CLI_LOG_BOUNDS_H

#include "cli/group_view.h"
#include "cli/topics.h"

struct log_bounds {
    int16_t error_code; /* a partition that is not there has one, and -1 in the rest */
    int32_t leader_id;
    struct uuid topic_id;
    int64_t start;
    int64_t end;
    int64_t
        by_time; /* the first offset at or after the time asked for; -1: no record is so young */
};

/* One element for each of the partitions, which are sorted. `time_ms` NULL: no time is asked for.
 * `metadata` has the brokers. NULL on failure, which has been said. */
struct log_bounds *log_bounds_ask(struct connection *connection,
                                  const struct group_partitions *partitions, const int64_t *time_ms,
                                  const struct metadata_response **metadata);

#endif
