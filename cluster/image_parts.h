/* The inside of an image; only the files image*.c include this. */
#ifndef TAILRACE_CLUSTER_IMAGE_PARTS_H
#define TAILRACE_CLUSTER_IMAGE_PARTS_H

#include "cluster/image_build.h"
#include "cluster/image_shelf.h"

/* Several times what it may hold: see registry_is_wasteful. */
enum { REGISTRY_BYTES_MAX = 512 * 1024 * 1024 };

struct registry_setting {
    int32_t broker_id; /* -1: of all brokers */
    enum config_key key;
    const char *text;
};

struct registry_group {
    struct bytes id;
    struct group_config config;
};

/* All but the topics: small and rarely changed, so each change makes a whole new one, which then
 * never changes again. */
struct image_registry {
    _Atomic uint32_t reference_count;
    struct arena arena; /* holds everything below */
    struct uuid cluster_id;
    int16_t feature_level;
    struct image_broker *brokers; /* by id */
    uint32_t broker_count;
    struct registry_setting *settings;
    uint32_t setting_count;
    struct registry_group *groups; /* that have settings, in the order of their ids */
    uint32_t group_count;
    uint32_t group_capacity;
    size_t clone_bytes; /* what all of it took when it was cloned */
};

struct image_registry *registry_create(void);
struct image_registry *registry_clone(const struct image_registry *from);

/* Most of its memory holds what has been replaced since: a clone would take less. */
bool registry_is_wasteful(const struct image_registry *registry);

struct image_registry *registry_retain(struct image_registry *registry);
void registry_release(struct image_registry *registry);

/* Only while it is not yet shared. */
void registry_set_broker(struct image_registry *registry, const struct broker_record *record);
void registry_set_config(struct image_registry *registry, enum config_key key,
                         const struct broker_config_record *record);

void registry_set_group_config(struct image_registry *registry, enum group_config_key key,
                               const struct group_config_record *record);

/* The place of the group in the order of ids, or where it would go. */
uint32_t registry_group_place(const struct image_registry *registry, struct bytes id, bool *found);

/* The topics that were deleted last, the latest behind all others. Each change makes a new list. */
struct image_deleted {
    _Atomic uint32_t reference_count;
    uint32_t count;
    struct uuid ids[];
};

/* Those of `before` and then the others, as far as they are among the last IMAGE_DELETED_MAX. No
 * list at all, NULL, is one without topics. */
struct image_deleted *deleted_create(const struct image_deleted *before, const struct uuid *ids,
                                     uint32_t count);
struct image_deleted *deleted_retain(struct image_deleted *deleted);
void deleted_release(struct image_deleted *deleted);

/* A copy of the topic, with one reference, that shares nothing with the one given: neither texts
 * nor arrays. Its config must be there; one in which nothing is set becomes none. */
struct topic_node *topic_pack(const struct image_topic *topic);

struct image {
    _Atomic uint32_t reference_count;
    int64_t offset;
    int32_t controller_id;
    int64_t next_producer_id;
    struct image_registry *registry;
    struct image_deleted *deleted; /* NULL: none */
    struct shelf by_name;
    struct shelf by_id;
    struct shelf by_metric_name; /* those with '.' or '_' in their names */
};

#endif
