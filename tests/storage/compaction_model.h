/* What was appended to a compacted log, record by record, and what compaction must have left of it:
 * a naive pass in memory, against which the log is compared. */
#ifndef TAILRACE_TESTS_STORAGE_COMPACTION_MODEL_H
#define TAILRACE_TESTS_STORAGE_COMPACTION_MODEL_H

#include "storage/log_struct.h"
#include "tests/storage/rig.h"

enum { MODEL_KEYS_MAX = 4096, MODEL_PRODUCERS = 3 };

struct model_record {
    int64_t timestamp_ms;
    uint32_t key;
    uint32_t value_size;
    uint64_t value_seed;
    bool is_tombstone;
    bool is_there; /* found in the log by the last comparison */
};

struct compaction_model {
    struct rig *rig;
    struct prng prng;
    struct model_record *records; /* by offset */
    uint32_t record_count;
    uint32_t record_capacity;
    uint32_t key_count;
    uint32_t tombstone_percent;
    int32_t next_sequence[MODEL_PRODUCERS];
};

void model_init(struct compaction_model *model, struct rig *rig, uint64_t seed);
void model_deinit(struct compaction_model *model);

/* Appends batches of random shape until so many records have been added; false when the node has
 * died meanwhile. What may have been appended is part of the model. */
bool model_append(struct compaction_model *model, uint32_t record_count);

/* After a restart: what did not survive is forgotten. */
void model_cut(struct compaction_model *model);

/* Lets something happen; all that is durable counts as replicated. */
void model_turn(struct compaction_model *model);

/* Waits until everything is in segments, and all but the active one may be compacted. */
bool model_settle(struct compaction_model *model);

/* Waits until the log is clean up to its active segment. */
bool model_wait_clean(struct compaction_model *model);

/* What a comparison may find. */
struct model_expectation {
    bool is_exact;        /* nothing but what must be there */
    bool tombstones_stay; /* they are there like other records */
};

/* Reads the segments and compares: every record is one that was appended, at its offset, and the
 * newest of each key is there; with `is_exact`, below the cleaned offset nothing else. Offsets
 * rise, and what is known of producers and epochs is what the batches say. */
void model_compare(struct compaction_model *model, struct model_expectation expectation);

/* The same record by record as readers see it: from every offset a read answers the next batch
 * there is; what readers see is a version between what was appended and what compaction leaves, in
 * which the newest of each key is never missing. */
void model_read(struct compaction_model *model);

#endif
