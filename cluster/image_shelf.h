/* The topics of an image in one order, shared between one image and the next.
 *
 * A shelf is an array of leaves, each a sorted run of up to SHELF_LEAF_MAX topics. Copying a shelf
 * copies the array of leaves, not what is on them; a change copies the one leaf it falls on, unless
 * this shelf is the only one that has it. So the next image of ten thousand topics costs a few
 * kilobytes, and looking up is two binary searches.
 *
 * Leaves and topics are counted by atomic references: a shelf that others can see is never changed,
 * and the last release, on whatever core, frees. */
#ifndef TAILRACE_CLUSTER_IMAGE_SHELF_H
#define TAILRACE_CLUSTER_IMAGE_SHELF_H

#include "cluster/image.h"

#include <stdatomic.h>

/* A topic in one piece of memory: this, its partitions, their replicas, and all texts. */
struct topic_node {
    _Atomic uint32_t reference_count;
    struct image_topic topic;
};

/* A node begins with one reference. */
void topic_node_release(struct topic_node *node);

/* What is looked for; which part counts depends on the order. */
struct shelf_key {
    struct bytes name;
    struct uuid id;
};

/* <0, 0, >0 as the topic comes before, is at, or comes after the key. */
typedef int (*shelf_order)(const struct image_topic *topic, const struct shelf_key *key);

/* The three orders of an image. In the last one '.' and '_' are the same. */
int shelf_order_by_name(const struct image_topic *topic, const struct shelf_key *key);
int shelf_order_by_id(const struct image_topic *topic, const struct shelf_key *key);
int shelf_order_by_metric_name(const struct image_topic *topic, const struct shelf_key *key);

/* Equal for names that are the same in the last order. */
uint64_t shelf_metric_hash(struct bytes name);

/* Whether the last order says anything about this name. */
static inline bool topic_has_metric_letters(struct bytes name)
{
    return memchr(name.data, '.', name.size) != NULL || memchr(name.data, '_', name.size) != NULL;
}

enum { SHELF_LEAF_MAX = 128 };

struct shelf_leaf {
    _Atomic uint32_t reference_count;
    uint32_t count;
    struct topic_node *nodes[SHELF_LEAF_MAX];
};

struct shelf {
    shelf_order order;
    struct shelf_leaf **leaves; /* none is empty */
    uint32_t *starts;           /* index of the first topic of each leaf */
    uint32_t leaf_count;
    uint32_t count; /* topics */
};

void shelf_init(struct shelf *shelf, shelf_order order);
void shelf_copy(struct shelf *shelf, const struct shelf *from);
void shelf_deinit(struct shelf *shelf);

/* The topic at the key, or NULL. */
const struct image_topic *shelf_find(const struct shelf *shelf, const struct shelf_key *key);
const struct image_topic *shelf_at(const struct shelf *shelf, uint32_t index);

/* Index of the first topic at or after the key. */
uint32_t shelf_lower_bound(const struct shelf *shelf, const struct shelf_key *key);

/* Takes a reference of its own. No topic at the same key may be there. */
void shelf_insert(struct shelf *shelf, struct topic_node *node);

/* The topic must be there. */
void shelf_remove(struct shelf *shelf, const struct image_topic *topic);

/* Memory that must be had: a broker that cannot hold its metadata cannot go on. Cleared. */
void *shelf_allocate(size_t count, size_t size);

#endif
