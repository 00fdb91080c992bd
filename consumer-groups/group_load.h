/* Reads a partition of __consumer_offsets into a table of groups, after a start and after a
 * failure.
 *
 *   READ ──▶ TAKE ──▶ SETTLE ──▶ done
 *     ▲       │ ▲│
 *     └───────┘ └┘ the next slice of what was read
 *
 * It reads what the log has when it begins, 1 MiB at a time, and works it off in slices, between
 * which the core does everything else. At last it waits until all of it is committed: what a crash
 * could still take back must not be told to anybody.
 *
 * What a record says is trusted only as far as it can be read: a malformed one is passed over and
 * counted (clients may write to the topic); a value of an unknown version ends the load. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_LOAD_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_LOAD_H

#include "base/op.h"
#include "consumer-groups/group_core.h"
#include "protocol/batch_record.h"
#include "replication/replica_manager.h"

/* Where the records are and where they go. */
struct group_load_options {
    struct io *io;
    const struct replica_manager *replicas;
    struct uuid topic_id;
    int32_t index;
    struct group_table *table; /* empty */
    struct group_turn turn;    /* its time, settings, image and memory count */
};

struct group_load {
    struct op op;
    struct group_load_options options;
    struct completion *done;
    bool is_unwanted;
    bool is_reading;
    struct log_read read;
    int64_t offset;     /* of the next read */
    int64_t end_offset; /* up to where, as the log was at the beginning */
    uint32_t piece;     /* of the read, the next to be taken */
    struct bytes rest;  /* batches of the present piece that are to come */
    struct record_iterator records;
    bool has_batch;            /* `records` has not come to its end */
    struct arena batch_arena;  /* of the present batch */
    struct arena record_arena; /* of the present record */
    struct completion yielded;
    struct partition_waiter waiter;
    enum status status;
    uint64_t record_count;
    uint64_t malformed_count;
};

/* `done` lands with STATUS_OK when the table holds everything; STATUS_CANCELLED; STATUS_NOT_FOUND:
 * the partition is not here; STATUS_UNSUPPORTED: a newer release has written to it;
 * STATUS_NO_MEMORY; or why the log cannot be read. */
void group_load_start(struct group_load *load, const struct group_load_options *options,
                      struct completion *done);

/* Nobody wants it any more; it lands soon. */
void group_load_cancel(struct group_load *load);

/* When the node was killed: gives back memory, nothing lands. */
void group_load_drop(struct group_load *load);

#endif
