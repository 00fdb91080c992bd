/* What the measurements of groups share: names, a topic, and calls to set up and to check. */
#ifndef TAILRACE_BENCH_GROUPS_CALLS_H
#define TAILRACE_BENCH_GROUPS_CALLS_H

#include "bench/crowd.h"
#include "bench/histogram.h"
#include "bench/load.h"
#include "bench/system.h"

enum {
    OFFSET_COMMIT_VERSION = 9,
    OFFSET_FETCH_VERSION = 8,
    GROUP_NAME_SIZE = LOAD_TOPIC_SIZE + 16,
};

/* The topic's name with a number: "bench-000007". */
struct bytes group_name(const struct load *load, uint32_t index, char text[static GROUP_NAME_SIZE]);

/* Makes the topic with so many partitions and waits until the coordinators of all groups serve. */
void groups_prepare(const struct load *load, struct control *control, uint32_t partition_count);

struct uuid groups_topic_id(struct control *control, const char *topic);

/* Writes a commit of `count` partitions from `first` on; partition p gets offset + p. No member
 * stands behind a null id. */
void groups_write_commit(struct writer *writer, const struct load *load, struct bytes group,
                         struct bytes member_id, int32_t epoch, uint32_t first, uint32_t count,
                         int64_t offset);

/* Fails the program unless every partition was taken. */
void groups_check_commit(const struct crowd_answer *answer);

/* Commits the first partitions of the topic, as many as a member has, for every group. */
void groups_fill(const struct load *load, const struct address *address, int64_t offset);

/* The error of an OffsetFetch of partitions from `first` on, 0 if each has the offset that
 * groups_write_commit gave it; anything else fails the program. */
int16_t groups_fetch(struct control *control, const struct load *load, uint32_t group,
                     uint32_t first, uint32_t count, int64_t offset);

/* Rounded to so many decimals; an integer if there are none. */
void groups_figure(json_t *figures, const char *name, double value, int decimals);

/* Figures about requests of which the latencies are known, and what they cost the broker. */
void groups_report(json_t *figures, const struct load *load, const struct histogram *latencies_ns,
                   double seconds, int64_t cpu_ns);

/* Processor time and memory of the broker; zero if its process is not known. */
int64_t groups_cpu_ns(const struct load *load);
int64_t groups_resident_kib(const struct load *load);

#endif
