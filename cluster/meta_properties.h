/* `meta.properties`, which says whose a data directory is. Kafka's names and form:
 *
 *   version=1
 *   cluster.id=<22 characters>
 *   node.id=<number>
 *   directory.id=<22 characters>
 *
 * The directory's id is what partitions are assigned to: it moves with the disk, whatever name the
 * disk is mounted under. Further names are let pass. */
#ifndef TAILRACE_CLUSTER_META_PROPERTIES_H
#define TAILRACE_CLUSTER_META_PROPERTIES_H

#include "io/io.h"

struct meta_properties {
    struct uuid cluster_id;
    int32_t node_id;
    struct uuid directory_id;
};

/* STATUS_CORRUPT, STATUS_UNSUPPORTED. */
enum status meta_properties_parse(struct bytes text, struct arena *arena,
                                  struct meta_properties *result);

/* Blocking. STATUS_NOT_FOUND; STATUS_CORRUPT when something is missing or senseless;
 * STATUS_UNSUPPORTED for another version. */
enum status meta_properties_load(struct io *io, const char *directory,
                                 struct meta_properties *properties);

/* Blocking. The whole file or none. */
enum status meta_properties_save(struct io *io, const char *directory,
                                 const struct meta_properties *properties);

#endif
