/* Which topics were deleted, as far back as it is of use. Found by walking: it is asked at a start,
 * about what lies on the disks and is in no image. */
#include "cluster/image_parts.h"

#include "base/assert.h"

#include <stdlib.h>

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

struct image_deleted *deleted_create(const struct image_deleted *before, const struct uuid *ids,
                                     uint32_t count)
{
    assert(count > 0);
    assert(before == NULL || before->count <= IMAGE_DELETED_MAX);
    uint32_t kept_count = min_u32(count, IMAGE_DELETED_MAX);
    uint32_t before_count =
        before == NULL ? 0 : min_u32(before->count, IMAGE_DELETED_MAX - kept_count);
    uint32_t total = before_count + kept_count;
    struct image_deleted *deleted =
        shelf_allocate(1, sizeof *deleted + total * sizeof *deleted->ids);
    atomic_init(&deleted->reference_count, 1);
    deleted->count = total;
    if (before_count > 0)
        memcpy(deleted->ids, before->ids + (before->count - before_count),
               before_count * sizeof *ids);
    memcpy(deleted->ids + before_count, ids + (count - kept_count), kept_count * sizeof *ids);
    return deleted;
}

struct image_deleted *deleted_retain(struct image_deleted *deleted)
{
    if (deleted == NULL)
        return NULL;
    uint32_t before = atomic_fetch_add_explicit(&deleted->reference_count, 1, memory_order_relaxed);
    assert(before > 0);
    return deleted;
}

void deleted_release(struct image_deleted *deleted)
{
    if (deleted == NULL)
        return;
    uint32_t before = atomic_fetch_sub_explicit(&deleted->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        free(deleted);
}

bool image_topic_was_deleted(const struct image *image, struct uuid id)
{
    const struct image_deleted *deleted = image->deleted;
    for (uint32_t i = deleted == NULL ? 0 : deleted->count; i > 0; i--)
        if (uuid_equal(deleted->ids[i - 1], id))
            return true;
    return false;
}
