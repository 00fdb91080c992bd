/* Ids of topics, clusters and data directories. */
#ifndef TAILRACE_CLUSTER_RANDOM_UUID_H
#define TAILRACE_CLUSTER_RANDOM_UUID_H

#include "io/io.h"

/* A random id, of version 4; like Kafka's, none whose text begins with a dash, which command lines
 * would take for an option. */
struct uuid random_uuid(struct io *io);

#endif
