/* `topic consume -g`: consuming as a member of a group, which shares the partitions of the topics
 * among its members and remembers how far it has come. */
#ifndef TAILRACE_CLI_CONSUME_GROUP_H
#define TAILRACE_CLI_CONSUME_GROUP_H

#include "cli/consume_print.h"
#include "cli/consume_watch.h"

struct consume_group {
    struct tool *tool;
    const char *group;
    bool from_end; /* where to begin where nothing is committed */
    int64_t record_limit;
    int interrupt;
    struct consume_print *print;

    rd_kafka_t *kafka;
    rd_kafka_topic_partition_list_t *printed; /* since the last flush: where to go on */
    rd_kafka_topic_partition_t *last;         /* of them, the one added to last; may be NULL */
    bool has_failed;                          /* a commit was refused; that has been said */
    struct consume_watch watch;
};

/* Joins, prints until the limit or Ctrl-C, commits what was printed, and leaves. The fields up to
 * `print` are set. */
enum exit_code consume_group_run(struct consume_group *consume);

#endif
