#include "broker/core_life.h"

#include "base/assert.h"
#include "broker/connection.h"
#include "broker/fetch.h"
#include "broker/limits.h"
#include "broker/producer_id_wish.h"
#include "broker/request.h"

/* Half of a core's memory is the storage's, a quarter is for what clients send, a quarter for their
 * groups: by default a million offsets in ten thousand groups. */
enum { INPUT_SHARE = 4, GROUP_SHARE = 4 };

/* Beside these, what fetch sessions may take, which few consumers need much of: an eighth, and
 * enough for ten thousand partitions in any case. */
enum { SESSION_SHARE = 8, SESSION_BYTES_LEAST = 4 * 1024 * 1024 };

static void sessions_have_ended(struct fetch_sessions *sessions)
{
    core_check_settled(container_of(sessions, struct broker_core, fetch_sessions));
}

void broker_core_init(struct broker_core *core, const struct roster *roster, struct io *io,
                      const struct config *config, size_t memory_bytes)
{
    assert(roster != NULL);
    assert(config != NULL);
    assert(memory_bytes > 0);
    *core = (struct broker_core){
        .roster = roster,
        .io = io,
        .logger = io_logger(io),
        .config = config,
    };
    list_init(&core->connections);
    core->connection_count_max = LIMIT_CONNECTIONS_PER_CORE;
    list_init(&core->starved_connections);
    pool_init(&core->request_pool, sizeof(struct request) + LIMIT_REQUEST_MEMORY_BYTES,
              LIMIT_REQUESTS_PER_CORE);
    pool_init(&core->connection_pool, sizeof(struct connection), LIMIT_CONNECTIONS_PER_CORE);
    pool_init(&core->read_pool, sizeof(struct fetch_read), LIMIT_READS_PER_CORE);
    chunk_pool_init(&core->input_chunks, io, memory_bytes / INPUT_SHARE);
    chunk_pool_init(&core->input_reserve, io, CHUNK_SIZE_MAX);
    core->group_memory_bytes_max = memory_bytes / GROUP_SHARE;
    core->seed = (struct hash_seed){{io_random_u64(io), io_random_u64(io)}};
    int64_t sessions_max = config_i64(config, CONFIG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS);
    size_t session_bytes = memory_bytes / SESSION_SHARE;
    if (session_bytes < SESSION_BYTES_LEAST)
        session_bytes = SESSION_BYTES_LEAST;
    fetch_sessions_init(&core->fetch_sessions, core->seed, io_core_count(io),
                        (uint32_t)sessions_max, session_bytes);
    core->fetch_sessions.ended = sessions_have_ended;
    producer_ids_init(&core->producer_ids);
}

void broker_core_open(struct broker_core *core, int32_t node_id)
{
    assert(!core->is_open);
    struct replica_manager_options replica_options = {
        .io = core->io,
        .directories = core->directories,
        .directory_count = core->directory_count,
        .config = core->config,
        .logger = core->logger,
        .node_id = node_id,
    };
    const struct group_manager_options group_options = {
        .io = core->io,
        .logger = core->logger,
        .config = core->config,
        .replicas = &core->replicas,
        .memory_bytes_max = core->group_memory_bytes_max,
    };
    replica_manager_init(&core->replicas, &replica_options);
    group_manager_init(&core->groups, &group_options);
    core->is_open = true;
}

void broker_core_drain(struct broker_core *core, struct completion *drained)
{
    assert(drained != NULL);
    assert(!core->is_draining);
    struct connection *connection;
    core->is_draining = true;
    list_for_each_entry (connection, &core->connections, node)
        connection_drain(connection);
    if (core->connection_count == 0)
        io_land(core->io, drained, STATUS_OK);
    else
        core->drained = drained;
}

void broker_core_end_connections(struct broker_core *core)
{
    struct connection *connection;
    list_for_each_entry (connection, &core->connections, node)
        connection_end(connection, "the broker is stopping", false);
}

void broker_core_settle(struct broker_core *core, struct completion *settled)
{
    assert(core->connection_count == 0);
    assert(settled != NULL);
    assert(core->settled == NULL);
    fetch_sessions_end_all(&core->fetch_sessions);
    core->settled = settled;
    core_check_settled(core);
}

void broker_core_deinit(struct broker_core *core)
{
    assert(core->connection_count == 0);
    if (core->is_open) {
        group_manager_deinit(&core->groups);
        replica_manager_deinit(&core->replicas);
    }
    for (uint32_t i = 0; i < core->directory_count; i++)
        store_destroy(core->directories[i].store);
    fetch_sessions_deinit(&core->fetch_sessions);
    decompressor_spare_deinit(&core->decompressor_spare);
    pool_deinit(&core->read_pool);
    pool_deinit(&core->connection_pool);
    pool_deinit(&core->request_pool);
    chunk_pool_deinit(&core->input_reserve);
    chunk_pool_deinit(&core->input_chunks);
}
