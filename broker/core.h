/* One core's share of the server: its door, its partitions, its connections and what they need.
 * Nothing in here is touched by another core; work for another core goes by errand or mail. */
#ifndef TAILRACE_BROKER_CORE_H
#define TAILRACE_BROKER_CORE_H

#include "base/hash.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "broker/fetch_sessions.h"
#include "broker/intakes_kept.h"
#include "broker/producer_ids.h"
#include "cluster/config.h"
#include "cluster/image.h"
#include "consumer-groups/group_manager.h"
#include "io/chunk.h"
#include "protocol/apis.h"
#include "replication/replica_manager.h"
#include "storage/store.h"

struct broker;
struct roster;

/* A core's share of one of log.dirs. */
struct core_log_dir {
    struct store *store; /* NULL: it was not online at the start */
    struct store_observer observer;
    struct completion mail;   /* to core 0, when the store has failed */
    struct completion order;  /* from core 0, when the directory has failed elsewhere */
    struct completion closed; /* at the stop */
    struct broker *broker;
    struct broker_core *core;
};

/* Connections that have gone and of which core 0 does not know yet (gate.h). */
struct departures {
    struct completion mail; /* to core 0 and back */
    bool is_under_way;
    uint32_t count;
};

struct broker_core {
    const struct roster *roster;
    struct io *io;
    struct logger *logger;
    const struct config *config;
    struct core_log_dir log_dirs[CONFIG_LOG_DIRS_MAX]; /* in the order of log.dirs */
    struct replica_directory
        directories[CONFIG_LOG_DIRS_MAX]; /* those that were online at the start */
    uint32_t directory_count;
    struct replica_manager replicas;
    struct group_manager groups;
    bool is_open; /* the managers are there */

    struct metrics metrics;
    struct metric_histogram request_times[API_COUNT]; /* in the order of api_at */

    struct list connections;
    uint32_t connection_count;
    uint32_t connection_count_max; /* the gate lets no more in */
    struct departures departures;
    struct list starved_connections; /* wait for memory or a request to read on */
    struct pool request_pool;
    struct pool connection_pool;
    struct pool read_pool; /* struct fetch_read */
    struct chunk_pool input_chunks;
    struct chunk_pool input_reserve; /* for one frame that has begun when the others are used up */
    bool is_draining;                /* no new connections, no new requests */
    struct completion *drained;      /* lands when the last connection has gone */
    struct completion *settled;      /* lands when what was lent to other cores is back */
    struct completion *closed;       /* lands when all stores have stopped */
    uint32_t closing_count;          /* stores that have not */
    enum status closing_status;      /* the first error among them */

    size_t group_memory_bytes_max;
    struct hash_seed seed; /* of this core's tables that clients can fill */
    struct fetch_sessions fetch_sessions;
    struct producer_ids producer_ids;
    struct batch_intakes intakes;
    struct decompressor_spare decompressor_spare;
};

/* The image in force on this core; valid until the next turn unless retained. */
static inline struct image *core_image(const struct broker_core *core)
{
    return core->replicas.image;
}

/* Lands whoever waits for what was lent to other cores, reads and watchers, once all is back. */
static inline void core_check_settled(struct broker_core *core)
{
    bool has_ended = list_is_empty(&core->fetch_sessions.ending);
    if (core->settled == NULL || core->read_pool.in_use_count > 0 || !has_ended)
        return;
    io_land(core->io, core->settled, STATUS_OK);
    core->settled = NULL;
}

#endif
