/* One log during recovery: what its segments hold, what the journals add, and the writing of both
 * into the clean state. Blocking.
 *
 *   scan      from the recovery point to the first frame that is not good: scanned_offset; what
 *             was found is written again and synced, for it may have been in the cache alone
 *   expect    each journal entry in turn: replayed_offset and mark_offset
 *   judge     replayed_offset below mark_offset: something durable is missing, that is damage
 *   cut       what lies behind the last good frame is a torn tail, and goes
 *   append    each journal entry again, now into the segment
 *   finish    write and sync; recovered_log_encode has the state then */
#ifndef TAILRACE_STORAGE_RECOVERED_LOG_H
#define TAILRACE_STORAGE_RECOVERED_LOG_H

#include "base/log.h"
#include "base/map.h"
#include "storage/commit.h"
#include "storage/frame.h"
#include "storage/path.h"
#include "storage/state_file.h"
#include "storage/store_states.h"

struct recovered_log {
    struct map_node node; /* by topic id and partition */
    struct io *io;
    struct logger *logger;
    struct log_id id;
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

    int32_t handle;  /* of the last segment, for writing; -1: not open */
    uint8_t *buffer; /* the frame that gathers, aligned */
    uint32_t buffer_capacity;
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

/* Scans from the state on. STATUS_CORRUPT, with a line in the log, when its own files contradict
 * each other. */
enum status recovered_log_open(const struct recovery_site *site, const struct store_state *state,
                               struct recovered_log **log);
void recovered_log_destroy(struct recovered_log *log);

void recovered_log_expect(struct recovered_log *log, const struct commit_entry *entry,
                          struct bytes batch);
enum status recovered_log_judge(const struct recovered_log *log);
enum status recovered_log_cut(struct recovered_log *log);
enum status recovered_log_append(struct recovered_log *log, const struct commit_entry *entry,
                                 struct bytes batch);

/* Writes the frame that gathers, if there is one, and gives its memory back. */
enum status recovered_log_write(struct recovered_log *log);
enum status recovered_log_finish(struct recovered_log *log);

/* The state in which the log is then, in memory of its own; null without memory. */
struct bytes recovered_log_encode(const struct recovered_log *log);

#endif
