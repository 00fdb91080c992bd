/* Storage knows no Kafka settings: here the rows become the numbers that it works with, each as the
 * topic has it or else the broker. */
#include "replication/log_settings.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

/* In a list such as "compact,delete"; no word is part of the other. */
static bool has_policy(const char *policies, const char *policy)
{
    return strstr(policies, policy) != NULL;
}

/* A share between 0 and 1 in millionths: the choice of what to compact does without fractions. */
static uint32_t ppm_of(const char *text)
{
    double share = strtod(text, NULL);
    assert(share >= 0.0);
    assert(share <= 1.0);
    return (uint32_t)(share * 1e6);
}

/* The active segment is never compacted, so where compaction must not wait longer than
 * max.compaction.lag.ms, segments must not stay active longer either. */
static int64_t segment_ms_of(const struct topic_config *topic, const struct config *broker)
{
    const char *policies = topic_config_text(topic, broker, TOPIC_CONFIG_CLEANUP_POLICY, NULL);
    int64_t segment_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_SEGMENT_MS);
    int64_t lag_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_MAX_COMPACTION_LAG_MS);
    return has_policy(policies, "compact") && lag_ms < segment_ms ? lag_ms : segment_ms;
}

struct log_config log_settings_of(const struct topic_config *topic, const struct config *broker)
{
    const char *policies = topic_config_text(topic, broker, TOPIC_CONFIG_CLEANUP_POLICY, NULL);
    const char *ratio =
        topic_config_text(topic, broker, TOPIC_CONFIG_MIN_CLEANABLE_DIRTY_RATIO, NULL);
    assert(policies != NULL);
    assert(ratio != NULL);
    return (struct log_config){
        .segment_bytes_max = (uint64_t)topic_config_i64(topic, broker, TOPIC_CONFIG_SEGMENT_BYTES),
        .segment_ms_max = segment_ms_of(topic, broker),
        .segment_jitter_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_SEGMENT_JITTER_MS),
        .deletes = has_policy(policies, "delete"),
        .compacts = has_policy(policies, "compact"),
        .retention_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_RETENTION_MS),
        .retention_bytes = topic_config_i64(topic, broker, TOPIC_CONFIG_RETENTION_BYTES),
        .file_delete_delay_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_FILE_DELETE_DELAY_MS),
        .delete_retention_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_DELETE_RETENTION_MS),
        .min_compaction_lag_ms =
            topic_config_i64(topic, broker, TOPIC_CONFIG_MIN_COMPACTION_LAG_MS),
        .max_compaction_lag_ms =
            topic_config_i64(topic, broker, TOPIC_CONFIG_MAX_COMPACTION_LAG_MS),
        .min_cleanable_dirty_ppm = ppm_of(ratio),
        .flush_messages = topic_config_i64(topic, broker, TOPIC_CONFIG_FLUSH_MESSAGES),
        .flush_ms = topic_config_i64(topic, broker, TOPIC_CONFIG_FLUSH_MS),
    };
}
