/* Two places walk along the shelves by id, as two fingers along two sorted lists. Where both stand
 * at the start of one and the same leaf, all of it is passed over. */
#include "cluster/image_changes.h"

#include "cluster/image_parts.h"

#include "base/assert.h"

static const struct shelf no_topics = {.order = shelf_order_by_id};

void image_changes_init(struct image_changes *changes, const struct image *before,
                        const struct image *after)
{
    assert(after != NULL);
    assert(after->by_id.order == shelf_order_by_id);
    *changes = (struct image_changes){.before = before, .after = after};
}

static const struct shelf_leaf *leaf_at(const struct shelf *shelf, struct image_place place)
{
    assert(place.leaf <= shelf->leaf_count);
    return place.leaf == shelf->leaf_count ? NULL : shelf->leaves[place.leaf];
}

/* The topic at the place, or NULL at the end. */
static const struct image_topic *topic_at(const struct shelf *shelf, struct image_place place)
{
    const struct shelf_leaf *leaf = leaf_at(shelf, place);
    assert(leaf == NULL || place.slot < leaf->count);
    return leaf == NULL ? NULL : &leaf->nodes[place.slot]->topic;
}

static void step(const struct shelf *shelf, struct image_place *place)
{
    assert(place->leaf < shelf->leaf_count);
    if (++place->slot < shelf->leaves[place->leaf]->count)
        return;
    place->slot = 0;
    place->leaf++;
}

/* Leaves are never changed once two images have them. */
static void pass_shared_leaves(struct image_changes *changes, const struct shelf *before,
                               const struct shelf *after)
{
    while (changes->before_place.slot == 0 && changes->after_place.slot == 0) {
        const struct shelf_leaf *leaf = leaf_at(before, changes->before_place);
        if (leaf == NULL || leaf != leaf_at(after, changes->after_place))
            return;
        changes->before_place.leaf++;
        changes->after_place.leaf++;
    }
}

/* <0, 0, >0 as `a` comes before, is, or comes after `b`; the end comes after everything. */
static int compare(const struct image_topic *a, const struct image_topic *b)
{
    assert(a != NULL || b != NULL);
    if (a == NULL || b == NULL)
        return a == NULL ? 1 : -1;
    return shelf_order_by_id(a, &(struct shelf_key){.id = b->id});
}

bool image_changes_next(struct image_changes *changes, struct image_change *change)
{
    const struct shelf *before = changes->before == NULL ? &no_topics : &changes->before->by_id;
    const struct shelf *after = &changes->after->by_id;
    do {
        pass_shared_leaves(changes, before, after);
        change->before = topic_at(before, changes->before_place);
        change->after = topic_at(after, changes->after_place);
        if (change->before == NULL && change->after == NULL)
            return false;
        int order = compare(change->before, change->after);
        if (order > 0)
            change->before = NULL;
        if (order < 0)
            change->after = NULL;
        if (change->before != NULL)
            step(before, &changes->before_place);
        if (change->after != NULL)
            step(after, &changes->after_place);
    } while (change->before == change->after);
    return true;
}
