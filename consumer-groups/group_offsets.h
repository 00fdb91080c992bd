/* The offsets that a group has committed, by topic and partition. Pure.
 *
 * Compact, because there may be millions, and no order of commits is dear: a topic's partitions
 * stand in runs of neighbours, each an array that grows as it fills.
 *
 *   topic ──▶ runs [0]  partitions   0 to 63   in rising order, those that have an offset
 *                  [1]  partitions  64 to 127
 *
 * Offsets belong to the topic id that they were committed for: when a topic has been deleted and
 * made anew, those of the former one do not apply, and go with the first commit for the new one
 * (pitfall F8). */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_H

#include "base/assert.h"
#include "base/hash.h"
#include "base/map.h"
#include "consumer-groups/group_turn.h"

enum {
    GROUP_OFFSETS_RUN_PARTITIONS = 64,
    /* More than any topic has; a record that names a later one was not written by a broker. */
    GROUP_OFFSETS_PARTITIONS_MAX = 1 << 24,
};

/* One committed offset, as it is put and found. */
struct group_offset {
    int32_t partition;
    int32_t leader_epoch; /* -1: unknown */
    int64_t offset;
    int64_t commit_ms; /* wall clock */
    int64_t expire_ms; /* of old clients that said so; GROUP_OFFSET_NEVER: the broker's setting */
    struct bytes metadata; /* borrowed; null for an empty one */
};

enum { GROUP_OFFSET_NEVER = -1 };

/* What few offsets have. */
struct group_offset_extra;

/* One as it is kept. */
struct group_kept_offset {
    int32_t partition;
    int32_t leader_epoch;
    int64_t offset;
    int64_t commit_ms;
    struct group_offset_extra *extra; /* NULL: no metadata, and it does not expire on its own */
};

static_assert(sizeof(struct group_kept_offset) == 32, "there may be millions");

struct group_offset_run {
    uint32_t count;
    uint32_t capacity;
    struct group_kept_offset offsets[]; /* in rising order of partitions */
};

struct group_offsets_topic {
    struct map_node node;
    struct bytes name;              /* owned */
    struct uuid id;                 /* zero: not known */
    struct group_offset_run **runs; /* by partition / GROUP_OFFSETS_RUN_PARTITIONS; NULL: none */
    uint32_t run_count;
    uint32_t count; /* of its offsets, never 0 */
};

struct group_offsets {
    struct map topics;
    const struct hash_seed *seed; /* the shard's */
    uint32_t count;               /* of all offsets */
};

/* The seed outlives the offsets. */
void group_offsets_init(struct group_offsets *offsets, const struct hash_seed *seed);
void group_offsets_deinit(struct group_offsets *offsets, struct group_memory *memory);

/* Keeps a copy. An offset for another topic id than the kept ones' drops those; an id of zero says
 * nothing. STATUS_NO_MEMORY: as it was, but for what was dropped. STATUS_MALFORMED: a partition
 * that cannot be. */
enum status group_offsets_put(struct group_offsets *offsets, struct group_memory *memory,
                              struct bytes topic, struct uuid topic_id,
                              const struct group_offset *offset);

/* False if there was none. A topic's last takes the topic with it. */
bool group_offsets_remove(struct group_offsets *offsets, struct group_memory *memory,
                          struct bytes topic, int32_t partition);

/* False if there is none, or only one of another incarnation of the topic (`topic_id` zero: any).
 * What is found has metadata that stays until the offset is put again or removed. */
bool group_offsets_find(const struct group_offsets *offsets, struct bytes topic,
                        struct uuid topic_id, int32_t partition, struct group_offset *found);

/* The topic's, or NULL. */
const struct group_offsets_topic *group_offsets_topic(const struct group_offsets *offsets,
                                                      struct bytes topic);

/* The first at or after a partition; false: none. */
bool group_offsets_next(const struct group_offsets_topic *topic, int32_t partition,
                        struct group_offset *found);

#endif
