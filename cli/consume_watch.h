/* Tells a reader that has no news from one that cannot go on. librdkafka takes KAFKA_STORAGE_ERROR
 * for something that passes, and asks again for ever without a word; but records that are damaged
 * on disk stay so. Partitions that should have more records and still did not move are therefore
 * looked at now and then by a fetch of our own. */
#ifndef TAILRACE_CLI_CONSUME_WATCH_H
#define TAILRACE_CLI_CONSUME_WATCH_H

#include "cli/tool.h"

#include <librdkafka/rdkafka.h>

struct consume_watch {
    struct tool *tool;
    rd_kafka_t *kafka;
    int64_t look_ms;                         /* when to look next */
    rd_kafka_topic_partition_list_t *before; /* where the partitions stood at the last look */
};

void consume_watch_start(struct consume_watch *watch, struct tool *tool, rd_kafka_t *kafka);
void consume_watch_stop(struct consume_watch *watch);

/* True every few seconds: then gather where each partition goes on, and look. */
bool consume_watch_is_due(const struct consume_watch *watch);

/* Takes the list over. Offsets below 0 stand for partitions that nobody waits for. False if one
 * cannot be read; that has been said. */
bool consume_watch_look(struct consume_watch *watch, rd_kafka_topic_partition_list_t *positions);

#endif
