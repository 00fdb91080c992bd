/* The insides of a broker, for the files that start, stop and wire it; nobody else includes this.
 */
#ifndef TAILRACE_BROKER_BROKER_PARTS_H
#define TAILRACE_BROKER_BROKER_PARTS_H

#include "broker/acceptor.h"
#include "broker/admin.h"
#include "broker/broker.h"
#include "broker/gate.h"
#include "broker/log_dirs.h"
#include "broker/publisher.h"
#include "broker/roster.h"
#include "cluster/controller.h"
#include "storage/strays.h"

#include <limits.h>

struct broker {
    struct broker_options options;
    struct roster roster;
    struct gate gate;
    struct log_dirs log_dirs;
    char cluster_directory[PATH_MAX];   /* of the metadata */
    struct store_options store_options; /* of a core that has one directory */
    struct completion metadata_lost;
    struct strays_judge strays_judge;
    struct publisher publisher;

    struct image_endpoint endpoints[CONFIG_LISTENERS_MAX];
    struct acceptor acceptors[CONFIG_LISTENERS_MAX];
    struct admin admin;
};

#endif
