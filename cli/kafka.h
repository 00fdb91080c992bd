/* Setting up librdkafka, through which records are produced and consumed. */
#ifndef TAILRACE_CLI_KAFKA_H
#define TAILRACE_CLI_KAFKA_H

#include "cli/record_format.h"
#include "cli/tool.h"

#include <librdkafka/rdkafka.h>

/* What the tool wishes; the user's -X settings go over it. A NULL name ends the list. */
struct kafka_default {
    const char *name;
    const char *value;
};

/* A configuration of defaults and settings; NULL after an error was said. The last default's name
 * is NULL. Give it to kafka_create, or destroy it. */
rd_kafka_conf_t *kafka_configure(const struct tool *tool, const struct kafka_default *defaults);

/* Takes the configuration over. NULL after an error was said. */
rd_kafka_t *kafka_create(const struct tool *tool, rd_kafka_type_t type, rd_kafka_conf_t *conf);

/* Waits until a broker answers and gives the metadata of one topic, or of all for NULL; NULL after
 * an error was said. Destroy it with rd_kafka_metadata_destroy. */
const struct rd_kafka_metadata *kafka_metadata(const struct tool *tool, rd_kafka_t *kafka,
                                               rd_kafka_topic_t *topic);

/* A message as it is printed, the `index`th from 1; without its headers. Borrows from it. */
struct record kafka_record(const rd_kafka_message_t *message, int64_t index);

/* A descriptor that becomes readable on Ctrl-C or SIGTERM, which no longer end the program. Call it
 * before the first thread starts. -1 if there is none. */
int kafka_catch_interrupt(void);

/* True if the user asked to stop since kafka_catch_interrupt. */
bool kafka_is_interrupted(int interrupt);

/* The same, waiting for it. */
bool kafka_interrupted_within(int interrupt, int wait_ms);

#endif
