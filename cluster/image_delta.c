/* From one image to the next. Each topic that a record touches becomes a draft; at the end the
 * drafts are packed, each into one piece of memory, and take their places on copies of the shelves.
 * What is not touched is shared with the image before. */
#include "cluster/image_delta_parts.h"

#include "base/assert.h"

#include <stdlib.h>

struct image_delta *image_delta_create(struct image *base)
{
    assert(base != NULL);
    struct image_delta *delta = shelf_allocate(1, sizeof *delta);
    delta->base = image_retain(base);
    delta->next_producer_id = base->next_producer_id;
    arena_init(&delta->arena, DELTA_BYTES_MAX);
    image_drafts_init(delta);
    return delta;
}

void image_delta_destroy(struct image_delta *delta)
{
    assert(delta->base != NULL);
    if (delta->registry != NULL)
        registry_release(delta->registry);
    image_drafts_deinit(delta);
    arena_deinit(&delta->arena);
    image_release(delta->base);
    free(delta);
}

void *image_delta_take(struct image_delta *delta, size_t count, size_t size)
{
    assert(size > 0);
    void *memory = arena_allocate_array(&delta->arena, count, size);
    assert(memory != NULL);
    return memory;
}

struct bytes image_delta_keep(struct image_delta *delta, struct bytes text)
{
    assert(!bytes_are_null(text));
    char *copy = arena_copy_text(&delta->arena, text.data, text.size);
    assert(copy != NULL);
    return bytes_of(copy, text.size);
}

/* --- The next image --------------------------------------------------------------------------- */

static void shelve(struct image *image, const struct topic_draft *draft)
{
    assert(!draft->is_removed);
    const struct image_topic topic = {.name = draft->name,
                                      .id = draft->id,
                                      .is_internal = draft->is_internal,
                                      .partitions = draft->partitions,
                                      .partition_count = draft->partition_count,
                                      .config = &draft->config};
    struct topic_node *node = topic_pack(&topic);
    shelf_insert(&image->by_name, node);
    shelf_insert(&image->by_id, node);
    if (topic_has_metric_letters(draft->name))
        shelf_insert(&image->by_metric_name, node);
    topic_node_release(node);
}

static void unshelve(struct image *image, const struct image_topic *topic)
{
    if (topic_has_metric_letters(topic->name))
        shelf_remove(&image->by_metric_name, topic);
    shelf_remove(&image->by_id, topic);
    shelf_remove(&image->by_name, topic);
}

/* First everything that was there and was touched goes, then what is new comes: a name may have
 * passed from one topic to another. */
static void settle_drafts(struct image_delta *delta, struct image *image)
{
    struct topic_draft *draft;
    list_for_each_entry (draft, &delta->drafts, order)
        if (draft->base != NULL)
            unshelve(image, draft->base);
    list_for_each_entry (draft, &delta->drafts, order)
        if (!draft->is_removed)
            shelve(image, draft);
}

/* The base image is not changed by any of this: other cores are reading it. */
struct image *image_delta_finish(struct image_delta *delta, int64_t offset, int32_t controller_id)
{
    assert(delta->next_producer_id >= delta->base->next_producer_id);
    assert(offset >= delta->base->offset);
    struct image *image = shelf_allocate(1, sizeof *image);
    atomic_init(&image->reference_count, 1);
    image->offset = offset;
    assert(controller_id >= -1);
    image->controller_id = controller_id;
    image->next_producer_id = delta->next_producer_id;
    image->registry =
        registry_retain(delta->registry != NULL ? delta->registry : delta->base->registry);
    image->deleted =
        delta->deleted_count == 0
            ? deleted_retain(delta->base->deleted)
            : deleted_create(delta->base->deleted, delta->deleted, delta->deleted_count);
    shelf_copy(&image->by_name, &delta->base->by_name);
    shelf_copy(&image->by_id, &delta->base->by_id);
    shelf_copy(&image->by_metric_name, &delta->base->by_metric_name);
    settle_drafts(delta, image);
    assert(image->by_name.count == image->by_id.count);
    assert(image->by_metric_name.count <= image->by_name.count);
    image_delta_destroy(delta);
    return image;
}
