/* The metadata log on disk: entries appended in order and synced, snapshots that replace what lies
 * before them. The formats stand in cluster/metadata_format.h.
 *
 * Order of durability. The state file is synced before the first entry of its term is written. One
 * batch is written at a time, with its sync; what arrives meanwhile forms the next. A new log file
 * has its header synced and its folder synced before the first batch. A snapshot may only hold
 * entries that are stored; on a full disk it lands with STATUS_NO_SPACE, and nothing has changed;
 * the log files before it are removed after it is durable.
 *
 * Space is reserved ahead of what is written, so that a full disk is found out while there is still
 * room for a few hundred changes: the owner refuses then what does not give space back. What he has
 * given in spite of that waits until there is some.
 *
 * Any other error on a write or sync is final: everything waiting lands with it, nothing more is
 * written, and the owner must give up.
 *
 * Core 0. */
#ifndef TAILRACE_CLUSTER_METADATA_LOG_H
#define TAILRACE_CLUSTER_METADATA_LOG_H

#include "base/log.h"
#include "cluster/metadata_format.h"
#include "io/io.h"

struct metadata_log;

/* What lay on disk; everything lives in the arena given to metadata_log_open. */
struct metadata_loaded {
    bool is_new; /* nothing was there */
    struct metadata_state state;
    bool has_snapshot;
    struct metadata_snapshot snapshot;
    uint64_t first_index; /* of the entries that follow the snapshot */
    const struct metadata_entry *entries;
    uint32_t entry_count;
};

/* Entries on their way to disk. */
struct metadata_append {
    struct completion completion; /* 0 when all are durable, or the error that ended the log */
    struct list_node node;
    const struct metadata_entry *entries; /* the caller's, until it lands */
    uint32_t entry_count;
};

/* Blocking. Makes the directory if it is absent, reads what is there, cuts a torn tail, syncs what
 * is kept. STATUS_CORRUPT, with a line in the log, when what is there cannot be trusted;
 * STATUS_UNSUPPORTED when a newer release wrote it. `directory` must outlive the log. */
enum status metadata_log_open(struct io *io, const char *directory, uint64_t server_id,
                              struct logger *logger, struct arena *arena,
                              struct metadata_loaded *loaded, struct metadata_log **log);

/* Blocking, of a log that has no entry: makes the entry durable, the configuration of the quorum,
 * and before it its term, if there is none yet. */
enum status metadata_log_begin(struct metadata_log *log, const struct metadata_entry *entry);

/* The entries follow those given before. */
void metadata_log_append(struct metadata_log *log, struct metadata_append *append);

/* Everything up to here is durable. */
uint64_t metadata_log_stored_index(const struct metadata_log *log);

/* Bytes of entries since the last snapshot. */
uint64_t metadata_log_grown_bytes(const struct metadata_log *log);

/* There is no more space than what has been reserved. Asking has it tried again. */
bool metadata_log_is_short(struct metadata_log *log);

/* So much can be appended for certain, what waits not counted. */
uint64_t metadata_log_room_bytes(const struct metadata_log *log);

/* Writes a snapshot, then removes the log files and snapshots that it replaces; one at a time. On a
 * full disk, or without a file handle, it lands with STATUS_NO_SPACE, and nothing has changed. Its
 * index must be stored. The content is the caller's until `done` lands. */
void metadata_log_snapshot(struct metadata_log *log, const struct metadata_snapshot *snapshot,
                           struct completion *done);

/* Waits for what is under way, writes the clean mark, closes; `closed` lands. Nothing may be asked
 * of the log after this call. */
void metadata_log_close(struct metadata_log *log, struct completion *closed);

/* After it is closed, or when its world has ended. */
void metadata_log_destroy(struct metadata_log *log);

#endif
