/* A partition that this node leads: its log, what is committed of it, and who waits for that.
 *
 * A partition belongs to its home core; every call is made there. Work from other cores comes as a
 * child operation by mail (broker/errand.h) and looks the partition up again by topic id and index:
 * nobody else keeps a pointer to it across a wait. */
#ifndef TAILRACE_REPLICATION_PARTITION_H
#define TAILRACE_REPLICATION_PARTITION_H

#include "base/list.h"
#include "base/map.h"
#include "replication/replica_core.h"
#include "storage/log.h"

struct store;

/* What went through it since this node opened it. */
struct partition_traffic {
    uint64_t records_in;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

struct partition {
    struct map_node node; /* in the replica manager's table, by topic id and index */
    struct uuid topic_id;
    int32_t index;
    int32_t self; /* this broker's id */
    struct io *io;
    struct store *store; /* of the log; the replica manager's */
    struct log *log;
    struct log_observer observer;
    struct replica_core core;
    struct partition_traffic traffic;
    struct list commit_waiters; /* struct partition_append: durable here, not yet committed */
    struct list data_waiters;   /* struct partition_waiter */
};

/* The log must be open; the partition observes it from here on. */
void partition_init(struct partition *partition, struct uuid topic_id, int32_t index, int32_t self,
                    struct io *io, struct log *log);

/* Everybody who waits is let go: appends land with STATUS_CANCELLED, data waiters are woken. The
 * memory must stay until the log's own end has landed (store_delete_log, store_stop): appends that
 * are still with the disk land before that. */
void partition_deinit(struct partition *partition);

/* Becomes, or stays, leader with this epoch and these in-sync replicas. */
void partition_lead(struct partition *partition, int32_t leader_epoch, const int32_t *in_sync_ids,
                    uint32_t in_sync_count);

/* One batch of a producer. The fields of `append` are the log's (log.h) but `leader_epoch`, which
 * the partition fills in. Lands with STATUS_OK when the batch is durable and, with
 * `wait_committed`, below the high watermark; else with why not, as log_append. By then the
 * partition may have gone: what the answer needs of it stands in the append. */
struct partition_append {
    struct log_append append;
    bool wait_committed; /* acks=all */
    struct completion completion;
    int64_t log_start_offset; /* known when partition_append returns */
    struct partition *partition;
    struct list_node node;
};

/* This node leads: partition_lead was called. */
void partition_append(struct partition *partition, struct partition_append *append);

/* Waits no longer, for the disk or for the commit: lands with STATUS_TIMED_OUT, unless it has
 * landed or is about to. The batch stays in the log, and whoever sends it again as an idempotent
 * producer waits for this one. */
void partition_append_give_up(struct partition_append *append, struct io *io);

/* Somebody who wants to know when there may be more to read: `woken` is called once, when the high
 * watermark or the start of the log has moved, the leader's epoch is another, the log has failed or
 * the partition goes away, and the waiter waits no more. From within the call other waiters may be
 * taken off, of this partition or another. */
struct partition_waiter {
    struct list_node node;
    void (*woken)(struct partition_waiter *waiter);
};

/* The waiter waits nowhere. */
void partition_wait(struct partition *partition, struct partition_waiter *waiter);

/* Takes the waiter off; does nothing if it has been woken already. */
void partition_wait_end(struct partition_waiter *waiter);

static inline int64_t partition_high_watermark(const struct partition *partition)
{
    return partition->core.high_watermark;
}

/* It moves with the high watermark only, so whoever waits for that waits for this. */
static inline int64_t partition_last_stable_offset(const struct partition *partition)
{
    return log_last_stable_offset(partition->log);
}

#endif
