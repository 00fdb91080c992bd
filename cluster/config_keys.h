/* The keys of all settings, made from the row lists: CONFIG_NUM_PARTITIONS,
 * TOPIC_CONFIG_RETENTION_MS, GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS and so on, and how many there
 * are. */
#ifndef TAILRACE_CLUSTER_CONFIG_KEYS_H
#define TAILRACE_CLUSTER_CONFIG_KEYS_H

#include "cluster/config_rows.h"
#include "cluster/group_config_rows.h"
#include "cluster/topic_config_rows.h"

enum config_key {
#define X(key, name, type, text, min, max, allowed, read_only, doc) CONFIG_##key,
    CONFIG_ROWS(X)
#undef X
        CONFIG_KEY_COUNT
};

enum topic_config_key {
#define X(key, name, type, text, min, max, allowed, fallback, doc) TOPIC_CONFIG_##key,
    TOPIC_CONFIG_ROWS(X)
#undef X
        TOPIC_CONFIG_KEY_COUNT
};

enum group_config_key {
#define X(key, name, type, text, min, max, allowed, fallback, doc) GROUP_CONFIG_##key,
    GROUP_CONFIG_ROWS(X)
#undef X
        GROUP_CONFIG_KEY_COUNT
};

#endif
