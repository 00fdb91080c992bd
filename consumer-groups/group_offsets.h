/* The offsets that a group has committed, by topic and partition. Pure.
 *
 * Compact, because there may be millions: a topic's partitions stand in one array. Offsets belong
 * to the topic id that they were committed for: when a topic has been deleted and made anew, those
 * of the former one do not apply, and go with the first commit for the new one (pitfall F8). */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_H

#include "base/map.h"
#include "consumer-groups/group_turn.h"

/* One committed offset. */
struct group_offset {
    int32_t partition;
    int32_t leader_epoch; /* -1: unknown */
    int64_t offset;
    int64_t commit_ms;     /* wall clock */
    int64_t expire_ms;     /* of old clients that said so; -1: the broker's setting */
    struct bytes metadata; /* owned; empty without memory of its own */
};

struct group_offsets_topic {
    struct map_node node;
    struct bytes name;            /* owned */
    struct uuid id;               /* zero: not known */
    struct group_offset *offsets; /* in rising order of partitions */
    uint32_t count;
    uint32_t capacity;
};

struct group_offsets {
    struct map topics;
    uint32_t count; /* of all offsets */
};

void group_offsets_init(struct group_offsets *offsets);
void group_offsets_deinit(struct group_offsets *offsets, struct group_memory *memory);

/* Keeps a copy. An offset for another topic id than the kept ones' drops those. STATUS_NO_MEMORY.
 */
enum status group_offsets_put(struct group_offsets *offsets, struct group_memory *memory,
                              struct bytes topic, struct uuid topic_id,
                              const struct group_offset *offset);

/* False if there was none. */
bool group_offsets_remove(struct group_offsets *offsets, struct group_memory *memory,
                          struct bytes topic, int32_t partition);

/* NULL if there is none, or only one of another incarnation of the topic (`topic_id` zero: any). */
const struct group_offset *group_offsets_find(const struct group_offsets *offsets,
                                              struct bytes topic, struct uuid topic_id,
                                              int32_t partition);

/* The topic's, or NULL. */
const struct group_offsets_topic *group_offsets_topic(const struct group_offsets *offsets,
                                                      struct bytes topic);

#endif
