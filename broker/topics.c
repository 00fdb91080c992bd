#include "broker/topics.h"

#include "base/assert.h"
#include "broker/kafka_status.h"
#include "protocol/errors.h"

const struct image_topic *topic_resolve(const struct broker_core *core, bool by_id,
                                        struct bytes name, struct uuid id, int16_t *error)
{
    assert(by_id || !bytes_are_null(name));
    const struct image_topic *topic = by_id ? image_topic_by_id(core_image(core), id)
                                            : image_topic_by_name(core_image(core), name);
    if (topic != NULL)
        *error = KAFKA_NONE;
    else
        *error = by_id ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    return topic;
}

/* A topic on its way out is gone already, though the image that says so is not in force yet. */
static int16_t why_not_here(const struct broker_core *core, struct uuid topic_id, int32_t index)
{
    const struct replica_manager *replicas = &core->replicas;
    const struct image_topic *topic =
        image_topic_by_id(replicas->next != NULL ? replicas->next : replicas->image, topic_id);
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
    if (log_has_failed(partition->log)) {
        *error = KAFKA_KAFKA_STORAGE_ERROR;
        return NULL;
    }
    *error = kafka_error_of_epoch(replica_core_check_epoch(&partition->core, leader_epoch));
    return *error == KAFKA_NONE ? partition : NULL;
}

uint32_t partition_core_index(const struct broker_core *core, struct uuid topic_id, int32_t index)
{
    return partition_home_core(topic_id, index, io_core_count(core->io));
}
