/* Making a broker and taking it apart (broker.h). */
#include "base/assert.h"
#include "broker/broker_parts.h"
#include "broker/core_life.h"
#include "broker/directories.h"
#include "io/cores.h"

#include <stdio.h>
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

/* --- Creating ----------------------------------------------------------------------------------
 */

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

/* Before anything else: while a former broker still has writes under way, its ports are taken too.
 */
static enum status lock_directory(struct broker *broker)
{
    char path[PATH_MAX];
    if (broker->options.cores == NULL)
        return STATUS_OK;
    int length = snprintf(path, sizeof path, "%s/.lock", broker->directory);
    assert(length > 0);
    if ((size_t)length >= sizeof path)
        return STATUS_INVALID;
    return io_cores_lock(broker->options.cores, path, broker->options.logger);
}

static enum status recover_storage(struct broker *broker)
{
    struct logger *logger = broker->options.logger;
    struct store_recovery_report report;
    enum status status = store_recover(broker->options.doors[0], &broker->store_options, logger,
                                       &report, &broker->states);
    if (status != STATUS_OK)
        return status;
    if (!report.was_clean && report.log_count > 0)
        log_info(logger, "recovered after an unclean stop", field_u64("logs", report.log_count),
                 field_u64("journal_bytes", report.journal_bytes_replayed),
                 field_u64("torn_bytes_cut", report.bytes_truncated));
    return strays_create(broker->options.doors[0], broker->store_options.directory,
                         &broker->strays);
}

static enum status load_metadata(struct broker *broker)
{
    const char *rack = config_text(broker->options.config, CONFIG_BROKER_RACK);
    struct controller_options options = {
        .directory = broker->cluster_directory,
        .config = broker->options.config,
        .node_id = broker->roster.node_id,
        .endpoints = broker->endpoints,
        .endpoint_count = broker->roster.listener_count,
        .rack = rack == NULL ? (struct bytes){0} : bytes_of_text(rack),
    };
    return controller_create(broker->options.doors[0], &options, broker->options.logger,
                             &broker->roster.controller);
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

static void choose_store_options(struct broker *broker, size_t core_memory_bytes)
{
    const struct config *config = broker->options.config;
    store_options_init(&broker->store_options);
    broker->store_options.directory = broker->directory;
    broker->store_options.memory_bytes_max = core_memory_bytes / 2;
    broker->store_options.cache_bytes_max = core_memory_bytes / 4;
    if (broker->options.journal_file_bytes != 0)
        broker->store_options.journal_file_bytes = broker->options.journal_file_bytes;
    broker->store_options.unsafe_skip_sync = broker->options.unsafe_skip_sync;
    broker->store_options.producer_expiration_ms =
        config_i64(config, CONFIG_PRODUCER_ID_EXPIRATION_MS);
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
    size_t core_memory_bytes = options->memory_bytes / options->core_count;
    for (uint32_t i = 0; i < options->core_count; i++)
        broker_core_init(&broker->roster.cores[i], &broker->roster, options->doors[i],
                         options->config, core_memory_bytes);
    publisher_init(&broker->publisher, &broker->roster);
    choose_store_options(broker, core_memory_bytes);

    enum status status = broker_make_directories(broker);
    if (status == STATUS_OK)
        status = lock_directory(broker);
    if (status == STATUS_OK)
        status = bind_listeners(broker);
    if (status == STATUS_OK)
        status = recover_storage(broker);
    if (status == STATUS_OK)
        status = load_metadata(broker);
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
    publisher_deinit(&broker->publisher);
    for (uint32_t i = 0; i < broker->options.core_count; i++)
        broker_core_deinit(&broker->roster.cores[i]);
    store_states_destroy(broker->states);
    if (broker->strays != NULL)
        strays_destroy(broker->strays);
    free(broker->roster.cores);
    free(broker);
}
