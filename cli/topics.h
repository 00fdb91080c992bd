/* What several topic commands ask: metadata of topics, and offsets of partitions. Results lie in
 * the tool's arena. Functions that fail have said why. */
#ifndef TAILRACE_CLI_TOPICS_H
#define TAILRACE_CLI_TOPICS_H

#include "cli/client.h"
#include "cli/table.h"
#include "protocol/messages/metadata.h"

/* The topics that the tool's arguments name, or with `is_regex` those that match one of them; all
 * if there are no arguments; in the order of their names. Nothing is created by asking: a named
 * topic that does not exist is in the list with its error. False on failure. */
bool topics_chosen(struct connection *connection, bool is_regex,
                   const struct metadata_response **metadata,
                   const struct metadata_response_topic ***topics, uint32_t *count);

/* Topics by their names, in the order of these; all if `names` is NULL. Nothing is created by
 * asking: one that does not exist is in the list with its error. NULL on failure. */
const struct metadata_response *topics_named(struct connection *connection,
                                             const struct bytes *names, uint32_t count);

struct partition_offset {
    int16_t error_code;
    int64_t offset;  /* -1: no such record */
    int64_t time_ms; /* of that record, -1 if unknown */
};

/* Special times of offsets_query. */
enum { OFFSETS_LATEST = -1, OFFSETS_EARLIEST = -2, OFFSETS_MAX_TIMESTAMP = -3 };

/* Asks the leaders of a topic's partitions for the first offset at or after a time. The result has
 * one element for each partition of `topic`, in its order. NULL on failure. */
const struct partition_offset *offsets_query(struct connection *connection,
                                             const struct metadata_response *metadata,
                                             const struct metadata_response_topic *topic,
                                             int64_t time_ms);

/* What became of each topic of a command: a table, or with --format json a list. */
struct topic_states {
    struct tool *tool;
    struct table table;
    json_t *list;
    enum exit_code code; /* EXIT_CODE_FAILED when any topic failed */
};

void topic_states_init(struct topic_states *states, struct tool *tool);

/* One topic: "OK", or "UNKNOWN_TOPIC_OR_PARTITION: text", and in JSON
 * {"topic": ..., "error": null or a name, "message": null or text}. The message may be null. */
void topic_states_add(struct topic_states *states, struct bytes name, int16_t error_code,
                      struct bytes message);

/* One topic that is fine, in other words than "OK". */
void topic_states_add_fine(struct topic_states *states, struct bytes name, const char *text);

/* Prints all; the command's answer. */
enum exit_code topic_states_show(struct topic_states *states);

/* Node ids as "1,2,3", and as a JSON list. */
const char *topics_nodes(struct tool *tool, const int32_t *nodes, uint32_t count);
json_t *topics_nodes_json(const int32_t *nodes, uint32_t count);

/* Copies of each partition; 0 for a topic without partitions. */
uint32_t topics_replica_count(const struct metadata_response_topic *topic);

#endif
