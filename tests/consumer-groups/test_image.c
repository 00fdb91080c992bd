#include "tests/consumer-groups/test_image.h"

#include "cluster/image_build.h"
#include "tests/consumer-groups/check.h"

static void apply(struct image_delta *delta, struct metadata_record record)
{
    assert_int_equal(image_delta_apply(delta, &record), STATUS_OK);
}

static void apply_partition(struct image_delta *delta, uint8_t id, int32_t partition)
{
    static int32_t replicas[] = {TEST_IMAGE_NODE};
    static struct uuid directories[] = {{{8}}};
    apply(delta, (struct metadata_record){
                     .kind = METADATA_PARTITION,
                     .partition = {.topic_id = numbered_id(id),
                                   .partition = partition,
                                   .replicas = replicas,
                                   .replicas_count = 1,
                                   .in_sync = replicas,
                                   .in_sync_count = 1,
                                   .leader = TEST_IMAGE_NODE,
                                   .directories = directories,
                                   .directories_count = 1},
                 });
}

static struct image *finish(struct image_delta *delta, struct image *image)
{
    struct image *next = image_delta_finish(delta, image_offset(image) + 1, TEST_IMAGE_NODE);
    image_release(image);
    return next;
}

struct image *test_image_add_topic(struct image *image, const char *name, uint8_t id,
                                   int32_t partitions)
{
    struct image *base = image == NULL ? image_create() : image;
    struct image_delta *delta = image_delta_create(base);
    apply(delta, (struct metadata_record){
                     .kind = METADATA_TOPIC,
                     .topic = {.topic_id = numbered_id(id), .name = bytes_of_text(name)},
                 });
    for (int32_t p = 0; p < partitions; p++)
        apply_partition(delta, id, p);
    struct image *next = finish(delta, base);
    const struct image_topic *topic = image_topic_by_name(next, bytes_of_text(name));
    assert_non_null(topic);
    assert_int_equal(topic->partition_count, partitions);
    return next;
}

struct image *test_image_set(struct image *image, uint8_t id, const char *name, const char *value)
{
    struct image_delta *delta = image_delta_create(image);
    apply(delta, (struct metadata_record){
                     .kind = METADATA_TOPIC_CONFIG,
                     .topic_config = {.topic_id = numbered_id(id),
                                      .name = bytes_of_text(name),
                                      .value = bytes_of_text(value)},
                 });
    return finish(delta, image);
}

struct image *test_image_remove_topic(struct image *image, uint8_t id)
{
    assert_non_null(image_topic_by_id(image, numbered_id(id)));
    struct image_delta *delta = image_delta_create(image);
    apply(delta, (struct metadata_record){
                     .kind = METADATA_REMOVE_TOPIC,
                     .remove_topic = {.topic_id = numbered_id(id)},
                 });
    struct image *next = finish(delta, image);
    assert_null(image_topic_by_id(next, numbered_id(id)));
    return next;
}
