/* The topics that a delta touches, by id, and the new ones among them by name. */
#include "cluster/image_delta_parts.h"

#include "base/assert.h"
#include "base/hash.h"

/* The same in every run: ids are the controller's own. */
static struct hash_seed map_seed(void)
{
    return (struct hash_seed){{1, 2}};
}

static uint64_t id_hash(struct uuid id)
{
    return hash_bytes(map_seed(), bytes_of(&id, sizeof id));
}

static bool draft_has_id(const struct map_node *node, const void *key)
{
    const struct topic_draft *draft = container_of(node, struct topic_draft, by_id);
    return memcmp(&draft->id, key, sizeof draft->id) == 0;
}

static bool draft_has_name(const struct map_node *node, const void *key)
{
    const struct topic_draft *draft = container_of(node, struct topic_draft, by_name);
    const struct image_topic topic = {.name = draft->name};
    return shelf_order_by_metric_name(&topic, key) == 0;
}

void image_drafts_init(struct image_delta *delta)
{
    map_init(&delta->by_id, draft_has_id);
    map_init(&delta->by_name, draft_has_name);
    list_init(&delta->drafts);
}

void image_drafts_deinit(struct image_delta *delta)
{
    map_deinit(&delta->by_id);
    map_deinit(&delta->by_name);
}

/* Drafts stay in the order of first touch, so that the next image is made the same way on every
 * node. */
static struct topic_draft *draft_create(struct image_delta *delta, struct uuid id)
{
    assert(!uuid_is_zero(id));
    struct topic_draft *draft = image_delta_take(delta, 1, sizeof *draft);
    draft->id = id;
    map_insert(&delta->by_id, &draft->by_id, id_hash(id));
    list_node_init(&draft->order);
    list_push_back(&delta->drafts, &draft->order);
    return draft;
}

struct topic_draft *image_draft_new(struct image_delta *delta, struct uuid id, struct bytes name)
{
    struct topic_draft *draft = draft_create(delta, id);
    draft->name = image_delta_keep(delta, name);
    map_insert(&delta->by_name, &draft->by_name, shelf_metric_hash(draft->name));
    return draft;
}

/* A draft of a topic that the base image has. Its arrays are borrowed from there. */
static struct topic_draft *draft_of(struct image_delta *delta, const struct image_topic *base)
{
    assert(base->partition_count == 0 || base->partitions != NULL);
    struct topic_draft *draft = draft_create(delta, base->id);
    draft->base = base;
    draft->name = base->name;
    draft->is_internal = base->is_internal;
    if (base->config != NULL)
        draft->config = *base->config;
    draft->partition_count = base->partition_count;
    draft->partition_capacity = base->partition_count;
    draft->partitions = image_delta_take(delta, base->partition_count, sizeof *draft->partitions);
    if (base->partition_count > 0)
        memcpy(draft->partitions, base->partitions,
               base->partition_count * sizeof *draft->partitions);
    return draft;
}

struct topic_draft *image_draft_find(struct image_delta *delta, struct uuid id)
{
    struct map_node *node = map_find(&delta->by_id, id_hash(id), &id);
    if (node != NULL) {
        struct topic_draft *draft = container_of(node, struct topic_draft, by_id);
        return draft->is_removed ? NULL : draft;
    }
    const struct image_topic *base = image_topic_by_id(delta->base, id);
    return base == NULL ? NULL : draft_of(delta, base);
}

void image_draft_remove(struct image_delta *delta, struct topic_draft *draft)
{
    if (draft->base == NULL)
        map_remove(&delta->by_name, &draft->by_name);
    draft->is_removed = true;
}

bool image_id_was_used(struct image_delta *delta, struct uuid id)
{
    return map_find(&delta->by_id, id_hash(id), &id) != NULL ||
           image_topic_by_id(delta->base, id) != NULL;
}

bool image_name_is_taken(struct image_delta *delta, struct bytes name)
{
    struct shelf_key key = {.name = name};
    if (map_find(&delta->by_name, shelf_metric_hash(name), &key) != NULL)
        return true;
    const struct image_topic *base = topic_has_metric_letters(name)
                                         ? image_topic_colliding(delta->base, name)
                                         : image_topic_by_name(delta->base, name);
    return base != NULL && image_draft_find(delta, base->id) != NULL;
}

/* Numbers have no gaps, so a new partition is always the next one; apply_partition has checked
 * that. */
struct image_partition *image_draft_partition(struct image_delta *delta, struct topic_draft *draft,
                                              uint32_t index)
{
    assert(draft->partition_count <= draft->partition_capacity);
    assert(!draft->is_removed);
    assert(index <= draft->partition_count);
    if (index < draft->partition_count)
        return &draft->partitions[index];
    if (index == draft->partition_capacity) {
        uint32_t capacity = index < 2 ? 4 : index * 2;
        struct image_partition *grown = image_delta_take(delta, capacity, sizeof *grown);
        if (index > 0)
            memcpy(grown, draft->partitions, index * sizeof *grown);
        draft->partitions = grown;
        draft->partition_capacity = capacity;
    }
    draft->partition_count++;
    return &draft->partitions[index];
}
