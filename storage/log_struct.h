/* The inside of a log, shared by the files named log_*.c. log.h is the contract.
 *
 * What a batch goes through:
 *
 *     log_append ──▶ open frame ──seal──▶ sealed ──flush──▶ written ──▶ evicted from memory
 *          └──▶ journal (small batches)                      └─sync─▶ synced
 *
 * and the offsets that follow:
 *
 *     journaled_offset   the end of the newest small batch whose commit has landed
 *     written_offset     everything below lies in segments
 *     synced_offset      everything below lies in segments and has been synced
 *     durable_offset     min(first direct frame that is not synced, max(journaled, synced))
 *
 * Commits land in order, so below the first unsynced direct frame a batch is small and journaled,
 * or synced: the minimum is a contiguous durable prefix, and no list of ranges is needed. */
#ifndef TAILRACE_STORAGE_LOG_STRUCT_H
#define TAILRACE_STORAGE_LOG_STRUCT_H

#include "protocol/batch.h"
#include "storage/catalog.h"
#include "storage/cold_block.h"
#include "storage/damage_core.h"
#include "storage/epoch_core.h"
#include "storage/frame.h"
#include "storage/journal.h"
#include "storage/log.h"
#include "storage/loose_core.h"
#include "storage/producer_core.h"
#include "storage/segment.h"

struct flush;
struct groundwork;
struct log_delete;
struct log_retire;
struct store;

enum memory_frame_state { FRAME_OPEN, FRAME_SEALED, FRAME_WRITTEN };

/* A frame in memory: the tail, or a recent one kept for readers. `chunk` holds it as stored. */
struct memory_frame {
    struct list_node node;        /* log->frames, by offset */
    struct list_node cache_node;  /* store->cache or unread_cache, once it may be evicted */
    struct list_node direct_node; /* log->directs, until synced */
    struct log *log;
    struct segment *segment;
    struct chunk *chunk;
    enum memory_frame_state state;
    bool is_direct;
    bool is_unread;    /* in the cache: nobody has read the log for a while */
    uint64_t position; /* in the segment, from sealing on */
    uint32_t payload_size;
    uint32_t batch_count;
    int64_t base_offset;
    int64_t next_offset;
    int64_t max_timestamp_ms;
    int32_t leader_epoch;
    uint64_t commit_sequence; /* of its oldest batch; UINT64_MAX for a direct one */

    /* Where the last reader began: no batch before this position holds the offset or a later one.
     */
    int64_t read_offset;
    uint32_t read_position; /* in the payload */
};

/* Where the frame, which has been sealed, ends in its segment. */
static inline uint64_t memory_frame_end(const struct memory_frame *frame)
{
    return frame->position + frame_stored_size(frame->payload_size);
}

/* The log's state as of `offset`, encoded when everything below had been sealed, to be recorded
 * when everything below is synced. */
struct snapshot {
    struct catalog_record record;
    struct log *log;
    int64_t offset;
    int64_t start_offset;
    uint64_t version; /* of the log when it was taken */
    bool is_put;      /* the catalog has it */
};

struct log {
    struct store *store;
    struct list_node node; /* store->logs */
    struct log_id id;
    uint32_t life; /* zero: there was such a log when this run began, and it is that (commit.h) */
    char *topic_name;
    char *directory;
    struct log_config config;
    struct log_observer *observer;

    int64_t start_offset;
    int64_t end_offset;
    int64_t high_watermark; /* as the partition has told it; retention goes no further */
    int64_t durable_offset;
    int64_t journaled_offset;
    int64_t written_offset;
    int64_t synced_offset;
    struct loose_core *loose; /* NULL: nothing was ever acknowledged before it was durable */

    int64_t cleaned_offset; /* compaction has gone through everything below */
    bool is_uncleanable;    /* and has found what it cannot read */
    int64_t opaque_offset;  /* of the first batch too large for it; INT64_MAX: none is known */

    struct segment **segments; /* by base offset; the last is active */
    uint32_t segment_count;
    uint32_t segment_capacity;
    uint64_t exchange_count; /* how often compaction has exchanged some of them */

