/* What a leader knows about the replicas of one partition, and what follows from it: the high
 * watermark, and who speaks with which epoch. Pure: no I/O, no clock.
 *
 * The high watermark is the smallest durable log end among the in-sync replicas (KIP-101 and
 * KRaft's rules). What lies below it is committed: consumers may see it, acks=all is answered. */
#ifndef TAILRACE_REPLICATION_REPLICA_CORE_H
#define TAILRACE_REPLICATION_REPLICA_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLICA_CORE_IN_SYNC_MAX = 8 };

struct replica_core_member {
    int32_t broker_id;
    int64_t log_end_offset; /* durable at that replica */
};

struct replica_core {
    int32_t leader_epoch;
    uint32_t in_sync_count;
    int64_t high_watermark;
    struct replica_core_member in_sync[REPLICA_CORE_IN_SYNC_MAX];
};

/* What a request's epoch says about who sent it (KIP-320). */
enum replica_core_epoch {
    REPLICA_EPOCH_CURRENT,
    REPLICA_EPOCH_FENCED,  /* older than ours: the sender's metadata is stale */
    REPLICA_EPOCH_UNKNOWN, /* newer than ours: our metadata is stale */
};

/* Begins to lead: `self` holds everything below `log_end_offset` durably; other members are not
 * known to hold anything yet, so the high watermark stands at `high_watermark`, the last known. */
void replica_core_lead(struct replica_core *core, int32_t leader_epoch, const int32_t *in_sync_ids,
                       uint32_t in_sync_count, int32_t self, int64_t log_end_offset,
                       int64_t high_watermark);

/* A replica holds everything below `log_end_offset` durably. True when the high watermark moved. */
bool replica_core_log_end(struct replica_core *core, int32_t broker_id, int64_t log_end_offset);

/* `epoch` of -1 is a sender that does not know epochs; it is let through. */
enum replica_core_epoch replica_core_check_epoch(const struct replica_core *core, int32_t epoch);

#endif
