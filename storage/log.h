/* The log of one partition: an ordered run of record batches, kept exactly as they came.
 *
 * A log belongs to the core of its store; every call below is made there. Offsets:
 *
 *   start_offset      the first that may be read
 *   durable_offset    everything below is on disk: survives power loss, may be acknowledged; or
 *                     has been acknowledged before, in a log that is configured so (flush_messages)
 *   end_offset        the offset that the next record will get
 *
 * start <= durable <= end. The log rewrites a batch's base offset and leader epoch, which the
 * batch's own checksum leaves out, and nothing else. */
#ifndef TAILRACE_STORAGE_LOG_H
#define TAILRACE_STORAGE_LOG_H

#include "base/bytes.h"
#include "base/completion.h"
#include "io/chunk.h"
#include "io/io.h"
#include "storage/aborted_list.h"

#include <stdbool.h>
#include <stdint.h>

struct log;

/* Which partition. The name is for people and for the directory; the id tells apart a topic from
 * an earlier one of the same name. */
struct log_id {
    struct uuid topic_id;
    int32_t partition;
    struct bytes topic_name;
};

/* What the topic's configuration says to the log. May change while the log is open. */
struct log_config {
    uint64_t segment_bytes_max; /* segment.bytes */
    int64_t segment_ms_max;     /* segment.ms */
    int64_t segment_jitter_ms;  /* segment.jitter.ms */
    bool deletes;               /* cleanup.policy has delete */
    bool compacts;              /* cleanup.policy has compact */
    int64_t retention_ms;       /* retention.ms; -1: none */
    int64_t retention_bytes;    /* retention.bytes; -1: none */
    int64_t file_delete_delay_ms;
    int64_t delete_retention_ms; /* how long a tombstone stays once it is clean */
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    uint32_t min_cleanable_dirty_ppm; /* min.cleanable.dirty.ratio, in millionths */
    /* flush.messages, flush.ms: an acknowledgement precedes the disk only while fewer records than
     * this, none of them older than this, are not durable yet. Both INT64_MAX: it never does. */
    int64_t flush_messages;
    int64_t flush_ms;
};

/* Kafka's defaults; everything durable before it is acknowledged. */
void log_config_init(struct log_config *config);

/* Told on the log's core when durable_offset has moved; called from the loop, not from log_append.
 * Embedded in the owner, who finds himself by container_of. */
struct log_observer {
    void (*durable_moved)(struct log_observer *observer);
    void (*start_moved)(struct log_observer *observer); /* start_offset has; may be NULL */
    /* The log has failed for good (a write or sync error): nothing is accepted any more. */
    void (*failed)(struct log_observer *observer, enum status status);
};

/* --- Appending -------------------------------------------------------------------------------- */

/* One validated batch on its way into the log. Always lands. The order among appends of one log is
 * the order of the calls; the offsets are known when log_append returns, unless `refused` says
 * otherwise. */
struct log_append {
    struct completion completion; /* lands with STATUS_OK once durable, or with why not */

    /* Given by the caller; the bytes must stay until it has landed. */
    struct bytes batch;
    int32_t leader_epoch;
    int64_t now_ms; /* wall clock, for producer expiry and segment age */

    /* Known when log_append returns. */
    enum status refused; /* STATUS_OK: in the log, waiting for the disk. Otherwise nothing was
                            appended and it lands with this status:
                            STATUS_SEQUENCE_GAP, STATUS_STALE_EPOCH (producer epoch),
                            STATUS_FENCED (a marker's coordinator), STATUS_OPEN_TRANSACTION (a batch
                            outside of it),
                            STATUS_NO_MEMORY (try later), STATUS_NO_SPACE, STATUS_FAILED */
    bool is_duplicate;   /* one of the last five batches of this producer: the offsets are those of
                            the first time, and it lands when that one is durable */
    int64_t base_offset;
    int64_t last_offset;
    int64_t append_time_ms; /* of the first time for a duplicate */

    struct list_node waiting; /* the log's own */
};

void log_append(struct log *log, struct log_append *append);

/* Whoever waits for the append waits no longer: it lands with `status`, unless it has landed, or is
 * about to. The batch stays in the log. */
void log_append_give_up(struct log_append *append, struct io *io, enum status status);

/* --- Reading ---------------------------------------------------------------------------------- */

enum { LOG_READ_PIECES_MAX = 32 };

struct paged_file;

/* Whole batches from the one that contains `offset`, or else the next one behind it, up to but not
 * including the first batch that begins at or after `end_offset`. Always lands; then the pieces may
 * be sent, also from another core, until log_read_release. */
struct log_read {
    struct completion
        completion; /* STATUS_OK, STATUS_OUT_OF_RANGE (outside start..end),
                       STATUS_CORRUPT (damaged here), STATUS_IO, STATUS_NO_MEMORY (try later) */

    int64_t offset;
    int64_t end_offset;      /* the reader's limit: high watermark or last stable offset */
    uint32_t size_bytes_max; /* of all pieces */
    bool first_batch_anyway; /* the first batch comes even if it is larger than size_bytes_max */
    bool takes_files;        /* pieces may be given as ranges of a file, for io_sendfile */

    /* The answer: pieces in order, each held by a chunk, or without data: where it lies is the next
     * of `ranges`, in a file that is held. Empty when nothing lies in the range. */
    struct bytes pieces[LOG_READ_PIECES_MAX];
    struct chunk *chunks[LOG_READ_PIECES_MAX];
    struct io_file_range ranges[LOG_READ_PIECES_MAX];
    uint32_t range_count;
    struct paged_file *file; /* NULL: there are no ranges */
    uint64_t exchange_count; /* for struct log_aborted */
    uint32_t piece_count;
    uint32_t chunk_count;
    size_t size_bytes;
    int64_t next_offset; /* after the last batch in the answer; when that is empty, where to go on:
                            `offset`, or behind a gap that compaction has left, or, with
                            STATUS_CORRUPT, the first offset behind the damage */

