/* The partitions of one core: opens the logs that an image gives to this node and core, ends those
 * that it takes away, and finds a partition for whoever has work for it.
 *
 * Every partition has one home core, a function of its topic id, its index and the number of cores;
 * nothing about it is kept on disk, so that number may change between two runs. */
#ifndef TAILRACE_REPLICATION_REPLICA_MANAGER_H
#define TAILRACE_REPLICATION_REPLICA_MANAGER_H

#include "base/hash.h"
#include "base/map.h"
#include "cluster/image.h"
#include "io/io.h"
#include "replication/partition.h"
#include "storage/store.h"

/* One of the node's data directories, as far as this core has to do with it. */
struct replica_directory {
    struct uuid id;
    struct store *store;
};

struct replica_manager_options {
    struct io *io;
    const struct replica_directory *directories; /* that were online at the start; they outlive the
                                                    manager */
    uint32_t directory_count;
    const struct config *config;
    struct logger *logger;
    int32_t node_id;
};

struct replica_manager {
    struct replica_manager_options options;
    struct map partitions;
    struct hash_seed seed;
    struct image *image; /* the one in force on this core; NULL before the first */
    struct image *next;  /* being adopted, or NULL: what it leaves out is ending already */
    bool has_misses;     /* a log of the image could not be opened for what is short */
};

void replica_manager_init(struct replica_manager *manager,
                          const struct replica_manager_options *options);

/* Every partition ends, and the image is released. The stores must have stopped, or the node is
 * gone. */
void replica_manager_deinit(struct replica_manager *manager);

/* Makes `next` the image in force: ends partitions that are not in it, opens new ones, and takes
 * over leaders and settings. Lands when requests can be served by the new image. One at a time.
 * A log that cannot be opened is reported and left out: its partition answers with a storage error
 * and the rest of the node serves. STATUS_BUSY when that was for lack of space, files or memory:
 * the same image, or the next, tries again. */
void replica_manager_apply(struct replica_manager *manager, struct image *next,
                           struct completion *adopted);

/* NULL when this core does not have it. */
struct partition *replica_manager_find(const struct replica_manager *manager, struct uuid topic_id,
                                       int32_t index);

/* Everybody who waits at a partition is let go; before the stores stop. */
void replica_manager_release_waiters(struct replica_manager *manager);

/* Below `core_count`, and the same for equal arguments in every run and on every node. */
uint32_t partition_home_core(struct uuid topic_id, int32_t index, uint32_t core_count);

#endif
