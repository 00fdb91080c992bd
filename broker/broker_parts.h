/* The insides of a broker, for the files that start, stop and wire it; nobody else includes this.
 */
#ifndef TAILRACE_BROKER_BROKER_PARTS_H
#define TAILRACE_BROKER_BROKER_PARTS_H

#include "broker/acceptor.h"
#include "broker/broker.h"
#include "broker/publisher.h"

#include <limits.h>

struct broker {
    struct broker_options options;
    int32_t node_id;
    char directory[PATH_MAX];         /* log.dirs */
    char cluster_directory[PATH_MAX]; /* the metadata's, in it */
    struct store_options store_options;
    struct controller *controller;
    struct publisher publisher;

    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    struct image_endpoint endpoints[CONFIG_LISTENERS_MAX];
    struct acceptor acceptors[CONFIG_LISTENERS_MAX];
    uint32_t listener_count;

    struct broker_core *cores; /* options.core_count */
};

#endif
