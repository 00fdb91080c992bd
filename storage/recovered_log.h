/* One log during recovery: what its segments hold, what the journals add, and the writing of both
 * into the clean state. Blocking.
 *
 *   open      from its state
 *   scan      from the recovery point to the first frame that is not good: scanned_offset; what
 *             was found is written again and synced, for it may have been in the cache alone
 *   expect    each journal entry in turn: replayed_offset and mark_offset
 *   is_short  replayed_offset below mark_offset: something durable is missing, that is damage, and
 *             stepped over: what is good behind it stays, and what is not is remembered in the
 *             state
 *   cut       what lies behind the last good frame is a torn tail, and goes
 *   append    each journal entry again, into frames that gather in memory
 *   check     is that what was expected?
 *   write     to the segment, and synced
 *   finish    recovered_log_encode has the state then
 *
 * scan, cut and write are done for many logs at once (recovered_files.h). */
#ifndef TAILRACE_STORAGE_RECOVERED_LOG_H
#define TAILRACE_STORAGE_RECOVERED_LOG_H

#include "base/assert.h"
#include "base/log.h"
#include "base/map.h"
#include "storage/commit.h"
#include "storage/frame.h"
#include "storage/path.h"
#include "storage/state_file.h"
#include "storage/store_states.h"

/* What has been read of a log's files beforehand, together with those of others. */
struct scan_ahead {
    uint32_t segment_index; /* of the last one that the state lists */
    int32_t handle;         /* of its file; -1: there is none */
    uint64_t size_bytes;
    uint8_t *window; /* from the segment's recorded end on */
    uint32_t window_capacity;
    uint32_t window_size;
    uint8_t *taken; /* in the window: frames to be written again, at `taken_from` of the file */
    uint64_t taken_from;
    uint32_t taken_bytes;
    bool is_dirty; /* has been written to, or is about to be, and is to be synced */
    enum status list_status;
    struct io_entry *entries; /* of the directory */
    uint32_t entry_count;
};

struct recovered_log {
    struct map_node node; /* by topic id and partition */
    struct io *io;
    struct logger *logger;
    struct log_id id;
    uint32_t life; /* of which entries of the journals are its own (commit.h) */
    bool is_lost;  /* then that is not known */
    char topic_name[TOPIC_NAME_SIZE_MAX + 1];
    char directory[PATH_SIZE];
    int64_t now_ms; /* taken for the time of the batches that were found */

    struct state_segment *segments;
    uint32_t segment_count;
    struct epoch_core epochs;
    struct producer_core producers;
    struct damage_core damages;
    int64_t start_offset;
    int64_t recorded_offset; /* recovery point of the recorded state */
    int64_t cleaned_offset;
    int64_t scanned_offset;
    int64_t replayed_offset;
    int64_t mark_offset; /* below which everything was durable */
    uint64_t torn_bytes; /* behind the last good frame, and not zeros */
    bool has_excess;     /* the last segment's file is longer than its data */
    bool may_cross;      /* the files have nothing more: a gap below mark_offset is damage */
    bool begins_segment; /* the next frame goes into a file of its own */
    bool has_new_damage;
    bool is_rebuilt; /* while no state says which files belong to it */

    struct scan_ahead *ahead; /* during the scan; NULL otherwise */
    bool is_scanned;

    bool has_new_names; /* files, or directories above them, whose names may not be durable */

    uint8_t *buffer; /* sealed frames, and behind them the one that gathers; aligned */
    uint32_t buffer_capacity;
    uint32_t sealed_bytes;
    uint32_t payload_size;
    uint32_t batch_count;
    int64_t end_offset; /* with what has been appended */
    int64_t frame_base_offset;
    int64_t frame_max_timestamp_ms;
    int64_t frame_aborted_from; /* of its markers, as in the state of a segment */
    int32_t frame_leader_epoch;
};

/* Where recovery takes place. */
struct recovery_site {
    struct io *io;
    struct logger *logger;
    const char *store_directory;
    int64_t producer_expiration_ms;
};

/* From its state, not scanned yet. */
enum status recovered_log_open(const struct recovery_site *site, const struct store_state *state,
                               struct recovered_log **log);

/* The log of which nothing is known but that it has a directory: built anew from its segments, and
 * scanned by that. */
enum status recovered_log_open_lost(const struct recovery_site *site, const struct log_id *id,
                                    struct recovered_log **log);
void recovered_log_destroy(struct recovered_log *log);

/* With `log->ahead` set. */
enum status recovered_log_scan(struct recovered_log *log);

void recovered_log_expect(struct recovered_log *log, const struct commit_entry *entry,
                          struct bytes batch);

/* Something that was durable is missing. */
bool recovered_log_is_short(const struct recovered_log *log);

/* Passes over the next bad place; all journals are to be expected again after that. When
 * `may_cross` is set there is nothing more in the files. */
enum status recovered_log_step_over(struct recovered_log *log);

/* STATUS_BUSY: what has gathered must be written first, for the batch goes into another segment. */
enum status recovered_log_append(struct recovered_log *log, const struct commit_entry *entry,
                                 struct bytes batch);

/* Seals the frame that gathers, if there is one: all sealed bytes are then to be written where the
 * last segment ends. */
enum status recovered_log_seal(struct recovered_log *log);

/* The sealed frames have been written; gives their memory back. */
void recovered_log_written(struct recovered_log *log);

/* When all has been appended: is it what was expected? */
enum status recovered_log_check(struct recovered_log *log);

/* When all has been written: what was durable and is nowhere any more is damage. */
enum status recovered_log_finish(struct recovered_log *log);

static inline struct state_segment *recovered_log_last_segment(const struct recovered_log *log)
{
    assert(log->segment_count > 0);
    return &log->segments[log->segment_count - 1];
}

/* The state in which the log is then, in memory of its own; null without memory. */
struct bytes recovered_log_encode(const struct recovered_log *log);

/* --- Between recovered_log.c and recovered_scan.c --------------------------------------------- */

enum status recovered_log_rebuild(struct recovered_log *log);

/* The batches of a good frame become part of what is known. */
enum status recovered_log_take(struct recovered_log *log, struct bytes payload,
                               int64_t *aborted_from);

/* A segment behind the others; false without memory. */
bool recovered_log_add_segment(struct recovered_log *log, int64_t base_offset, uint32_t generation);

/* What lies between the log's end and `to` cannot be read. */
void recovered_log_note_damage(struct recovered_log *log, int64_t to, const char *path);

#endif
