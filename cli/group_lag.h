/* How far a group is behind in each partition: in records, and in time.
 *
 * In records it is the log's end less the committed offset. In time it is now less the timestamp of
 * the record at the committed offset, which is the oldest that the group has not finished with: how
 * old what it reads next is. It is 0 where there is nothing to read, and unknown where the group
 * has committed nothing, or no record stands near the offset. */
#ifndef TAILRACE_CLI_GROUP_LAG_H
#define TAILRACE_CLI_GROUP_LAG_H

#include "cli/log_bounds.h"

#define LAG_UNKNOWN INT64_MIN

struct group_lag {
    struct group_partition at;
    int64_t committed; /* -1: nothing; the partition is listed for its member */
    int32_t leader_epoch;
    struct bytes metadata;
    struct log_bounds bounds;
    int64_t records; /* LAG_UNKNOWN; negative if the log is shorter than it was, as Kafka says it */
    int64_t time_ms; /* LAG_UNKNOWN */
    const struct group_member *member; /* who reads it; NULL if nobody does */
};

struct group_lags {
    struct group_lag *list; /* by topic and partition */
    uint32_t count;
    int64_t records; /* all of them together, where known; LAG_UNKNOWN if nowhere */
};

/* For every partition in which the group has committed or that a member has. */
bool group_lags_ask(struct coordinators *coordinators, const struct group_view *view,
                    int64_t now_ms, struct group_lags *lags);

#endif
