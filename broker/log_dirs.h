/* The broker's data directories: those of log.dirs, and metadata.log.dir if it is not one of them.
 *
 * Each has a lock, a meta.properties with an id of its own, and in each every core has a store. One
 * that cannot be used, at the start or later, takes its own partitions offline and nothing else;
 * but without the one that holds the metadata, or without any, there is no broker (KIP-858). */
#ifndef TAILRACE_BROKER_LOG_DIRS_H
#define TAILRACE_BROKER_LOG_DIRS_H

#include "base/bytes.h"
#include "base/status.h"
#include "cluster/config.h"
#include "storage/strays.h"

#include <stdbool.h>
#include <stdint.h>

struct log_dir {
    char path[CONFIG_LOG_DIR_BYTES_MAX + 1];
    struct uuid id;  /* zero: it could not be read */
    bool is_claimed; /* its meta.properties says that it is ours */
    bool was_online; /* at the start; does not change when the loops run, so every core may ask */
    enum status failure;         /* core 0's: STATUS_OK, or what it has heard of */
    struct store_states *states; /* from recovery, for the stores of all cores; NULL: none */
    struct strays *strays;       /* the same; core 0's */
};

struct log_dirs {
    struct log_dir dirs[CONFIG_LOG_DIRS_MAX + 1];
    uint32_t count;          /* of those that hold partitions; one more may stand behind them */
    uint32_t metadata_index; /* which of them holds cluster/ */
    struct uuid cluster_id;  /* as their files say; zero: they do not */
};

#endif
