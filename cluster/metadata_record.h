/* A record of the metadata log: what kind it is, and its content (cluster/records/metadata.msg).
 *
 * An entry of the log, and a snapshot, is a run of framed records:
 *
 *   0  key      i16   which record
 *   2  version  i16
 *   4  size     u32   of the body
 *   8  body           written by the generated codec
 *
 * all big-endian like everything that the codecs write. A key or version that this release does not
 * know is never skipped: the cluster has moved on, and a broker that went on without knowing what
 * happened would serve wrong answers. */
#ifndef TAILRACE_CLUSTER_METADATA_RECORD_H
#define TAILRACE_CLUSTER_METADATA_RECORD_H

#include "base/bytes.h"
#include "cluster/records/metadata.h"

/* X(NAME, field, codec, version that is written) */
#define METADATA_RECORD_LIST(X)                                                                    \
    X(CLUSTER, cluster, cluster_record, 0)                                                         \
    X(BROKER, broker, broker_record, 1)                                                            \
    X(TOPIC, topic, topic_record, 0)                                                               \
    X(PARTITION, partition, partition_record, 1)                                                   \
    X(REMOVE_TOPIC, remove_topic, remove_topic_record, 0)                                          \
    X(TOPIC_CONFIG, topic_config, topic_config_record, 0)                                          \
    X(BROKER_CONFIG, broker_config, broker_config_record, 0)                                       \
    X(PRODUCER_IDS, producer_ids, producer_ids_record, 0)                                          \
    X(DELETED_TOPICS, deleted_topics, deleted_topics_record, 0)                                    \
    X(GROUP_CONFIG, group_config, group_config_record, 0)

/* What this release writes; ClusterRecord carries it.
 *
 *   1   the first
 *   2   several data directories: version 1 of broker and partition records
 *   3   snapshots name the topics that were deleted last
 *   4   settings of groups */
enum { METADATA_FEATURE_LEVEL = 4 };

enum metadata_record_kind {
    METADATA_CLUSTER = CLUSTER_RECORD_KEY,
    METADATA_BROKER = BROKER_RECORD_KEY,
    METADATA_TOPIC = TOPIC_RECORD_KEY,
    METADATA_PARTITION = PARTITION_RECORD_KEY,
    METADATA_REMOVE_TOPIC = REMOVE_TOPIC_RECORD_KEY,
    METADATA_TOPIC_CONFIG = TOPIC_CONFIG_RECORD_KEY,
    METADATA_BROKER_CONFIG = BROKER_CONFIG_RECORD_KEY,
    METADATA_PRODUCER_IDS = PRODUCER_IDS_RECORD_KEY,
    METADATA_DELETED_TOPICS = DELETED_TOPICS_RECORD_KEY,
    METADATA_GROUP_CONFIG = GROUP_CONFIG_RECORD_KEY,
};

struct metadata_record {
    enum metadata_record_kind kind;
    union {
#define X(name, field, codec, version) struct codec field;
        METADATA_RECORD_LIST(X)
#undef X
    };
};

/* Appends one framed record. A failure stays in the writer. */
void metadata_record_write(struct writer *writer, const struct metadata_record *record);

/* Reads the next record; its texts are views, its arrays come from the arena.
 * STATUS_UNSUPPORTED: a key or version of a newer release, told in `kind` and `version`;
 * STATUS_MALFORMED, STATUS_TRUNCATED: broken. */
enum status metadata_record_read(struct reader *reader, struct arena *arena,
                                 struct metadata_record *record, int16_t *version);

#endif
