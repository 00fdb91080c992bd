/* The inside of a delta; only image_delta.c, image_draft.c and image_apply.c include this. The
 * first has its beginning and its end, the last what each record does. */
#ifndef TAILRACE_CLUSTER_IMAGE_DELTA_PARTS_H
#define TAILRACE_CLUSTER_IMAGE_DELTA_PARTS_H

#include "base/list.h"
#include "base/map.h"
#include "cluster/image_parts.h"

enum { DELTA_BYTES_MAX = 1024 * 1024 * 1024 };

/* A topic as it will be. */
struct topic_draft {
    struct map_node by_id;
    struct map_node by_name; /* in the map while the topic is new and not removed */
    struct list_node order;  /* of first touch */
    struct bytes name;
    struct uuid id;
    bool is_internal;
    bool is_removed;
    const struct image_topic *base; /* NULL: a new topic */
    struct image_partition *partitions;
    uint32_t partition_count;
    uint32_t partition_capacity;
    struct topic_config config;
};

struct image_delta {
    struct image *base;
    struct arena arena;
    struct map by_id;
    struct map by_name;
    struct list drafts;
    struct uuid *deleted; /* ids of topics, in the order in which they went */
    uint32_t deleted_count;
    uint32_t deleted_capacity;
    struct image_registry *registry; /* a clone to write on; NULL: that of the base still holds */
    int64_t next_producer_id;
};

/* Memory that lives as long as the delta. */
void *image_delta_take(struct image_delta *delta, size_t count, size_t size);
struct bytes image_delta_keep(struct image_delta *delta, struct bytes text);

/* --- Drafts (image_draft.c) ------------------------------------------------------------------- */

void image_drafts_init(struct image_delta *delta);
void image_drafts_deinit(struct image_delta *delta);

/* A draft of a new topic: id and name must be free. */
struct topic_draft *image_draft_new(struct image_delta *delta, struct uuid id, struct bytes name);

/* The draft of a topic that is there, made if need be; NULL if there is no such topic. */
struct topic_draft *image_draft_find(struct image_delta *delta, struct uuid id);

/* The draft stays, marked: its id must be known as used for as long as the delta lives. */
void image_draft_remove(struct image_delta *delta, struct topic_draft *draft);

/* The partition, added if it is the next one. */
struct image_partition *image_draft_partition(struct image_delta *delta, struct topic_draft *draft,
                                              uint32_t index);

/* Also of a topic that was removed by this very delta: ids are for ever, and a record that uses one
 * again is damage. */
bool image_id_was_used(struct image_delta *delta, struct uuid id);

/* By a topic that is there, under this name or one that is the same in metrics. */
bool image_name_is_taken(struct image_delta *delta, struct bytes name);

#endif