    bool needs_memory; /* not all of a frame is wanted; this and the next two are the log's own */
    bool has_waited;   /* for the disk */
    struct list_node waiting;
};

void log_read(struct log *log, struct log_read *read);

/* Gives the chunks and the file back; on any core, with that core's door. When a killed node is
 * taken apart, also for a read that has not landed, before store_destroy. */
void log_read_release(struct log_read *read, struct io *io);

/* What was to be sent from the file could not be read there: whoever wants it next gets it verified
 * anew, or an error. Before the release, on any core. */
void log_read_doubt_file(struct log_read *read);

/* The first record whose timestamp is at or after `timestamp_ms`, among those below `end_offset`;
 * or, with `want_max`, the record with the greatest timestamp (the first of equals). A batch does
 * not lie across `end_offset`, as with high watermarks. Always lands; `found` false when there is
 * none. */
struct log_lookup {
    struct completion completion; /* STATUS_OK, STATUS_CORRUPT, STATUS_IO, STATUS_NO_MEMORY */
    int64_t timestamp_ms;
    int64_t end_offset;
    bool want_max;

    bool found;
    int64_t found_offset;
    int64_t found_timestamp_ms;
    int32_t found_leader_epoch;

    struct list_node waiting; /* the log's own */
};

void log_lookup(struct log *log, struct log_lookup *lookup);

/* The aborted transactions that have something in [from, to), in the order in which they began:
 * what they wrote is not for readers of committed records. Always lands. Some may begin before
 * `from`, or have lost records to retention or compaction. */
struct log_aborted {
    struct completion completion; /* STATUS_OK; STATUS_BUSY: compaction has exchanged segments since
                                     the read, or some of it has been deleted: it may show what
                                     nobody knows of any more; read again;
                                     STATUS_CORRUPT: what is damaged may have decided some of them;
                                     STATUS_IO, STATUS_NO_MEMORY, STATUS_CANCELLED */
    int64_t from;
    int64_t to;
    uint64_t exchange_count; /* of the read that this is about */

    struct aborted_list list; /* the answer, the caller's to deinit; empty unless STATUS_OK */
};

void log_aborted(struct log *log, struct log_aborted *wish);

/* False: there is nothing that log_aborted could say of what was read. */
bool log_may_have_aborted(const struct log *log, const struct log_read *read);

/* --- Deleting --------------------------------------------------------------------------------- */

/* Someone waits for the log's present state to be durable: retention that has moved the start
 * offset, compaction that has exchanged segments, before they remove files (log_struct.h). */
struct log_record {
    struct completion completion; /* STATUS_OK; STATUS_FAILED when the store has failed or stops,
                                     STATUS_NO_SPACE when it stops for that, STATUS_CANCELLED when
                                     the log goes away */
    struct list_node node;        /* the log's own */
    uint64_t version;             /* of the log when it was asked for */
};

/* Records are deleted up to an offset: from the call on none below it can be read, and once it has
 * landed none will ever be. Whole segments give their space back. Always lands. */
struct log_delete_records {
    struct completion completion; /* STATUS_OK; STATUS_OUT_OF_RANGE: above the high watermark;
                                     STATUS_DENIED: cleanup.policy is compact alone, which keeps
                                     the newest of each key; as struct log_record */
    int64_t offset;               /* the first to stay; -1: the high watermark */

    int64_t start_offset; /* the answer: the first that may be read, perhaps above `offset` */

    struct log *log; /* the log's own */
    struct log_record record;
};

void log_delete_records(struct log *log, struct log_delete_records *deletion);

/* How far records are committed. Nothing at or above it is deleted or compacted, so a log that is
 * never told keeps everything. It never moves back. */
void log_note_high_watermark(struct log *log, int64_t high_watermark);

/* --- Where it stands -------------------------------------------------------------------------- */

int64_t log_start_offset(const struct log *log);
int64_t log_durable_offset(const struct log *log);
int64_t log_end_offset(const struct log *log);

/* Where readers of committed records stop: the high watermark, or where the first transaction
 * begins whose marker is not below it. Never before the start. */
int64_t log_last_stable_offset(const struct log *log);

uint64_t log_size_bytes(const struct log *log);
bool log_has_failed(const struct log *log);

/* Leader epoch of the last batch; -1 in an empty log. */
int32_t log_last_epoch(const struct log *log);

/* Where an epoch ends (KIP-101, KIP-279): the largest epoch <= `epoch` that has batches in this log
 * and the offset after its last one. False when there is none. */
bool log_epoch_end(const struct log *log, int32_t epoch, int32_t *found_epoch, int64_t *end_offset);

/* The epoch of the batch at `offset`; -1 when the log has none there. */
int32_t log_epoch_at(const struct log *log, int64_t offset);

/* For those who watch it. */
struct log_facts {
    int64_t start_offset;
    int64_t end_offset;
    uint64_t size_bytes;
    uint32_t segment_count;
    uint32_t damage_count; /* ranges that cannot be read */
    bool is_loose;         /* acknowledged before it is synced, as flush.* say */
    bool is_uncleanable;   /* compaction cannot read it, and leaves it out */
    bool has_failed;
};

void log_describe(const struct log *log, struct log_facts *facts);

/* What is to be deleted under the new settings and was not under the old goes at once. */
void log_configure(struct log *log, const struct log_config *config);
void log_observe(struct log *log, struct log_observer *observer);

#endif
