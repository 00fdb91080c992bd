/* What a log should hold, kept as naively as can be: every batch and every record that was ever
 * appended, in arrays that are searched from end to end. It knows nothing of files, frames, indexes
 * or snapshots, so it cannot share their mistakes. */
#ifndef TAILRACE_TESTS_STORAGE_MODEL_H
#define TAILRACE_TESTS_STORAGE_MODEL_H

#include "base/bytes.h"
#include "base/status.h"
#include "protocol/batch.h"
#include "protocol/batch_record.h"

#include <stdbool.h>
#include <stdint.h>

struct model_record {
    int64_t offset;
    int64_t timestamp_ms;
    uint32_t key;   /* its checksum */
    uint32_t value; /* the same */
    bool is_tombstone;
    uint32_t batch; /* its index */
};

struct model_batch {
    int64_t base_offset;
    int64_t last_offset;
    int64_t appended_ms;
    int64_t producer_id;
    int32_t leader_epoch;
    int32_t base_sequence;
    int32_t last_sequence;
    int16_t producer_epoch;
    bool is_transactional; /* data of a transaction */
    bool is_marker;
    bool is_abort; /* of a marker, as is the next */
    int32_t coordinator_epoch;
    bool is_acknowledged;
    uint32_t size_bytes;
    uint32_t digest; /* of all bytes that a reader gets */
    uint32_t first_record;
    uint32_t record_count;
};

enum { MODEL_PRODUCERS_MAX = 16 };

struct model {
    int64_t start_offset;   /* as last seen */
    int64_t deleted_to;     /* DeleteRecords was told: what lies below never comes back */
    int64_t high_watermark; /* as the log was told: nothing above it is deleted */
    int64_t committed_to;   /* the same, in all lives: nothing above it is compacted */
    int64_t end_offset;
    struct model_batch *batches; /* also those below the start: producers are remembered longer */
    uint32_t batch_count;
    uint32_t batch_capacity;
    struct model_record *records;
    uint32_t record_count;
    uint32_t record_capacity;
    int64_t producer_ids[MODEL_PRODUCERS_MAX]; /* each that was ever seen */
    uint32_t producer_count;
};

void model_init(struct model *model);
void model_deinit(struct model *model);

/* What becomes of this batch: STATUS_OK, STATUS_DUPLICATE (of `original`), STATUS_SEQUENCE_GAP,
 * STATUS_STALE_EPOCH, STATUS_OPEN_TRANSACTION or, for a marker, STATUS_FENCED. */
enum status model_judge(const struct model *model, struct bytes batch,
                        const struct model_batch **original);

/* The batch is in the log since `now_ms`. The answer is good until the next one comes. */
const struct model_batch *model_append(struct model *model, struct bytes batch,
                                       int32_t leader_epoch, int64_t now_ms);

/* Everything from `end_offset` on is gone. NULL, or what of it must not have gone. */
const char *model_cut(struct model *model, int64_t end_offset);

/* What retention may take away. */
struct model_retention {
    int64_t now_ms;
    int64_t retention_ms;    /* -1: none */
    int64_t retention_bytes; /* -1: none */
    uint64_t size_bytes;     /* of what is left */
    bool is_compacted;       /* what compaction has taken before does not count */
};

/* The log begins at `start_offset` now, because old segments went. NULL, or what must not have
 * gone. */
const char *model_retain(struct model *model, int64_t start_offset,
                         const struct model_retention *retention);

/* Everything there is has been seen, so it may not go any more. */
void model_acknowledge_all(struct model *model);

/* What the producer's newest batches are, newest first, of its newest epoch; at most `count_max`.
 * Answers how many. */
uint32_t model_producer(const struct model *model, int64_t producer_id,
                        const struct model_batch **batches, uint32_t count_max);

/* Whether the producer's transaction is open, and its epoch; -1: it is not known. */
bool model_is_open(const struct model *model, int64_t producer_id);
int16_t model_producer_epoch(const struct model *model, int64_t producer_id);

/* What has become of a batch by the markers below `committed_to`. */
enum model_fate { FATE_COMMITTED, FATE_ABORTED, FATE_OPEN };

enum model_fate model_fate(const struct model *model, const struct model_batch *batch,
                           int64_t committed_to);

/* Where readers of committed records stop, if markers count below `committed_to`. */
int64_t model_stable_offset(const struct model *model, int64_t committed_to);

/* The first batch that ends after `offset`; NULL when there is none. */
const struct model_batch *model_batch_from(const struct model *model, int64_t offset);

/* Among the records from the start up to `end_offset`: the first at or after the timestamp, and the
 * first of those with the greatest timestamp. NULL: none. */
const struct model_record *model_find_time(const struct model *model, int64_t timestamp_ms,
                                           int64_t end_offset);
const struct model_record *model_find_greatest(const struct model *model, int64_t end_offset);

/* As log_epoch_end and log_epoch_at. */
bool model_epoch_end(const struct model *model, int32_t epoch, int32_t *found_epoch,
                     int64_t *end_offset);
int32_t model_epoch_at(const struct model *model, int64_t offset);

/* Whether compaction may have taken the record: there is a newer one of its key, or it is a
 * tombstone. */
bool model_may_lack(const struct model *model, const struct model_record *record);

/* What a reader gets of a record. */
struct model_record model_record_of(const struct record_view *view);

/* The checksum of a batch as a reader gets it. */
uint32_t model_digest(struct bytes batch);

#endif