    struct list frames;              /* memory_frame, by offset; some may have gone from between */
    struct list directs;             /* memory_frame; direct ones that are not synced */
    struct memory_frame *open;       /* takes small batches; NULL: none */
    uint32_t likely_payload_size;    /* of the next such frame, after those before it */
    struct memory_frame *unwritten;  /* the first sealed one; NULL: none */
    struct memory_frame *read_frame; /* the last that was found for a reader; NULL: it is gone */
    uint64_t read_until_ns;          /* so long somebody is taken for a reader of the log */
    struct epoch_core epochs;
    struct damage_core damages; /* what cannot be read; reads of it answer STATUS_CORRUPT */
    struct producer_core producers;

    /* Writing. */
    struct list_node flush_node;   /* store->awaited_queue, store->flush_queue */
    bool is_awaited;               /* which of the two */
    struct list_node linger_node;  /* store->lingering_logs, while sealed frames linger */
    struct list_node held_node;    /* store->held_logs */
    uint64_t lingering_bytes;      /* of those */
    int64_t due_offset;            /* what is sealed and begins here or later lingers */
    struct flush *flush;           /* NULL: none runs */
    int32_t write_handle;          /* of write_segment; -1: not open */
    bool has_directory;            /* with a durable name */
    struct segment *write_segment; /* retained; of no meaning without a handle once written */
    bool wants_sync;
    bool wants_close;
    struct groundwork *groundwork; /* ahead of what is written; NULL: none is under way */
    uint64_t direct_mark;          /* store->direct_bytes at the newest round; 0: none yet */
    uint32_t direct_between;       /* bytes from one round to the next (groundwork.c) */

    /* Recording. */
    struct catalog_place place;
    struct snapshot *snapshot;     /* NULL: none */
    struct list records;           /* log_record, by version */
    uint64_t version;              /* raised each time somebody wants the log recorded */
    uint64_t recorded_version;     /* of the newest state that is durable */
    int64_t recorded_start_offset; /* as others are shown it */
    int64_t recorded_offset;       /* its recovery point */
    uint64_t unrecorded_bytes;     /* sealed since the last snapshot */

    /* Checkpoints. */
    struct list_node dirty_node;     /* store->dirty, while dirty_sequence is set */
    uint64_t dirty_sequence;         /* oldest commit with batches that are not synced; 0: none */
    uint64_t written_dirty_sequence; /* the same for what was written since the last sync */
    struct list_node mark_node;      /* store->marks, while a mark is wanted */
    struct list_node mention_node;   /* store->mentioned, while mention_sequence is set */
    uint64_t mention_sequence;       /* newest commit that mentions the log; 0: none in any file
                                        that is not being released */
    int64_t write_limit;             /* what begins here or later is not written to the segments
                                        before that commit is durable; INT64_MAX: it is */
    uint64_t checkpoint_version;     /* to be recorded for the checkpoint that runs; 0: not in it */
    bool is_active;                  /* appended to since the last checkpoint */

    struct cold_blocks blocks; /* read back for readers that are behind */

    /* Waiting. */
    struct list appends; /* log_append, by last offset */
    struct list loads;   /* cold_load, under way */
    struct list lookups; /* lookup_op, under way */
    struct list index_loads;
    struct list aborted_ops; /* under way */
    uint32_t busy_count;     /* loads, lookups and the like under way */
    struct completion advance;
    bool advance_is_pending;
    struct log_delete *deletion; /* NULL: it lives */

    /* Retention. */
    struct log_retire *retire;     /* segments on their way out; NULL: none */
    bool wants_retention;          /* to be looked at when the flush has ended */
    uint32_t retention_round;      /* when it was looked at last */
    struct list_node unswept_node; /* store->unswept */
    bool is_swept;                 /* files of an earlier life are gone (leftovers.h) */

    struct journal_client journal_client;
};

static inline struct segment *log_active_segment(const struct log *log)
{
    return log->segment_count == 0 ? NULL : log->segments[log->segment_count - 1];
}

static inline struct frame_place log_frame_place(const struct log *log,
                                                 const struct segment *segment)
{
    return (struct frame_place){log->id.topic_id, log->id.partition, segment->base_offset,
                                segment->generation};
}

/* log_life.c */

/* An empty log without files; NULL without memory. */
struct log *log_create(struct store *store, const struct log_id *id,
                       const struct log_config *config);

/* Frees memory; nothing may be in flight on a live door. */
void log_destroy(struct log *log);

