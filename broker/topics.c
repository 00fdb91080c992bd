#include "broker/topics.h"

#include "base/assert.h"
#include "broker/kafka_status.h"
#include "broker/limits.h"
#include "protocol/errors.h"

const struct image_topic *topic_resolve(const struct broker_core *core, bool by_id,
                                        struct bytes name, struct uuid id, int16_t *error)
{
    const struct image_topic *topic = by_id ? image_topic_by_id(core_image(core), id)
                                            : image_topic_by_name(core_image(core), name);
    if (topic != NULL)
        *error = KAFKA_NONE;
    else
        *error = by_id ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    return topic;
}

static int16_t why_not_here(const struct broker_core *core, struct uuid topic_id, int32_t index)
{
    const struct image_topic *topic = image_topic_by_id(core_image(core), topic_id);
    if (topic == NULL || index < 0 || (uint32_t)index >= topic->partition_count)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (topic->partitions[index].leader != core->replicas.options.node_id)
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    return KAFKA_KAFKA_STORAGE_ERROR;
}

struct partition *partition_resolve(const struct broker_core *core, struct uuid topic_id,
                                    int32_t index, int32_t leader_epoch, int16_t *error)
{
    struct partition *partition = replica_manager_find(&core->replicas, topic_id, index);
    if (partition == NULL) {
        *error = why_not_here(core, topic_id, index);
        return NULL;
    }
    *error = kafka_error_of_epoch(replica_core_check_epoch(&partition->core, leader_epoch));
    return *error == KAFKA_NONE ? partition : NULL;
}

uint32_t partition_core_index(const struct broker_core *core, struct uuid topic_id, int32_t index)
{
    return partition_home_core(topic_id, index, io_core_count(core->io));
}

struct batch_rules topic_batch_rules(const struct broker_core *core,
                                     const struct image_topic *topic, int16_t produce_version)
{
    const struct topic_config *set = &topic->config;
    const struct config *config = core->config;
    const char *policy = topic_config_text(set, config, TOPIC_CONFIG_CLEANUP_POLICY, NULL);
    const char *type = topic_config_text(set, config, TOPIC_CONFIG_MESSAGE_TIMESTAMP_TYPE, NULL);
    assert(policy != NULL);
    assert(type != NULL);
    return (struct batch_rules){
        .produce_version = produce_version,
        .message_bytes_max = (int32_t)topic_config_i64(set, config, TOPIC_CONFIG_MAX_MESSAGE_BYTES),
        .key_is_required = strstr(policy, "compact") != NULL,
        .timestamp_type =
            strcmp(type, "LogAppendTime") == 0 ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms =
            topic_config_i64(set, config, TOPIC_CONFIG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
        .timestamp_after_max_ms =
            topic_config_i64(set, config, TOPIC_CONFIG_MESSAGE_TIMESTAMP_AFTER_MAX_MS),
        .now_ms = io_wall_ms(core->io),
        .records_bytes_max = LIMIT_DECOMPRESSED_BYTES,
    };
}
