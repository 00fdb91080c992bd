/* Making a broker and taking it apart (broker.h). */
#include "base/assert.h"
#include "broker/broker_parts.h"
#include "broker/core_life.h"
#include "broker/limits.h"
#include "broker/log_dirs_life.h"
#include "broker/log_dirs_open.h"

#include <stdlib.h>

const char *broker_listener_name(const struct broker *broker, uint32_t listener_index)
{
    return roster_listener_name(&broker->roster, listener_index);
}

uint16_t broker_listener_port(const struct broker *broker, uint32_t listener_index)
{
    assert(listener_index < broker->roster.listener_count);
    return broker->acceptors[listener_index].address.port;
}

/* --- Creating --------------------------------------------------------------------------------- */

static void describe_endpoint(struct broker *broker, uint32_t index)
{
    const struct config_listener *listener = &broker->roster.listeners[index];
    uint16_t port = listener->advertised_port != 0 ? listener->advertised_port
                                                   : broker_listener_port(broker, index);
    const char *host = listener->advertised_host[0] != '\0' ? listener->advertised_host
                                                            : broker->options.host_name;
    broker->endpoints[index] = (struct image_endpoint){
        .listener = bytes_of_text(listener->name),
        .host = bytes_of_text(host),
        .port = port,
        .security_protocol = listener->security_protocol,
    };
}

static enum status bind_listeners(struct broker *broker)
{
    uint32_t count = config_listeners(broker->options.config, broker->roster.listeners);
    for (uint32_t i = 0; i < count; i++) {
        const struct config_listener *listener = &broker->roster.listeners[i];
        enum status status =
            acceptor_bind(&broker->acceptors[i], &broker->roster, broker->options.doors[0], i,
                          listener->host, listener->port);
        if (status != STATUS_OK) {
            log_error(broker->options.logger,
                      "cannot listen; is another broker running, or the address wrong?",
                      field_text("listener", listener->name), field_text("host", listener->host),
                      field_i64("port", listener->port), field_status("status", status));
            return status;
        }
        broker->roster.listener_count++;
        describe_endpoint(broker, i);
    }
    return STATUS_OK;
}

static void metadata_is_lost(struct completion *completion, int32_t result)
{
    struct broker *broker = container_of(completion, struct broker, metadata_lost);
    log_error(broker->options.logger,
              "the metadata cannot be written any more, and there is no broker without it",
              field_text("directory", broker->cluster_directory),
              field_status("error", (enum status)result));
    broker_halt(broker, (enum status)result);
}

/* Those that are online so far; the controller keeps no pointer to the list. */
static uint32_t list_log_dirs(const struct log_dirs *dirs,
                              struct image_log_dir online[static CONFIG_LOG_DIRS_MAX])
{
    assert(dirs->count <= CONFIG_LOG_DIRS_MAX);
    uint32_t count = 0;
    for (uint32_t i = 0; i < dirs->count; i++)
        if (dirs->dirs[i].failure == STATUS_OK)
            online[count++] = (struct image_log_dir){.id = dirs->dirs[i].id,
                                                     .path = bytes_of_text(dirs->dirs[i].path)};
    return count;
}

static enum status load_metadata(struct broker *broker)
{
    assert(broker->roster.controller == NULL);
    const char *rack = config_text(broker->options.config, CONFIG_BROKER_RACK);
    struct image_log_dir log_dirs[CONFIG_LOG_DIRS_MAX];
    completion_init(&broker->metadata_lost, metadata_is_lost);
    struct controller_options options = {
        .directory = broker->cluster_directory,
        .config = broker->options.config,
        .node_id = broker->roster.node_id,
        .endpoints = broker->endpoints,
        .endpoint_count = broker->roster.listener_count,
        .log_dirs = log_dirs,
        .log_dir_count = list_log_dirs(&broker->log_dirs, log_dirs),
        .free_bytes_min = broker->store_options.free_bytes_min,
        .rack = rack == NULL ? (struct bytes){0} : bytes_of_text(rack),
        .cluster_id = broker->log_dirs.cluster_id,
        .lost = &broker->metadata_lost,
    };
    enum status status = controller_create(broker->options.doors[0], &options,
                                           broker->options.logger, &broker->roster.controller);
    if (status != STATUS_OK)
        log_error(broker->options.logger, "no start: the metadata cannot be loaded",
                  field_text("directory", broker->cluster_directory),
                  field_status("error", status));
    return status;
}

/* Handles are dealt out before there are too few of them: a quarter is for clients, an eighth for
 * segments that stay open, which spares a thousand busy partitions opening and closing for each
 * write; the rest is for those that are open for a moment, journals, and the broker itself. So a
 * crowd of clients waits before storage is short of handles. */
