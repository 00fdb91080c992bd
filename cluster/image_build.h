/* How images come to be: an empty one, and the next one from a delta of records. Core 0 only; what
 * comes out may be read from any core.
 *
 *   image ── image_delta_create ──▶ delta ── image_delta_apply (records, in order) ──▶
 *         ── image_delta_finish ──▶ next image
 */
#ifndef TAILRACE_CLUSTER_IMAGE_BUILD_H
#define TAILRACE_CLUSTER_IMAGE_BUILD_H

#include "cluster/image.h"
#include "cluster/metadata_record.h"

struct image_delta;

/* Kafka's limit, so that a topic's name and its partition fit a file name. */
enum { TOPIC_NAME_SIZE_MAX = 249 };

/* Nothing at offset 0, with one reference. */
struct image *image_create(void);

/* The delta keeps a reference to `base`. */
struct image_delta *image_delta_create(struct image *base);

/* Takes in one record; nothing of it is borrowed. STATUS_CORRUPT when it contradicts what came
 * before (a second topic of one name, a partition of an unknown topic); STATUS_UNSUPPORTED when it
 * names something that this release does not have. The delta is then of no use. */
enum status image_delta_apply(struct image_delta *delta, const struct metadata_record *record);

/* Reads and applies a run of framed records. On failure `message` says what it was. */
enum { IMAGE_MESSAGE_SIZE = 160 };
enum status image_delta_apply_all(struct image_delta *delta, struct bytes records,
                                  char message[static IMAGE_MESSAGE_SIZE]);

/* The image after the delta, with one reference; the delta is gone. */
struct image *image_delta_finish(struct image_delta *delta, int64_t offset, int32_t controller_id);
void image_delta_destroy(struct image_delta *delta);

/* The records that make this image out of an empty one, framed: a snapshot. */
void image_write_records(const struct image *image, struct writer *writer);

/* 0 before the first ClusterRecord. */
int16_t image_feature_level(const struct image *image);
int64_t image_next_producer_id(const struct image *image);

/* A topic whose name differs from this one only in '.' and '_', or is the same; NULL if none. */
const struct image_topic *image_topic_colliding(const struct image *image, struct bytes name);

#endif
