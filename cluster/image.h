/* The metadata of the cluster at one offset of the metadata log: brokers, topics, partitions,
 * configuration. An image is immutable; every core holds its own reference and takes the next image
 * as mail, so no lookup needs a lock. Topics are shared between one image and the next. */
#ifndef TAILRACE_CLUSTER_IMAGE_H
#define TAILRACE_CLUSTER_IMAGE_H

#include "base/bytes.h"
#include "cluster/config.h"

#include <stdbool.h>
#include <stdint.h>

struct image;

struct image_partition {
    int32_t leader; /* broker id, -1: none */
    int32_t leader_epoch;
    int32_t partition_epoch;
    const int32_t *replicas;
    const struct uuid *directories; /* where each replica lies; zero: not assigned yet */
    uint32_t replica_count;
    const int32_t *in_sync; /* subset of replicas */
    uint32_t in_sync_count;
};

struct image_topic {
    struct bytes name;
    struct uuid id;
    bool is_internal;
    const struct image_partition *partitions;
    uint32_t partition_count;
    const struct topic_config *config; /* what is set on the topic itself; NULL: nothing */
};

struct image_endpoint {
    struct bytes listener; /* its name, for example PLAINTEXT */
    struct bytes host;
    uint16_t port;
    int16_t
        security_protocol; /* Kafka's number: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
};

/* A data directory of a broker. One that is not online holds partitions all the same. */
struct image_log_dir {
    struct uuid id;
    struct bytes path;
    bool is_online;
};

struct image_broker {
    int32_t id;
    int64_t epoch;
    struct bytes rack; /* null: none */
    bool is_fenced;
    const struct image_endpoint *endpoints;
    uint32_t endpoint_count;
    const struct image_log_dir *log_dirs;
    uint32_t log_dir_count;
};

/* From any core. The last release frees it. */
struct image *image_retain(struct image *image);
void image_release(struct image *image);

/* The offset of the last metadata record in it. */
int64_t image_offset(const struct image *image);
struct uuid image_cluster_id(const struct image *image);

/* The broker that answers for the controller; -1 when there is none at present. */
int32_t image_controller_id(const struct image *image);

/* Topics in byte order of their names; pointers live as long as the image. */
uint32_t image_topic_count(const struct image *image);
const struct image_topic *image_topic_at(const struct image *image, uint32_t index);
const struct image_topic *image_topic_by_name(const struct image *image, struct bytes name);
const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id);

/* Index of the first topic whose name is >= `name`; image_topic_count if none. */
uint32_t image_topic_lower_bound(const struct image *image, struct bytes name);

/* Was there a topic of this id, and was it deleted? Known of the last IMAGE_DELETED_MAX that were:
 * what a broker had not removed of them when it was killed is removed when it starts again, while
 * a topic of which nothing is known may have been lost by the metadata. A walk. */
enum { IMAGE_DELETED_MAX = 10000 };
bool image_topic_was_deleted(const struct image *image, struct uuid id);

uint32_t image_broker_count(const struct image *image);
const struct image_broker *image_broker_at(const struct image *image, uint32_t index);
const struct image_broker *image_broker_by_id(const struct image *image, int32_t id);

/* The directory that is so named, among those of the broker; NULL if there is none. */
const struct image_log_dir *image_log_dir_by_id(const struct image_broker *broker, struct uuid id);

/* Where the replica of this broker lies; zero when it has none, or is not assigned yet. */
struct uuid image_partition_directory(const struct image_partition *partition, int32_t broker_id);

/* Brokers' dynamic settings, by row; NULL text when not set. */
const char *image_broker_config(const struct image *image, int32_t broker_id, enum config_key key);

/* What is set on a group of this id, whether or not there is such a group; NULL: nothing. */
const struct group_config *image_group_config(const struct image *image, struct bytes group_id);

/* How many groups have settings: at most IMAGE_GROUP_CONFIGS_MAX. */
enum { IMAGE_GROUP_CONFIGS_MAX = 10000 };
uint32_t image_group_config_count(const struct image *image);

/* A hash over the whole content: equal images have equal hashes on every node and in every run. */
uint64_t image_hash(const struct image *image);

#endif
