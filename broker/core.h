/* One core's share of the server: its door, its partitions, its connections and what they need.
 * Nothing in here is touched by another core; work for another core goes by errand or mail. */
#ifndef TAILRACE_BROKER_CORE_H
#define TAILRACE_BROKER_CORE_H

#include "base/pool.h"
#include "broker/fetch_session.h"
#include "broker/producer_ids.h"
#include "cluster/config.h"
#include "cluster/image.h"
#include "io/chunk.h"
#include "replication/replica_manager.h"
#include "storage/store.h"

struct broker;

struct broker_core {
    struct broker *broker;
    struct io *io;
    struct logger *logger;
    const struct config *config;
    struct store *store;
    struct replica_manager replicas;

    struct list connections;
    uint32_t connection_count;
    struct list starved_connections; /* wait for memory or a request to read on */
    struct pool request_pool;
    struct pool connection_pool;
    struct pool read_pool; /* struct fetch_read */
    struct chunk_pool input_chunks;
    struct chunk_pool input_reserve; /* for one frame that has begun when the others are used up */
    bool is_draining;                /* no new connections, no new requests */
    struct completion *drained;      /* lands when the last connection has gone */
    struct completion *settled;      /* lands when all reads lent to other cores are back */

    struct fetch_sessions fetch_sessions;
    struct producer_ids producer_ids;
};

/* Everything but the storage, which is opened on the core itself. `memory_bytes`: of this core. */
void broker_core_init(struct broker_core *core, struct broker *broker, struct io *io,
                      const struct config *config, size_t memory_bytes);

/* Blocking, on the core, while nothing else is in flight there. */
enum status broker_core_open(struct broker_core *core, const struct store_options *options,
                             int32_t node_id);

/* No new connections; those that are there collect their answers and end. */
void broker_core_drain(struct broker_core *core, struct completion *drained);

/* Ends those that take too long over it. */
void broker_core_end_connections(struct broker_core *core);

/* After all cores have drained: lands when nothing of this core is lent to another. */
void broker_core_settle(struct broker_core *core, struct completion *settled);
void broker_core_check_settled(struct broker_core *core);

/* The store must have stopped. */
void broker_core_deinit(struct broker_core *core);

/* The image in force on this core; valid until the next turn unless retained. */
static inline struct image *core_image(const struct broker_core *core)
{
    return core->replicas.image;
}

#endif
