/* What a fetch and its legs share. A fetch (api/01_fetch.c) wants data of many partitions, each on
 * its home core; a leg (fetch_leg.h) does the part of one core: it reads there, or watches for more
 * to read. While a leg is away its partitions belong to it. */
#ifndef TAILRACE_BROKER_FETCH_H
#define TAILRACE_BROKER_FETCH_H

#include "broker/core.h"
#include "broker/fetch_session.h"
#include "replication/partition.h"

/* A read and where it must be given back: it comes from the pool of the partition's home core. */
struct fetch_partition;

struct fetch_read {
    struct log_read read;
    struct log_aborted aborted;     /* of what was read, for a reader of committed records */
    struct fetch_partition *wanted; /* until the leg that reads has gone home */
    uint32_t reread_count;          /* how often compaction has exchanged segments meanwhile */
    struct completion home_mail;
    struct broker_core *home;
};

struct fetch_partition {
    struct fetch_wish wish;
    struct uuid topic_id;          /* resolved; zero when there is no such topic */
    uint32_t core_index;           /* its home, where there is no error yet */
    uint64_t order;                /* in its session */
    struct fetch_watcher *watcher; /* of its session, good for the next leg's arrival; NULL: none */

    /* The answer. */
    int16_t error;
    int64_t high_watermark;
    int64_t last_stable_offset;
    int64_t start_offset;
    bool has_diverged; /* the consumer's last epoch ended before its offset (KIP-595) */
    int32_t diverging_epoch;
    int64_t diverging_end_offset;
    struct fetch_read *fetch_read; /* NULL: nothing to read */

    /* Nothing to read, and its watcher will tell when that changes: what the answer says of it
     * holds until then. */
    bool is_quiet;
    bool is_quiet_behind; /* so it is behind what was read */

    bool is_armed;                  /* the watcher was, before the leg looked at the partition */
    struct partition_waiter waiter; /* while its leg watches */
    bool is_watching;
    struct fetch_leg *leg;
    struct fetch_partition *next; /* of the leg */
};

/* Gives the read's memory back; `io` is the door of the calling core. */
void fetch_read_give_back(struct fetch_read *fetch_read, struct io *io);

#endif
