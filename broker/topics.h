/* How requests name topics and partitions, and what they are told when there is no such thing. */
#ifndef TAILRACE_BROKER_TOPICS_H
#define TAILRACE_BROKER_TOPICS_H

#include "broker/core.h"

/* Bits of authorized operations (KIP-430), and the value that stands for "not asked". Without an
 * authorizer everybody may do everything that exists. */
enum {
    TOPIC_OPERATIONS_ALL = 0x0df8,
    CLUSTER_OPERATIONS_ALL = 0x1fa0,
    OPERATIONS_UNKNOWN = INT32_MIN,
};

/* By id when the version names topics so (`name` is null or ignored then), else by name. NULL and
 * the error: UNKNOWN_TOPIC_ID or UNKNOWN_TOPIC_OR_PARTITION. */
const struct image_topic *topic_resolve(const struct broker_core *core, bool by_id,
                                        struct bytes name, struct uuid id, int16_t *error);

/* On the partition's home core: the partition that this node leads with that epoch (-1: any).
 * NULL and the error: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR (its
 * log could not be opened, or its directory has failed), FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH.
 */
struct partition *partition_resolve(const struct broker_core *core, struct uuid topic_id,
                                    int32_t index, int32_t leader_epoch, int16_t *error);

/* The core where work for this partition is done. */
uint32_t partition_core_index(const struct broker_core *core, struct uuid topic_id, int32_t index);

#endif
