/* Makes one segment of several: what compaction keeps of their batches goes into a new segment,
 * which takes their place in the log. A crash at any step leaves a whole log:
 *
 *   the new file is written, synced, named      the state lists the old segments: it is a leftover
 *   exchanged in memory, the state recorded     the state lists one or the other, both are there
 *   the old files are buried (graveyard.h)      the state lists the new one
 *
 * Offsets, and so the log's start and end, do not change; the old segments may be read until they
 * have been exchanged, and by whoever has begun then. */
#ifndef TAILRACE_STORAGE_COMPACTION_GROUP_H
#define TAILRACE_STORAGE_COMPACTION_GROUP_H

#include "storage/compaction_filter.h"
#include "storage/compaction_pace.h"
#include "storage/log_struct.h"
#include "storage/segment_reader.h"
#include "storage/segment_writer.h"

struct compaction_tally {
    uint64_t records_read;
    uint64_t records_kept;
    uint64_t records_without_key;
    uint64_t bytes_read;
    uint64_t bytes_kept;
};

struct compaction_group {
    struct op op;
    struct log *log;
    struct compaction_pass *pass;
    struct compaction_pace *pace;
    struct arena *arena; /* for one batch at a time */
    struct compaction_tally *tally;
    struct segment *const *segments; /* retained by the caller */
    uint32_t segment_count;
    int64_t cleaned_offset; /* up to where the log is clean once this is done; -1: unchanged */
    struct segment_reader reader;
    struct segment_writer writer;
    struct bytes rest;        /* batches of the present frame that are to come */
    struct bytes kept;        /* of the last batch; null: has been put, or nothing was kept */
    bool is_writing;          /* what has been asked for is a write, not a read */
    struct completion landed; /* of reader and writer */
    struct log_record record;
    struct completion *done;
    enum status status;
};

/* The fields from log to cleaned_offset are filled in. `done` lands with STATUS_OK, or with why
 * nothing was changed: STATUS_CANCELLED (the log goes away or has lost a segment, the store stops),
 * STATUS_NO_MEMORY, STATUS_NO_SPACE, STATUS_NO_FILES, or with what is wrong with the log. After an
 * error of a write or sync the store has failed. */
void compaction_group_start(struct compaction_group *group, struct completion *done);

/* Nobody wants the log to be compacted any more. */
bool compaction_is_unwanted(const struct log *log);

/* Gives back memory when the node was killed. */
void compaction_group_drop(struct compaction_group *group);

#endif
