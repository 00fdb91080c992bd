/* The quorum: replicates the entries of the metadata log and says which are committed.
 *
 * Inside is libraft, driven only through raft_step(): events in, updates out. Disk is ours
 * (cluster/metadata_log.h); so will be the wire. In this release the quorum has one voter, which
 * elects itself at once; it takes the same path of propose, persist, commit as a larger one.
 *
 * Order of duties. What a step asks for is done in this order: term and vote are durable before
 * anything else happens; entries are given to the disk; commits are told when the disk has them.
 * A step or a disk that fails ends the quorum: it tells its owner once, and nothing more is
 * promised or written.
 *
 * Core 0. */
#ifndef TAILRACE_CLUSTER_QUORUM_H
#define TAILRACE_CLUSTER_QUORUM_H

#include "cluster/metadata_log.h"

struct quorum;

/* A deposed leader's tail of entries that nobody else has must stay short. */
enum { QUORUM_UNCOMMITTED_MAX = 256 };

enum quorum_role { QUORUM_FOLLOWER, QUORUM_CANDIDATE, QUORUM_LEADER };

struct quorum_handler {
    /* Everything up to this index is committed; called in order. */
    void (*committed)(struct quorum_handler *handler, uint64_t index);
    void (*role_changed)(struct quorum_handler *handler, enum quorum_role role);
    /* The log has grown: write framed records of everything up to the index that is answered, which
     * has been told as committed. 0: not now. */
    uint64_t (*snapshot)(struct quorum_handler *handler, struct writer *writer);
    /* The quorum is over. */
    void (*failed)(struct quorum_handler *handler, enum status status);
};

struct quorum_options {
    const char *directory; /* must outlive the quorum */
    int32_t node_id;
    uint64_t snapshot_bytes; /* growth of the log between snapshots */
};

/* What was on disk and is committed; in the arena given to quorum_create. */
struct quorum_recovered {
    bool has_snapshot;
    struct bytes records; /* of the snapshot */
    uint64_t snapshot_index;
    const struct metadata_entry *entries; /* the committed ones after it */
    uint32_t entry_count;
    uint64_t first_index; /* of those */
};

struct quorum_description {
    enum quorum_role role;
    uint64_t term;
    uint64_t commit_index;
    uint64_t stored_index;
    uint64_t last_index;
    uint64_t snapshot_index;
    int32_t leader_id; /* -1: none */
};

/* Blocking. Opens the log; a new directory gets its first term and the configuration of the quorum.
 * Errors as metadata_log_open. */
enum status quorum_create(struct io *io, const struct quorum_options *options,
                          struct logger *logger, struct arena *arena,
                          struct quorum_recovered *recovered, struct quorum **quorum);

/* From here on the handler is called, always from the core's loop and never inside a call. */
void quorum_start(struct quorum *quorum, struct quorum_handler *handler);

/* Proposes one entry, whose bytes are copied. Its index, which is told as committed later.
 * STATUS_BUSY: too many are uncommitted; STATUS_NO_SPACE: the disk is full, and what has been
 * reserved is not enough; STATUS_FAILED: the quorum is over or has stopped. */
enum status quorum_propose(struct quorum *quorum, struct bytes data, uint64_t *index);

/* Proposes an empty entry: when it is committed, everything before is, and this node still led. */
enum status quorum_barrier(struct quorum *quorum, uint64_t *index);

/* The disk is full, and what has been reserved must do: only what may give space back should be
 * proposed. Asking has it tried again. */
bool quorum_is_short_of_space(struct quorum *quorum);

/* What has been reserved. */
uint64_t quorum_room_bytes(const struct quorum *quorum);

struct quorum_description quorum_describe(const struct quorum *quorum);

/* No more calls of the handler after `stopped` has landed. */
void quorum_stop(struct quorum *quorum, struct completion *stopped);
void quorum_destroy(struct quorum *quorum);

#endif
