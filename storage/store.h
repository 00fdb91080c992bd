/* One core's storage: its journal, and the logs whose home this core is.
 *
 * A life:
 *
 *   store_recover   once, before any store exists: turns whatever the last run left behind, after
 *                   a clean stop or a power cut, into a directory as a clean stop leaves it
 *   store_create    per core
 *   store_open_log, store_delete_log, and the calls of log.h
 *   store_stop      checkpoint everything; then store_destroy
 *
 * Because recovery ends in the clean state, the number of cores may change between two runs, and
 * opening a log is the same after a stop and after a crash. */
#ifndef TAILRACE_STORAGE_STORE_H
#define TAILRACE_STORAGE_STORE_H

#include "base/log.h"
#include "base/metrics.h"
#include "storage/log.h"

struct store;

/* Told from the loop, once, by the first write or sync error. Embedded in the owner. */
struct store_observer {
    void (*failed)(struct store_observer *observer, enum status status);
};

struct store_options {
    const char *directory;       /* log.dirs; must exist */
    uint64_t journal_file_bytes; /* 16 MiB; tests take less */
    uint32_t journal_file_count; /* ring of at least 2, at most; made as they are needed: 16 */
    uint32_t direct_size_bytes;  /* batches of at least this go straight to the segment: 32 KiB */
    uint32_t beside_size_bytes;  /* and so much is written while a log is being synced: 128 KiB */
    uint64_t recycle_bytes_min;  /* files that are smaller go without another use: 16 MiB */
    size_t memory_bytes_max;     /* tails, journal blocks, reads in flight, cache; per core */
    size_t cache_bytes_max;      /* of it: recent chunks kept for readers after their flush */
    int64_t producer_expiration_ms; /* producer.id.expiration.ms */
    uint32_t producers_max; /* remembered by all logs together (producer_core.h): 1,000,000 */
    bool cleaner_enable;    /* log.cleaner.enable */
    /* The newest offset of each key while a log is compacted; of memory_bytes_max. */
    size_t cleaner_dedupe_buffer_bytes;
    uint64_t cleaner_io_bytes_per_second_max; /* 0: no limit */
    int64_t cleaner_backoff_ms;               /* log.cleaner.backoff.ms */
    int64_t retention_check_ms;      /* log.retention.check.interval.ms; 0: only when asked */
    uint32_t open_files_max;         /* segments held open for writing, about: 256 */
    uint64_t free_bytes_min;         /* of the file system: appends are refused below it */
    uint64_t reserve_bytes;          /* held for a full disk (room.h) */
    struct store_observer *observer; /* NULL: nobody */
    struct metrics *metrics;         /* of the core; NULL: nobody counts */
    /* Simulator only, refused elsewhere: nothing is synced, to show that the tests notice. */
    bool unsafe_skip_sync;
};

void store_options_init(struct store_options *options);

struct store_recovery_report {
    uint32_t log_count;
    bool was_clean; /* the last run was stopped in order, or there was none */
    uint64_t journal_bytes_replayed;
    uint64_t bytes_truncated; /* torn tails, never acknowledged */
    uint32_t logs_truncated;
    uint32_t logs_damaged; /* something that was durable is missing: remembered as unreadable */
    bool catalog_was_damaged;
    bool journal_was_damaged;
};

/* What recovery knows about the logs; each store takes what it opens. */
struct store_states;

/* Blocking, on core 0's door before the loops run. What is damaged below what was durable does not
 * hold up the rest: the log says which records are lost, reads of them answer STATUS_CORRUPT, and
 * the partition goes on behind them. The states are the caller's, and shared by the stores of all
 * cores; NULL after an error. */
enum status store_recover(struct io *io, const struct store_options *options, struct logger *logger,
                          struct store_recovery_report *report, struct store_states **states);

/* When no store is left; NULL is nothing. */
void store_states_destroy(struct store_states *states);

/* Blocking, before the loop runs. */
enum status store_create(struct io *io, const struct store_options *options,
                         struct store_states *states, struct logger *logger, struct store **store);

/* Makes the log usable; a new one has been recorded when it lands. One that was deleted may be
 * opened again, empty, when it is gone; until then it is STATUS_BUSY. Always lands. The struct is
 * the caller's and free again after landing. */
struct store_open {
    struct completion completion; /* STATUS_OK, STATUS_CORRUPT, STATUS_IO, STATUS_NO_SPACE, ... */
    struct log_id id;
    struct log_config config;
    struct log *log; /* the answer */
};

void store_open_log(struct store *store, struct store_open *open);

/* Looks through all logs for what may be deleted by now, a few in each turn. */
void store_check_retention(struct store *store);

/* Ends the log; it is gone when this lands. Its files are removed in the background, after
 * file.delete.delay.ms. Appends, reads and lookups in flight land first, with
 * STATUS_CANCELLED where they can; `log` must not be used after this call. The topic's directory
 * goes with its last partition. STATUS_NO_SPACE: on a full disk it takes longer, and goes on by
 * itself. */
void store_delete_log(struct store *store, struct log *log, struct completion *completion);

/* A stop is coming: nothing is made ready any more that only later appends would need, so that the
 * disk is free for what the stop writes. Everything else goes on. */
void store_expect_stop(struct store *store);

/* Writes every tail to its segment, syncs, and leaves the directory clean. No new appends. Lands
 * when nothing of the store is in flight any more, with the first error if there was one. */
void store_stop(struct store *store, struct completion *completion);

/* After store_stop has landed; or at any time in the simulator, when the node has been killed. */
void store_destroy(struct store *store);

/* The disk is known to have failed, by another core's store: as if this one had seen it. Does
 * nothing if it has failed already. */
void store_fail(struct store *store, enum status status);

/* True from the first write or sync error on: nothing is acknowledged any more. */
bool store_has_failed(const struct store *store);

/* For those who watch it. */
struct store_facts {
    size_t memory_bytes; /* of it: */
    size_t cache_bytes;  /* recent records kept for readers */
    size_t cold_bytes;   /* older ones that were read from disk */
    bool has_failed;
    bool is_full;                 /* the disk: records are refused, reads go on */
    uint32_t dirty_percent_max;   /* of the logs that compaction looked at last */
    uint32_t producer_count;      /* remembered by the logs */
    uint64_t producers_forgotten; /* to make room for others, since the start */
};

void store_describe(const struct store *store, struct store_facts *facts);

struct chunk_pool *store_chunks(struct store *store);

#endif
