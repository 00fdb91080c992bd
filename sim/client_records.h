/* The requests that workloads and tests make all the time, in short: one topic, one partition, one
 * batch. Each `client_*` here sends like those of sim/client_api.h; each `*_taken` reads the answer
 * of a call that has landed with STATUS_OK, and its status says whether the answer made sense: what
 * the broker decided is the Kafka error in it. */
#ifndef TAILRACE_SIM_CLIENT_RECORDS_H
#define TAILRACE_SIM_CLIENT_RECORDS_H

#include "sim/client_api.h"

/* A partition, named both ways: versions of requests take the name or the id. */
struct client_partition {
    struct bytes topic;
    struct uuid topic_id;
    int32_t index;
};

/* --- Topics ----------------------------------------------------------------------------------- */

/* One topic with default settings. */
void client_create_topic(struct client *client, struct client_call *call, struct bytes name,
                         int32_t partition_count);

struct client_created {
    int16_t error;
    struct uuid topic_id;
};

enum status client_created_taken(struct client_call *call, struct client_created *created);

/* Answered with the error alone. */
void client_delete_topic(struct client *client, struct client_call *call, struct bytes name);
enum status client_deleted_taken(struct client_call *call, int16_t *error);

/* Deletes the records of a partition below `offset`. */
void client_delete_before(struct client *client, struct client_call *call,
                          const struct client_partition *partition, int64_t offset);

struct client_trimmed {
    int16_t error;
    int64_t start_offset;
};

enum status client_trimmed_taken(struct client_call *call, struct client_trimmed *trimmed);

/* --- Producing -------------------------------------------------------------------------------- */

enum { CLIENT_ACKS_NONE = 0, CLIENT_ACKS_LEADER = 1, CLIENT_ACKS_ALL = -1 };

/* What makes a producer idempotent; CLIENT_NO_PRODUCER is none. */
struct client_producer {
    int64_t id;
    int16_t epoch;
};

#define CLIENT_NO_PRODUCER ((struct client_producer){-1, -1})

void client_new_producer(struct client *client, struct client_call *call);
enum status client_new_producer_taken(struct client_call *call, int16_t *error,
                                      struct client_producer *producer);

struct client_produce {
    struct client_partition partition;
    int16_t version; /* 0: the newest */
    int16_t acks;
    struct bytes batch; /* as it goes onto the wire; copied into the call */
};

void client_produce_batch(struct client *client, struct client_call *call,
                          const struct client_produce *produce);

struct client_produced {
    int16_t error;
    int64_t base_offset;
    int64_t log_append_time_ms;
    int64_t log_start_offset;
};

enum status client_produced_taken(struct client_call *call, struct client_produced *produced);

/* --- Fetching --------------------------------------------------------------------------------- */

struct client_fetch {
    struct client_partition partition;
    int16_t version; /* 0: the newest */
    int64_t offset;
    int32_t wait_ms;
    int32_t min_bytes;
    int32_t max_bytes; /* of the partition and of the answer; 0: a MiB */
};

/* Without a session. */
void client_fetch_partition(struct client *client, struct client_call *call,
                            const struct client_fetch *fetch);

struct client_fetched {
    int16_t error; /* of the request, or of its partition */
    int64_t high_watermark;
    int64_t log_start_offset;
    struct bytes records; /* batches, in the call */
};

enum status client_fetched_taken(struct client_call *call, struct client_fetched *fetched);

/* --- Offsets ---------------------------------------------------------------------------------- */

enum {
    CLIENT_LATEST = -1,
    CLIENT_EARLIEST = -2,
    CLIENT_MAX_TIMESTAMP = -3,
};

/* `timestamp`: milliseconds, or one of the above. */
void client_list_offset(struct client *client, struct client_call *call,
                        const struct client_partition *partition, int64_t timestamp);

struct client_listed {
    int16_t error;
    int64_t offset;
    int64_t timestamp;
    int32_t leader_epoch;
};

enum status client_listed_taken(struct client_call *call, struct client_listed *listed);

#endif
