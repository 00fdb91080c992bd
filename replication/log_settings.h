/* What a topic's settings mean to its logs (storage/log.h). */
#ifndef TAILRACE_REPLICATION_LOG_SETTINGS_H
#define TAILRACE_REPLICATION_LOG_SETTINGS_H

#include "cluster/config.h"
#include "storage/log.h"

/* What is in force: topic, then broker, then default. */
struct log_config log_settings_of(const struct topic_config *topic, const struct config *broker);

#endif
