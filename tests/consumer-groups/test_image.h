/* Images with topics on one node, for tests. */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_TEST_IMAGE_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_TEST_IMAGE_H

#include "cluster/image.h"

enum { TEST_IMAGE_NODE = 1 };

/* Ids are made from numbers; 0 makes the one that stands for none. */
static inline struct uuid numbered_id(uint8_t id)
{
    return (struct uuid){{id}};
}

/* The next image, in place of this one, which is released; NULL: the first. The only directory has
 * the id that 8 makes. */
struct image *test_image_add_topic(struct image *image, const char *name, uint8_t id,
                                   int32_t partitions);
struct image *test_image_remove_topic(struct image *image, uint8_t id);

/* The same with a setting of the topic. */
struct image *test_image_set(struct image *image, uint8_t id, const char *name, const char *value);

#endif
