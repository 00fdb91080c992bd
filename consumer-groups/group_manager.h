/* The shards of one core: one for each partition of __consumer_offsets that this node leads and
 * whose home the core is. What all of them share stands here: settings, the count of memory, and
 * what is counted. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_MANAGER_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_MANAGER_H

#include "consumer-groups/group_shard.h"

/* The topic, and whether an image topic is it. */
extern const char group_topic_name[];

struct group_manager_options {
    struct io *io;
    struct logger *logger;
    const struct config *config;
    const struct replica_manager *replicas;
    size_t memory_bytes_max;
};

struct group_slot;

struct group_manager {
    struct group_manager_options options;
    struct group_settings settings;
    struct group_memory memory;
    struct group_counts counts;
    struct group_pulse pulse;
    struct group_load_queue loads;
    struct timer beat;   /* while there are shards */
    struct list slots;   /* struct group_slot: shards that serve */
    struct list closing; /* those that wait for the disk */
    struct image *image; /* the last one that was applied; NULL: none */
};

void group_manager_init(struct group_manager *manager, const struct group_manager_options *options);

/* The replica manager has adopted this image: shards come and go with it. */
void group_manager_apply(struct group_manager *manager, struct image *image);

/* NULL: another broker, or nobody, coordinates this partition. */
struct group_shard *group_manager_find(const struct group_manager *manager, uint32_t index);

/* Whoever waits for others in a group is let go: the broker is about to stop. */
void group_manager_release_waiters(struct group_manager *manager);

/* Every shard closes: before the partitions do. */
void group_manager_close(struct group_manager *manager);

/* The stores have stopped, or the node was killed. */
void group_manager_deinit(struct group_manager *manager);

/* What there is at the moment. */
struct group_census {
    uint64_t groups;
    uint64_t offsets;
    uint64_t loading; /* shards */
    uint64_t waiting; /* records that are not on disk yet */
    uint64_t classic[CLASSIC_STATES];
    uint64_t consumer[CONSUMER_GROUP_STATES];
};

void group_manager_count(const struct group_manager *manager, struct group_census *census);

#endif
