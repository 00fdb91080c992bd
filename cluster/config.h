/* Settings: one row per setting (name, type, default, range, documentation, scope), from which
 * come parsing, checking, DescribeConfigs and the reference page. Names, defaults and meanings are
 * Kafka's.
 *
 * A broker setting comes from, in rising order of weight: its default, the file
 * (server.properties), the environment (KAFKA_ and the name in capitals, `.` as `_`, `_` as `__`,
 * `-` as `___`), `--set name=value`. An unknown name is a warning; a bad value is an error that
 * says where it stands and what would be right.
 *
 * A topic setting that is not set on the topic comes from the broker setting named in its row
 * (retention.ms from log.retention.ms, .minutes, .hours), and else from its default. */
#ifndef TAILRACE_CLUSTER_CONFIG_H
#define TAILRACE_CLUSTER_CONFIG_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers as in DescribeConfigs. */
enum config_type {
    CONFIG_BOOLEAN = 1,
    CONFIG_STRING = 2,
    CONFIG_INT = 3,
    CONFIG_SHORT = 4,
    CONFIG_LONG = 5,
    CONFIG_DOUBLE = 6,
    CONFIG_LIST = 7,
    CONFIG_CLASS = 8,
    CONFIG_PASSWORD = 9,
};

/* Numbers as in DescribeConfigs. */
enum config_source {
    CONFIG_SOURCE_TOPIC = 1,
    CONFIG_SOURCE_DYNAMIC_BROKER = 2,
    CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
    CONFIG_SOURCE_STATIC_BROKER = 4,
    CONFIG_SOURCE_DEFAULT = 5,
    CONFIG_SOURCE_GROUP = 8,
};

#include "cluster/config_keys.h" /* the keys, from the row lists */

struct config_row {
    const char *name;
    enum config_type type;
    const char *default_text; /* NULL: none (Kafka's null) */
    int64_t min;              /* of numbers; both 0: any */
    int64_t max;
    const char *allowed; /* of words, separated by '|'; NULL: any */
    const char *doc;
    bool is_read_only; /* Kafka cannot alter it while a broker runs; here none of them can be yet */
};

const struct config_row *config_row(enum config_key key);
const struct config_row *topic_config_row(enum topic_config_key key);
const struct config_row *group_config_row(enum group_config_key key);
bool config_key_find(struct bytes name, enum config_key *key);
bool topic_config_key_find(struct bytes name, enum topic_config_key *key);
bool group_config_key_find(struct bytes name, enum group_config_key *key);

/* The broker setting that one of a topic, or of a group, falls back to; CONFIG_KEY_COUNT when there
 * is none. */
enum config_key topic_config_fallback(enum topic_config_key key);
enum config_key group_config_fallback(enum group_config_key key);

/* Checks one value against its row. On failure `message` says what was wrong and what is right. */
enum { CONFIG_MESSAGE_SIZE = 256 };
bool config_check(const struct config_row *row, struct bytes value,
                  char message[static CONFIG_MESSAGE_SIZE]);

/* --- The broker's own settings ---------------------------------------------------------------- */

struct config;

/* Where complaints go while loading: `where` is "FILE:LINE", "environment NAME" or "--set". */
struct config_reporter {
    void (*warn)(struct config_reporter *reporter, const char *where, const char *message);
    void (*fail)(struct config_reporter *reporter, const char *where, const char *message);
};

/* `file_text` may be null (no file). Reports every problem, not only the first; NULL when any was
 * a failure. */
struct config *config_load(const char *file_name, struct bytes file_text,
                           const char *const *environment, const char *const *sets,
                           uint32_t set_count, struct config_reporter *reporter);
void config_destroy(struct config *config); /* NULL is left alone */

/* Numbers and texts in force. Where several settings say one thing, the first speaks for all:
 * node.id for broker.id, log.dirs for log.dir, and the numbers of log.retention.ms, log.roll.ms,
 * log.roll.jitter.ms for those in minutes and hours. A number that is null is 0, except
 * log.flush.interval.ms, which is INT64_MAX. */
int64_t config_i64(const struct config *config, enum config_key key);
bool config_bool(const struct config *config, enum config_key key);
const char *config_text(const struct config *config, enum config_key key); /* NULL: null */
enum config_source config_source(const struct config *config, enum config_key key);

/* --- Data directories ------------------------------------------------------------------------- */

enum { CONFIG_LOG_DIRS_MAX = 32, CONFIG_LOG_DIR_BYTES_MAX = 640 };

/* log.dirs, or log.dir: at least one, without slashes at the end. Answers how many. */
uint32_t config_log_dirs(const struct config *config,
                         struct bytes dirs[static CONFIG_LOG_DIRS_MAX]);

/* metadata.log.dir, or the first of the others. */
struct bytes config_metadata_log_dir(const struct config *config);

/* --- Listeners, parsed from `listeners`, `advertised.listeners` and the protocol map ---------- */

enum { CONFIG_LISTENERS_MAX = 8 };
struct config_listener {
    char name[64];
    char host[256]; /* "": all interfaces */
    uint16_t port;
    char advertised_host[256]; /* "": nothing was set; the broker tells the machine's name */
    uint16_t advertised_port;  /* 0: the port that was bound */
    int16_t security_protocol;
};

/* The listeners for clients, those of controllers left out; at least one. Answers how many. */
uint32_t config_listeners(const struct config *config,
                          struct config_listener listeners[static CONFIG_LISTENERS_MAX]);

/* --- A topic's settings ----------------------------------------------------------------------- */

/* Texts that were set on the topic, one slot per row; NULL: not set. Part of an image. */
struct topic_config {
    const char *texts[TOPIC_CONFIG_KEY_COUNT];
};

/* What is in force: topic, then broker, then default. */
int64_t topic_config_i64(const struct topic_config *topic, const struct config *broker,
                         enum topic_config_key key);
bool topic_config_bool(const struct topic_config *topic, const struct config *broker,
                       enum topic_config_key key);
const char *topic_config_text(const struct topic_config *topic, const struct config *broker,
                              enum topic_config_key key, enum config_source *source);

/* --- A group's settings ----------------------------------------------------------------------- */

/* Texts that were set on the group, one slot per row; NULL: not set. Part of an image. */
struct group_config {
    const char *texts[GROUP_CONFIG_KEY_COUNT];
};

/* What was set on the group, a number; else `otherwise`. `group` may be NULL. */
int64_t group_config_i64(const struct group_config *group, enum group_config_key key,
                         int64_t otherwise);

/* What is in force: group, then broker, then default. */
const char *group_config_text(const struct group_config *group, const struct config *broker,
                              enum group_config_key key, enum config_source *source);

/* Whether values that pass their rows' checks (null: not set) lie between what the broker allows
 * and go together; else `message` says why not, as Kafka does. */
bool group_config_agree(const struct config *broker,
                        const struct bytes values[static GROUP_CONFIG_KEY_COUNT],
                        char message[static CONFIG_MESSAGE_SIZE]);

#endif
