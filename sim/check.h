/* What clients of a story saw, judged against what a broker promises. Clients report as they go;
 * the first broken promise is kept in the verdict.
 *
 *   acked   what was acknowledged is there when everything is read in the end, with its bytes
 *   offset  one value per topic id, partition and offset, for all readers and all lives
 *   dup     nothing of an idempotent producer is there twice
 *   order   an idempotent producer's records stand in its order, and none between is missing
 *   latest  the end of a partition never goes back for whoever asks after he knew it
 *   deleted what DeleteRecords was answered to have deleted is not read by whoever asks after that;
 *           nothing above what was asked for is gone
 *   newest  where logs are compacted, records may be missing, but the newest of a key may not; nor
 *           may a tombstone, unless its topic was told to forget it soon: then nothing that it has
 *           deleted is there
 *   loose   where flush.messages allows it records may be lost, but none from before the last one
 *           that was acknowledged while the topic was strict
 *   bounds  a broker's memory stays within what it was given (check_memory)
 *   refused what was refused for good is in no log
 *   bytes   nothing is read that nobody sent, and every batch continues the one before
 *
 * A value says which record it is, so that whoever reads it can tell all of this:
 *
 *   number u64 | filler made from the number, to the size that was drawn for it
 *
 * Its key is made from the number, too, so that keys come again and again. A tombstone has no
 * value: its number stands in a header (CHECK_STAMP).
 *
 * Belongs to a story, outside of its world. */
#ifndef TAILRACE_SIM_CHECK_H
#define TAILRACE_SIM_CHECK_H

#include "base/bytes.h"
#include "sim/story.h"

#include <stdbool.h>
#include <stdint.h>

enum { CHECK_VALUE_SIZE_MIN = 8, CHECK_KEY_COUNT = 16 };

#define CHECK_STAMP "number"

/* A partition of a topic's incarnation. */
struct check_key {
    struct uuid topic_id;
    int32_t index;
};

/* A record that was sent, or is about to be. */
struct check_record {
    uint32_t session; /* 0: of no idempotent producer; else of which, from 1 */
    int32_t position; /* in its session and partition, from 0 */
    uint32_t size;    /* of the value */
    bool is_tombstone;
    bool is_acked;
    bool is_refused;
};

/* What a topic was, at any time, allowed by its settings: it may have made use of it. */
enum check_freedom {
    CHECK_COMPACTS = 1,        /* records go that have a newer one of their key */
    CHECK_FORGETS = 2,         /* tombstones go soon */
    CHECK_SHRINKS = 4,         /* old records go */
    CHECK_LOSES_UNFLUSHED = 8, /* what was acknowledged may be lost; see check_loosen */
};

struct check_topic {
    struct uuid id;
    uint32_t freedoms;
    uint32_t loosening_count; /* wishes to loosen it of which nobody knows yet when they come */
    bool is_strict;           /* it was told to be, and nobody has wished anything else since */
    uint32_t strict_period;   /* counted from 1 */
};

struct check_log {
    struct check_key key;
    uint64_t *numbers; /* by offset; 0: nobody knows */
    int64_t offset_count;
    int64_t offset_capacity;
    int64_t known_end;   /* somebody was told that the log goes up to here, */
    int64_t known_start; /* and that what lies below this is deleted for good; */
    int64_t asked_start; /* the furthest that anybody asked it to begin */
    int64_t sure_end;    /* of a loose topic: nothing below may be lost any more */
    bool *is_seen;       /* by offset: read since the audit has begun; NULL before */
};

struct check {
    struct verdict *verdict;
    uint32_t freedoms;            /* of all topics */
    struct check_record *records; /* by number, from 1 */
    uint64_t record_count;
    uint64_t record_capacity;
    struct check_log *logs;
    uint32_t log_count;
    struct check_topic *topics; /* of which there is anything to say */
    uint32_t topic_count;
    uint32_t session_count;
    uint64_t acked_count;
    uint64_t refused_count;
    uint64_t read_count;
};

void check_init(struct check *check, struct verdict *verdict);
void check_deinit(struct check *check);

/* A topic is about to be told something that gives it these freedoms. */
void check_allow(struct check *check, struct uuid topic_id, uint32_t freedoms);
bool check_is_free(const struct check *check, struct uuid topic_id, enum check_freedom freedom);

/* A topic is about to be told to acknowledge what is not on disk yet; that was answered, whatever
 * with; and it was told, with success, to acknowledge nothing else. */
void check_loosen(struct check *check, struct uuid topic_id);
void check_loosened(struct check *check, struct uuid topic_id);
void check_tighten(struct check *check, struct uuid topic_id);

/* To be taken when a request leaves: acknowledged in the same period, its records are on disk. */
uint32_t check_strict_period(const struct check *check, struct uuid topic_id);

/* A new idempotent producer. */
uint32_t check_new_session(struct check *check);

/* Announces a record before it is sent; answers its number. */
uint64_t check_send(struct check *check, uint32_t session, int32_t position, uint32_t size);

/* The same for a record without a value. */
uint64_t check_send_tombstone(struct check *check, uint32_t session, int32_t position);

/* Writes the value of a record, `size` bytes as announced. */
void check_fill_value(uint64_t number, uint8_t *value, uint32_t size);

/* The record's key, one byte. */
struct bytes check_key_of(uint64_t number);

/* `count` records from `first_number` on were acknowledged with this base offset. The period was
 * taken when they were sent. */
void check_acked(struct check *check, const struct check_key *key, uint32_t strict_period,
                 int64_t base_offset, uint64_t first_number, uint32_t count);

/* The same were refused for good: no earlier attempt is in doubt, and no later one will be made. */
void check_refused(struct check *check, uint64_t first_number, uint32_t count);

/* A record was read. */
void check_read(struct check *check, const struct check_key *key, int64_t offset,
                struct bytes record_key, struct bytes value);
void check_read_tombstone(struct check *check, const struct check_key *key, int64_t offset,
                          struct bytes record_key, struct bytes stamp);

/* To be taken when a question about the end leaves, and compared when its answer comes. */
int64_t check_known_end(struct check *check, const struct check_key *key);
void check_end(struct check *check, const struct check_key *key, int64_t known_end, int64_t end);

/* Records below `offset` are about to be deleted. */
void check_delete(struct check *check, const struct check_key *key, int64_t offset);

/* And have been: that was acknowledged. What somebody has merely seen is no promise yet: a deletion
 * shows at once, and may be undone by a crash until it is acknowledged. */
void check_deleted(struct check *check, const struct check_key *key, int64_t start);

/* A reader was told that `offset` is out of range, where he was before. */
void check_out_of_range(struct check *check, const struct check_key *key, int64_t offset);

/* How far anybody may find the log cut. */
int64_t check_asked_start(struct check *check, const struct check_key *key);

/* To be taken when a question leaves, and compared with where the answer says the log begins, or
 * with the first offset that it holds. */
int64_t check_known_start(struct check *check, const struct check_key *key);
void check_start(struct check *check, const struct check_key *key, int64_t known_start,
                 int64_t start);

/* The partition is about to be read for the last time. */
void check_audit(struct check *check, const struct check_key *key);

/* The partition was read from `start`, where it begins, to `end` when all was over. */
void check_audited(struct check *check, const struct check_key *key, int64_t start, int64_t end);

void check_memory(struct check *check, size_t peak_bytes, size_t limit_bytes);

#endif