static void share_open_files(struct broker *broker)
{
    enum { CLIENT_SHARE = 4, SEGMENT_SHARE = 8, SEGMENTS_MAX = 4096, PLENTY = 16 * 1024 };
    uint64_t limit = broker->options.open_files_max;
    uint32_t cores = broker->options.core_count;
    uint64_t segments = limit / SEGMENT_SHARE / cores / broker->log_dirs.count;
    uint64_t connections = limit / CLIENT_SHARE / cores;
    if (limit == 0)
        return;
    broker->store_options.open_files_max =
        segments < SEGMENTS_MAX ? (uint32_t)segments + 1 : SEGMENTS_MAX;
    for (uint32_t i = 0; i < cores && connections < LIMIT_CONNECTIONS_PER_CORE; i++)
        broker->roster.cores[i].connection_count_max = (uint32_t)connections + 1;
    if (limit < PLENTY)
        log_warn(broker->options.logger,
                 "few open files are allowed: clients beyond their share wait to be let in",
                 field_u64("limit", limit), field_u64("connections_per_core", connections + 1));
}

/* What all cores may do together is shared out evenly. */
static void choose_cleaner_options(struct broker *broker)
{
    const struct config *config = broker->options.config;
    struct store_options *options = &broker->store_options;
    uint32_t core_count = broker->options.core_count;
    uint64_t buffer_bytes = (uint64_t)config_i64(config, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE);
    double bytes_per_second =
        strtod(config_text(config, CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND), NULL) / core_count;
    options->cleaner_enable = config_bool(config, CONFIG_LOG_CLEANER_ENABLE);
    options->cleaner_backoff_ms = config_i64(config, CONFIG_LOG_CLEANER_BACKOFF_MS);
    options->cleaner_dedupe_buffer_bytes = options->memory_bytes_max / 4;
    if (options->cleaner_dedupe_buffer_bytes > buffer_bytes / core_count)
        options->cleaner_dedupe_buffer_bytes = buffer_bytes / core_count;
    options->cleaner_io_bytes_per_second_max =
        bytes_per_second >= (double)INT64_MAX ? 0 : (uint64_t)bytes_per_second + 1;
}

/* Rounded up, so that everybody gets something. */
static uint32_t share_of(int64_t whole, uint32_t count)
{
    assert(whole > 0);
    assert(count > 0);
    return (uint32_t)((whole + count - 1) / count);
}

static void choose_store_options(struct broker *broker, size_t core_memory_bytes)
{
    const struct config *config = broker->options.config;
    store_options_init(&broker->store_options);
    broker->store_options.memory_bytes_max = core_memory_bytes / 2;
    broker->store_options.cache_bytes_max = core_memory_bytes / 4;
    if (broker->options.journal_file_bytes != 0)
        broker->store_options.journal_file_bytes = broker->options.journal_file_bytes;
    if (broker->options.recycle_bytes_min != 0)
        broker->store_options.recycle_bytes_min = broker->options.recycle_bytes_min;
    broker->store_options.unsafe_skip_sync = broker->options.unsafe_skip_sync;
    broker->store_options.producer_expiration_ms =
        config_i64(config, CONFIG_PRODUCER_ID_EXPIRATION_MS);
    uint32_t producers =
        share_of(config_i64(config, CONFIG_TAILRACE_PRODUCER_IDS_MAX), broker->options.core_count);
    broker->store_options.producers_max =
        producers < LIMIT_PRODUCERS_PER_CORE ? producers : LIMIT_PRODUCERS_PER_CORE;
    broker->store_options.retention_check_ms =
        config_i64(config, CONFIG_LOG_RETENTION_CHECK_INTERVAL_MS);
    choose_cleaner_options(broker);
}

enum status broker_create(const struct broker_options *options, struct broker **created)
{
    assert(options->core_count > 0);
    struct broker *broker = calloc(1, sizeof *broker);
    assert(broker != NULL);
    broker->options = *options;
    broker->roster.node_id = (int32_t)config_i64(options->config, CONFIG_NODE_ID);
    broker->roster.cores = calloc(options->core_count, sizeof *broker->roster.cores);
    assert(broker->roster.cores != NULL);
    broker->roster.core_count = options->core_count;
    broker->roster.log_dirs = &broker->log_dirs;
    broker->roster.gate = &broker->gate;
    gate_init(&broker->gate, &broker->roster);
    size_t core_memory_bytes = options->memory_bytes / options->core_count;
    for (uint32_t i = 0; i < options->core_count; i++)
        broker_core_init(&broker->roster.cores[i], &broker->roster, options->doors[i],
                         options->config, core_memory_bytes);
    publisher_init(&broker->publisher, &broker->roster);
    admin_init(&broker->admin, &broker->roster);
    choose_store_options(broker, core_memory_bytes);

    enum status status = log_dirs_open(broker);
    share_open_files(broker);
    if (status == STATUS_OK)
        status = bind_listeners(broker);
    if (status == STATUS_OK)
        status = load_metadata(broker);
    if (status == STATUS_OK)
        status = log_dirs_claim(broker);
    if (status == STATUS_OK)
        status = log_dirs_recover(broker);
    if (status != STATUS_OK) {
        broker_destroy(broker);
        return status;
    }
    *created = broker;
    return STATUS_OK;
}

void broker_destroy(struct broker *broker)
{
    if (broker->roster.controller != NULL)
        controller_destroy(broker->roster.controller);
    admin_deinit(&broker->admin);
    publisher_deinit(&broker->publisher);
    for (uint32_t i = 0; i < broker->options.core_count; i++)
        broker_core_deinit(&broker->roster.cores[i]);
    log_dirs_forget(broker);
    gate_deinit(&broker->gate);
    free(broker->roster.cores);
    free(broker);
}
