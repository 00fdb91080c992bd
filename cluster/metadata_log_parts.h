/* The inside of the metadata log; only the files metadata_log*.c include this. */
#ifndef TAILRACE_CLUSTER_METADATA_LOG_PARTS_H
#define TAILRACE_CLUSTER_METADATA_LOG_PARTS_H

#include "cluster/file_save.h"
#include "cluster/metadata_log.h"

enum { METADATA_NAME_MAX = 64 };

/* Reserved ahead of what is written. */
enum { METADATA_HEADROOM_BYTES = 2 * 1024 * 1024 };

/* A log file that is there. */
struct metadata_file {
    uint64_t first_index;
    uint64_t last_index; /* first_index - 1: empty */
};

/* Makes the next log file. The one before is left when the new one is there with its space: on a
 * full disk it goes on.
 *
 *   CREATE ──▶ SPACE ──▶ HEADER ──▶ FOLDER ──▶ LEAVE ──▶ DONE
 *     │          └ none ──▶ CLOSE ──▶ REMOVE ────────────▲
 *     └ no handle ───────────────────────────────────────┘
 */
struct metadata_roll {
    struct op op;
    struct io_request request;
    char path[FILE_PATH_MAX];
    uint8_t *block;
    int32_t handle; /* of the new file */
    uint64_t file_id;
    uint64_t allocated_bytes;
    bool is_full; /* there was no space, or no handle: nothing has changed */
};

struct metadata_log {
    struct io *io;
    struct logger *logger;
    const char *directory;
    struct metadata_state state;
    uint64_t stored_index;
    uint64_t next_index; /* of the next entry given to append */
    uint64_t snapshot_index;
    uint64_t grown_bytes;
    enum status failed; /* STATUS_OK, or the error that ended the log */

    struct metadata_file *files; /* in order; the last one is being written unless wants_new_file */
    uint32_t file_count;
    uint32_t file_capacity;
    int32_t handle; /* of the last file; -1: none is open */
    uint64_t file_id;
    uint64_t write_offset;
    uint64_t allocated_end; /* space is reserved up to here */
    uint64_t growing_bytes; /* of the reservation in flight */
    bool has_asked_room;    /* before this batch */
    bool is_short;          /* there was none */
    bool wants_new_file;
    struct timer patience; /* until it is tried again */

    struct op append_op;
    bool is_appending;
    struct list queue;   /* of metadata_append: waiting for the next batch */
    struct list writing; /* in the batch under way */
    struct io_request append_request;
    struct completion rolled;
    struct metadata_roll roll;
    uint8_t *batch;
    uint32_t batch_size;
    uint32_t batch_entry_count;

    struct op snapshot_op;
    bool is_saving_snapshot;
    struct file_save snapshot_save;
    struct completion snapshot_saved;
    struct completion *snapshot_done;
    uint8_t *snapshot_bytes;
    uint64_t saving_index;
    struct io_request remove_request;
    char remove_path[FILE_PATH_MAX];

    struct op close_op;
    struct completion *closed;
    struct file_save state_save;
    struct completion state_saved;
    struct io_request close_request;
    uint8_t state_bytes[METADATA_STATE_SIZE];
};

void metadata_log_name(char name[static METADATA_NAME_MAX], uint64_t first_index);
void metadata_snapshot_name(char name[static METADATA_NAME_MAX], uint64_t index);

/* Adds an empty file at the end of the list. */
void metadata_log_add_file(struct metadata_log *log, uint64_t first_index);

/* The log is over: says so once, and remembers why. */
void metadata_log_fail(struct metadata_log *log, const char *what, int32_t error);

/* What the next batch takes from the queue. */
uint64_t metadata_log_next_batch_size(const struct metadata_log *log);

/* No space or no handle: that passes. */
bool metadata_log_is_lack(int32_t error);

/* Lands log->rolled; with 0 also if there was no space (roll.is_full). */
void metadata_log_roll_start(struct metadata_log *log);

/* Of the timer: what found no space is tried again. */
void metadata_log_patience_is_over(struct timer *timer);

/* Goes on with closing if nothing else is under way. */
void metadata_log_close_when_idle(struct metadata_log *log);

#endif