/* Recomputes durable_offset; lands what it lets go and tells the observer. From the loop. */
void log_advance(struct log *log);

/* The same with the next turn of the loop. */
void log_advance_soon(struct log *log);

/* Lands all waiting appends with `status`. */
void log_land_appends(struct log *log, enum status status);

/* The same, and tells the observer. */
void log_fail(struct log *log, enum status status);

/* What has been acknowledged and may be read: all that is durable, and more in a log that is
 * configured not to wait. */
int64_t log_visible_offset(const struct log *log);

/* The last segment whose base offset is at most `offset`, or NULL. */
struct segment *log_find_segment(const struct log *log, int64_t offset, uint32_t *index);

/* Where the segment, which is on the list, ends as far as it has been written. */
int64_t log_segment_end(const struct log *log, const struct segment *segment);

/* A new active segment that begins at `base_offset`; NULL without memory. */
struct segment *log_add_segment(struct log *log, int64_t base_offset, uint32_t generation);

/* For a segment that has been taken out of the list: gives up the list's reference and the blocks
 * that were read from it. Loads under way end by themselves: their readers look again. */
void log_retire_segment(struct log *log, struct segment *segment);

/* What lies in [from, to) cannot be read. True when some of it was not known: then it is worth a
 * line in the log. */
bool log_note_damage(struct log *log, int64_t from, int64_t to);

/* Does all that is in memory lie behind the offset? */
bool log_is_before_memory(const struct log *log, int64_t offset);

/* Takes a frame out of memory. */
void log_drop_frame(struct memory_frame *frame);

/* log_lookup.c: frees what was under way when the node was killed. */
void log_drop_lookups(struct log *log);

/* log_aborted.c: of a segment's aborted transactions. */

/* They are in use, or the segment has been closed: they may be dropped, the least recently used
 * first. */
void log_touch_aborted(struct log *log, struct segment *segment);

/* The segment has been retired. */
void log_forget_aborted(struct log *log, struct segment *segment);

/* Frees what was under way when the node was killed. */
void log_drop_aborted_ops(struct log *log);

/* log_append.c */

/* Ends the open frame, if there is one: it gets its place in the segment and will be written. */
void log_seal(struct log *log);

/* log_mention.c: the journal mentions every log that has more than its recorded state says, so that
 * recovery looks at no other. */

/* The commit with this sequence, which is the newest, mentions the log; the journal's client is the
 * log. */
void log_note_mention(struct log *log, uint64_t sequence);

/* Such a commit is durable: the segments may be written. */
void log_mention_landed(struct log *log);

/* May the segments be written with the frame, since the journal has mentioned the log? */
bool log_may_write(const struct log *log, const struct memory_frame *frame);

/* There is something to write, and nothing that may be written yet: the landing will ask again. */
bool log_waits_for_mention(const struct log *log);

/* Puts a mark, for which there is a reservation, that says how far the log is durable. */
void log_put_mark(struct log *log);

/* What comes from here on needs a new mention: those there are will go with their files. Everything
 * must have been sealed. */
void log_drop_mention(struct log *log);

/* The newest mention has not landed, and the ones before go: until it has, nothing is written
 * beyond what is there now, and that is about to be recorded. */
void log_doubt_mention(struct log *log);

/* log_record.c */
/* Has the segment taken appends for so long that the next one goes elsewhere? */
bool log_segment_is_too_old(const struct log *log, const struct segment *segment, int64_t now_ms);

/* Encodes the state as of everything sealed, unless one waits already. The open frame must have
 * been sealed. */
void log_take_snapshot(struct log *log);

/* Frees it; whoever has it does not land it any more. */
void log_drop_snapshot(struct log *log);

/* Does what can be done now for the recording of what is wanted: snapshot, flush, catalog. */
void log_pursue_record(struct log *log);

/* Wants the present state to be recorded; answers its version. */
uint64_t log_want_record(struct log *log);

/* Is a state wanted, or under way, that is not durable? */
bool log_wants_record(const struct log *log);

/* Lands when a state of the log is durable that is at least as new as this call: its start offset
 * and its list of segments among it. */
void log_record(struct log *log, struct log_record *record);

/* Lands all that wait for a record with `status`. */
void log_land_records(struct log *log, enum status status);

#endif
