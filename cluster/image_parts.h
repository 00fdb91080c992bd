/* The inside of an image; only the files image*.c include this. */
#ifndef TAILRACE_CLUSTER_IMAGE_PARTS_H
#define TAILRACE_CLUSTER_IMAGE_PARTS_H

#include "cluster/image_build.h"
#include "cluster/image_shelf.h"

enum { REGISTRY_BYTES_MAX = 64 * 1024 * 1024 };

struct registry_setting {
    int32_t broker_id; /* -1: of all brokers */
    enum config_key key;
    const char *text;
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
};

struct image_registry *registry_create(void);
struct image_registry *registry_clone(const struct image_registry *from);
struct image_registry *registry_retain(struct image_registry *registry);
void registry_release(struct image_registry *registry);

/* Only while it is not yet shared. */
void registry_set_broker(struct image_registry *registry, const struct broker_record *record);
void registry_set_config(struct image_registry *registry, enum config_key key,
                         const struct broker_config_record *record);

struct image {
    _Atomic uint32_t reference_count;
    int64_t offset;
    int32_t controller_id;
    int64_t next_producer_id;
    struct image_registry *registry;
    struct shelf by_name;
    struct shelf by_id;
    struct shelf by_metric_name; /* those with '.' or '_' in their names */
};

static inline bool topic_has_metric_letters(struct bytes name)
{
    return memchr(name.data, '.', name.size) != NULL || memchr(name.data, '_', name.size) != NULL;
}

#endif
