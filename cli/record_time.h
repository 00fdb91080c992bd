/* When the record at an offset was written, and whether it can be read at all. No request answers
 * that, so the batch that holds it is fetched, which costs about as much as reading one record. */
#ifndef TAILRACE_CLI_RECORD_TIME_H
#define TAILRACE_CLI_RECORD_TIME_H

#include "cli/client.h"

struct record_place {
    struct bytes topic;
    struct uuid topic_id;
    int32_t partition;
    int64_t offset;
};

/* The time of the first record at or behind the place, -1 if none was found near it (compaction or
 * the end of a transaction may have left nothing but a gap). `connection` leads to the partition's
 * leader. False if it cannot be used any more. */
bool record_time_ask(struct connection *connection, const struct record_place *place,
                     int64_t *time_ms);

/* What the leader says of a fetch from there: KAFKA_NONE if it goes well. False if the connection
 * cannot be used any more. */
bool record_error_ask(struct connection *connection, const struct record_place *place,
                      int16_t *error_code);

#endif
