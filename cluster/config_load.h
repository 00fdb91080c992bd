/* What the files of the configuration share; only they include this. */
#ifndef TAILRACE_CLUSTER_CONFIG_LOAD_H
#define TAILRACE_CLUSTER_CONFIG_LOAD_H

#include "cluster/config.h"

enum { CONFIG_ARENA_BYTES_MAX = 4 * 1024 * 1024 };

/* A broker setting in force. */
struct config_entry {
    const char *text;  /* NULL: null */
    const char *where; /* NULL: the default */
    int64_t number;    /* of numbers and booleans; 0 if null */
    bool is_derived;   /* `number` and `where` come from a related setting, `text` does not */
};

struct config {
    struct arena arena;
    struct config_entry entries[CONFIG_KEY_COUNT];
    struct config_entry topic_entries[TOPIC_CONFIG_KEY_COUNT]; /* what topics fall back to */
    struct bytes log_dirs[CONFIG_LOG_DIRS_MAX];
    uint32_t log_dir_count;
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    uint32_t listener_count;
};

/* A configuration being loaded. */
struct config_loader {
    struct config *config;
    struct config_reporter *reporter;
    bool has_failed;
};

/* Reports one problem; the format is printf's. */
__attribute__((format(printf, 3, 4))) void config_fail(struct config_loader *loader,
                                                       const char *where, const char *format, ...);
__attribute__((format(printf, 3, 4))) void config_warn(struct config_loader *loader,
                                                       const char *where, const char *format, ...);

/* Where a setting was set, for messages: a place, or "default". */
const char *config_where(const struct config *config, enum config_key key);

/* Reads listeners, advertised.listeners and the protocol map into config->listeners. */
void config_load_listeners(struct config_loader *loader);

/* The settings of groups go together. */
void config_check_groups(struct config_loader *loader);

/* Reads log.dirs, or log.dir, into config->log_dirs. */
void config_load_log_dirs(struct config_loader *loader);

#endif
