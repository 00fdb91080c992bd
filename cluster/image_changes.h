/* What is different between two images, topic by topic, in the order of ids. What both images share
 * is passed over a leaf of the shelf at a time, so that a change among ten thousand topics is found
 * in a hundred steps, and whoever applies images pays for what changed and not for what there is.
 */
#ifndef TAILRACE_CLUSTER_IMAGE_CHANGES_H
#define TAILRACE_CLUSTER_IMAGE_CHANGES_H

#include "cluster/image.h"

struct image_change {
    const struct image_topic *before; /* NULL: the topic is new */
    const struct image_topic *after;  /* NULL: it is gone */
};

/* A place among the topics of one image. */
struct image_place {
    uint32_t leaf;
    uint32_t slot;
};

struct image_changes {
    const struct image *before; /* NULL: there was none, and every topic is new */
    const struct image *after;
    struct image_place before_place;
    struct image_place after_place;
};

/* Borrows both images until the last call. */
void image_changes_init(struct image_changes *changes, const struct image *before,
                        const struct image *after);

/* The next topic that is not the same in both; false when there is none any more. */
bool image_changes_next(struct image_changes *changes, struct image_change *change);

#endif
