/* What the modes about groups share: names, a topic, and calls to set up and to check. */
#ifndef TAILRACE_BENCH_GROUPS_H
#define TAILRACE_BENCH_GROUPS_H

#include "bench/crowd.h"
#include "bench/histogram.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/system.h"

enum { OFFSET_COMMIT_VERSION = 9, OFFSET_FETCH_VERSION = 8, GROUP_NAME_SIZE = 24 };

/* "group-000007". */
struct bytes group_name(uint32_t index, char text[static GROUP_NAME_SIZE]);

/* Makes the topic with so many partitions and waits until the coordinators of all groups serve. */
void groups_prepare(const struct options *options, struct client *client, uint32_t partition_count);

struct uuid groups_topic_id(struct client *client, const char *topic);

/* Writes a commit of `count` partitions from `first` on; partition p gets offset + p. No member
 * stands behind a null id. */
void groups_write_commit(struct writer *writer, const struct options *options, struct bytes group,
                         struct bytes member_id, int32_t epoch, uint32_t first, uint32_t count,
                         int64_t offset);

/* Fails the program unless every partition was taken. */
void groups_check_commit(const struct crowd_answer *answer);

/* Commits the first partitions of the topic for every group, as nobody's member. */
void groups_fill(const struct options *options, uint32_t partition_count, int64_t offset);

/* The error of an OffsetFetch of partitions from `first` on, 0 if each has the offset that
 * groups_write_commit gave it; anything else fails the program. */
int16_t groups_fetch(struct client *client, const struct options *options, uint32_t group,
                     uint32_t first, uint32_t count, int64_t offset);

/* Rows about requests of which the latencies are known, and what they cost the broker. */
void groups_report(struct report *report, const struct options *options,
                   const struct histogram *latencies_ns, double seconds, struct cpu_time cpu);

/* What the broker used since; zero if its process is not known. */
struct cpu_time groups_cpu_time(const struct options *options, struct cpu_time since);

#endif
