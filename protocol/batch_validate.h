/* What a batch must be to get into a log from a client: the rules of Kafka 4.3, in its order, with
 * its error codes. Replicated batches passed them at their leader.
 *
 * The whole batch is read, compressed or not, through a fixed window, so the check takes constant
 * memory beside the messages it makes; what would become larger than a cap is refused.
 *
 * Stricter than Kafka, because no correct client does it and it would harm readers for ever:
 * offset deltas that are not 0, 1, 2, ... (Kafka checks them in compressed batches alone). Where
 * Kafka meets broken data by accident and answers UNKNOWN_SERVER_ERROR, which says that nobody
 * knows what became of the batch, the answer here is CORRUPT_MESSAGE for what cannot be
 * decompressed or framed, INVALID_RECORD for broken records, UNSUPPORTED_COMPRESSION_TYPE for a
 * codec that does not exist. Pure; any core may call. */
#ifndef TAILRACE_PROTOCOL_BATCH_VALIDATE_H
#define TAILRACE_PROTOCOL_BATCH_VALIDATE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "protocol/batch.h"
#include "protocol/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the request and the topic demand. */
struct batch_rules {
    int16_t produce_version;   /* of the request */
    int32_t message_bytes_max; /* max.message.bytes; of the batch with its whole header */
    bool key_is_required;      /* cleanup.policy has compact */
    enum timestamp_type timestamp_type;
    int64_t timestamp_before_max_ms; /* message.timestamp.before.max.ms */
    int64_t timestamp_after_max_ms;  /* message.timestamp.after.max.ms */
    int64_t now_ms;
    size_t records_bytes_max;         /* of all records when decompressed */
    struct decompressor_spare *spare; /* of the thread that judges, or NULL */
};

/* A record that broke a rule of its own. */
struct record_error {
    int32_t batch_index; /* of the record in its batch, from 0 */
    const char *message; /* in the arena or constant; NULL if the arena is full */
};

/* More than this are not listed: the list goes into a response, and records are small. */
enum { RECORD_ERRORS_MAX = 1000 };

struct batch_verdict {
    enum kafka_error error; /* KAFKA_NONE if the batch may be appended */
    const char *message;    /* for the client; NULL if all is well. In the arena or constant */
    struct record_error *record_errors; /* in the arena */
    uint32_t record_error_count;

    /* Only with KAFKA_NONE: */
    struct bytes batch; /* the batch; after it an incomplete one may stand, as Kafka allows */
    struct batch_header header;  /* as the client wrote it */
    int64_t max_timestamp;       /* now_ms under LogAppendTime, else the largest of the records */
    int32_t max_timestamp_delta; /* offset delta of the first record that has it */
};

/* Judges what a Produce request holds for one partition; null and empty are judged too. Messages
 * and the list of record errors go into the arena; if it is full they are left out. */
void batch_validate(struct bytes records, const struct batch_rules *rules, struct arena *arena,
                    struct batch_verdict *verdict);

/* Makes the batch say what the log promises: timestamp type as the topic has it, max timestamp as
 * the verdict has it. `batch` is the verdict's, in memory that may be written. */
void batch_stamp(uint8_t *batch, const struct batch_rules *rules,
                 const struct batch_verdict *verdict);

#endif
