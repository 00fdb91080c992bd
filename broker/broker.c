#include "broker/broker.h"

#include "base/assert.h"
#include "broker/broker_parts.h"
#include "broker/directories.h"

#include <stdlib.h>

struct broker_core *broker_core_at(struct broker *broker, uint32_t core_index)
{
    assert(core_index < broker->options.core_count);
    return &broker->cores[core_index];
}

uint32_t broker_core_count(const struct broker *broker)
{
    return broker->options.core_count;
}

struct controller *broker_controller(struct broker *broker)
{
    assert(broker->controller != NULL);
    return broker->controller;
}

const char *broker_listener_name(const struct broker *broker, uint32_t listener_index)
{
    assert(listener_index < broker->listener_count);
    return broker->listeners[listener_index].name;
}

uint16_t broker_listener_port(const struct broker *broker, uint32_t listener_index)
{
    assert(listener_index < broker->listener_count);
    return broker->acceptors[listener_index].address.port;
}

/* --- Creating ----------------------------------------------------------------------------------
 */

static void describe_endpoint(struct broker *broker, uint32_t index)
{
    const struct config_listener *listener = &broker->listeners[index];
    uint16_t port = listener->advertised_port != 0 ? listener->advertised_port
                                                   : broker_listener_port(broker, index);
    broker->endpoints[index] = (struct image_endpoint){
        .listener = bytes_of_text(listener->name),
        .host = bytes_of_text(listener->advertised_host),
        .port = port,
        .security_protocol = listener->security_protocol,
    };
}

/* Ports first: whoever finds his port taken should find out before anything on disk is touched. */
static enum status bind_listeners(struct broker *broker)
{
    uint32_t count = config_listeners(broker->options.config, broker->listeners);
    for (uint32_t i = 0; i < count; i++) {
        const struct config_listener *listener = &broker->listeners[i];
        enum status status = acceptor_bind(&broker->acceptors[i], broker, broker->options.doors[0],
                                           i, listener->host, listener->port);
        if (status != STATUS_OK) {
            log_error(broker->options.logger,
                      "cannot listen; is another broker running, or the address wrong?",
                      field_text("listener", listener->name), field_text("host", listener->host),
                      field_i64("port", listener->port), field_status("status", status));
            return status;
        }
        broker->listener_count++;
        describe_endpoint(broker, i);
    }
    return STATUS_OK;
}

static enum status recover_storage(struct broker *broker)
{
    struct logger *logger = broker->options.logger;
    struct store_recovery_report report;
    enum status status =
        store_recover(broker->options.doors[0], &broker->store_options, logger, &report);
    if (status != STATUS_OK)
        return status;
    if (!report.was_clean)
        log_info(logger, "recovered after an unclean stop", field_u64("logs", report.log_count),
                 field_u64("journal_bytes", report.journal_bytes_replayed),
                 field_u64("torn_bytes_cut", report.bytes_truncated));
    return STATUS_OK;
}

static enum status load_metadata(struct broker *broker)
{
    const char *rack = config_text(broker->options.config, CONFIG_BROKER_RACK);
    struct controller_options options = {
        .directory = broker->cluster_directory,
        .config = broker->options.config,
        .node_id = broker->node_id,
        .endpoints = broker->endpoints,
        .endpoint_count = broker->listener_count,
        .rack = rack == NULL ? (struct bytes){0} : bytes_of_text(rack),
    };
    return controller_create(broker->options.doors[0], &options, broker->options.logger,
                             &broker->controller);
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
}

enum status broker_create(const struct broker_options *options, struct broker **created)
{
    assert(options->core_count > 0);
    struct broker *broker = calloc(1, sizeof *broker);
    assert(broker != NULL);
    broker->options = *options;
    broker->node_id = (int32_t)config_i64(options->config, CONFIG_NODE_ID);
    broker->cores = calloc(options->core_count, sizeof *broker->cores);
    assert(broker->cores != NULL);
    size_t core_memory_bytes = options->memory_bytes / options->core_count;
    for (uint32_t i = 0; i < options->core_count; i++)
        broker_core_init(&broker->cores[i], broker, options->doors[i], options->config,
                         core_memory_bytes);
    publisher_init(&broker->publisher, broker);
    choose_store_options(broker, core_memory_bytes);

    enum status status = bind_listeners(broker);
    if (status == STATUS_OK)
        status = broker_make_directories(broker);
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
    if (broker->controller != NULL)
        controller_destroy(broker->controller);
    publisher_deinit(&broker->publisher);
    for (uint32_t i = 0; i < broker->options.core_count; i++)
        broker_core_deinit(&broker->cores[i]);
    free(broker->cores);
    free(broker);
}
