/* The inside of the quorum; only the files quorum_*.c include this. */
#ifndef TAILRACE_CLUSTER_QUORUM_PARTS_H
#define TAILRACE_CLUSTER_QUORUM_PARTS_H

#include "cluster/quorum.h"

#include "base/assert.h"

#include <raft.h>

struct quorum {
    struct io *io;
    struct logger *logger;
    struct quorum_handler *handler;
    struct metadata_log *log;
    struct raft raft;
    struct raft_configuration configuration; /* committed; our own copy */
    uint64_t configuration_index;
    uint64_t snapshot_bytes;
    uint64_t snapshot_index;
    uint64_t last_index;
    uint64_t commit_index; /* as of the last step */
    uint64_t told_index;   /* commits told to the handler */
    uint64_t term;
    enum quorum_role role;
    enum status failed;
    bool is_stopping;
    struct list proposals; /* uncommitted, in order of index */
    uint32_t proposal_count;
    struct timer timer;
    struct completion telling; /* tells the handler at the next turn */
    bool is_telling;
    bool failure_is_told;
    bool role_is_told;
    struct arena snapshot_arena;
    struct metadata_snapshot snapshot;
    struct completion snapshot_done;
    bool is_saving_snapshot;
};

static inline raft_id quorum_server_id(int32_t node_id)
{
    assert(node_id < INT32_MAX);
    assert(node_id >= 0);
    return (raft_id)node_id + 1; /* 0 is no id for the library */
}

/* Hands one event to the library and does what it asks for, but for entries, which the caller who
 * submitted them has. `what` is for the log. False: the quorum is over. */
bool quorum_step(struct quorum *quorum, struct raft_event *event, const char *what);

/* `to` is initialized here, and closed by the caller. False: no memory, and nothing to close. */
bool quorum_copy_configuration(const struct raft_configuration *from,
                               struct raft_configuration *to);

/* Blocking. Reads the log, makes its first entry if it is new, and starts the library on what was
 * there. After an error the quorum is good for destroying only. */
enum status quorum_load(struct quorum *quorum, const struct quorum_options *options,
                        struct arena *arena, struct metadata_loaded *loaded);

#endif
