/* The settings of a topic, one row each; see cluster/config.h.
 *
 * X(key, name, type, default, min, max, allowed words, broker setting it falls back to,
 *   documentation)
 *
 * The fallback is a key of cluster/config_rows.h, or KEY_COUNT where a topic's setting has no
 * counterpart. */
#ifndef TAILRACE_CLUSTER_TOPIC_CONFIG_ROWS_H
#define TAILRACE_CLUSTER_TOPIC_CONFIG_ROWS_H

#include "cluster/config_rows.h"

/* clang-format off */
#define TOPIC_CONFIG_ROWS(X)                                                                       \
    X(CLEANUP_POLICY, "cleanup.policy", LIST, "delete", 0, 0, "compact|delete",                    \
      LOG_CLEANUP_POLICY,                                                                          \
      "What becomes of old records: delete them when too old, compact to the newest of each key, " \
      "or both.")                                                                                  \
    X(COMPRESSION_TYPE, "compression.type", STRING, "producer", 0, 0,                              \
      "uncompressed|zstd|lz4|snappy|gzip|producer", COMPRESSION_TYPE,                              \
      "How record batches are kept: as the producer sent them, or compressed anew this way.")      \
    X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", -1, 9, NULL,                    \
      COMPRESSION_GZIP_LEVEL,                                                                      \
      "Effort of gzip if compression.type is gzip, 1 to 9; -1: the library's choice.")             \
    X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", 1, 17, NULL,                       \
      COMPRESSION_LZ4_LEVEL, "Effort of lz4 if compression.type is lz4.")                          \
    X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", -131072, 22, NULL,               \
      COMPRESSION_ZSTD_LEVEL, "Effort of zstd if compression.type is zstd.")                       \
    X(DELETE_RETENTION_MS, "delete.retention.ms", LONG, "86400000", 0, INT64_MAX, NULL,            \
      LOG_CLEANER_DELETE_RETENTION_MS,                                                             \
      "How long a compacted topic keeps the records that delete a key, so that consumers who are " \
      "behind see them.")                                                                          \
    X(ERRORS_DEADLETTERQUEUE_GROUP_ENABLE, "errors.deadletterqueue.group.enable", BOOLEAN,         \
      "false", 0, 0, NULL, KEY_COUNT, NO_EFFECT_YET "share groups come with a later release.")     \
    X(FILE_DELETE_DELAY_MS, "file.delete.delay.ms", LONG, "60000", 0, INT64_MAX, NULL,             \
      LOG_SEGMENT_DELETE_DELAY_MS,                                                                 \
      "How long the file of a deleted segment, or the directory of a deleted partition, stays "    \
      "on disk, unless a new segment is given the file before.")                                   \
    X(FLUSH_MESSAGES, "flush.messages", LONG, "9223372036854775807", 1, INT64_MAX, NULL,           \
      LOG_FLUSH_INTERVAL_MESSAGES,                                                                 \
      "Records are acknowledged before they are on disk while fewer than so many are not there "   \
      "yet; such records are lost when the broker is killed. They are written 50 ms later, or "    \
      "when a quarter of so many has gathered, if not before. At its default, and at 1, every "    \
      "record is on disk before it is acknowledged.")                                              \
    X(FLUSH_MS, "flush.ms", LONG, "9223372036854775807", 0, INT64_MAX, NULL,                       \
      LOG_FLUSH_INTERVAL_MS,                                                                       \
      "Records are acknowledged before they are on disk while none that is not there yet is so "   \
      "old; such records are lost when the broker is killed. They are written when they are a "    \
      "quarter as old, at the latest after 50 ms. At its default, and at 0, every "                \
      "record is on disk before it is acknowledged.")                                              \
    X(FOLLOWER_REPLICATION_THROTTLED_REPLICAS, "follower.replication.throttled.replicas", LIST,    \
      "", 0, 0, NULL, KEY_COUNT, NO_EFFECT_YET "a single node has no followers.")                  \
    X(INDEX_INTERVAL_BYTES, "index.interval.bytes", INT, "4096", 0, INT32_MAX, NULL,               \
      LOG_INDEX_INTERVAL_BYTES,                                                                    \
      NO_EFFECT_YET "indexes have an entry for about each 64 KiB.")                                \
    X(LEADER_REPLICATION_THROTTLED_REPLICAS, "leader.replication.throttled.replicas", LIST, "",    \
      0, 0, NULL, KEY_COUNT, NO_EFFECT_YET "a single node has no followers.")                      \
    X(LOCAL_RETENTION_BYTES, "local.retention.bytes", LONG, "-2", -2, INT64_MAX, NULL,             \
      LOG_LOCAL_RETENTION_BYTES, NO_EFFECT_YET "there is no remote storage.")                      \
    X(LOCAL_RETENTION_MS, "local.retention.ms", LONG, "-2", -2, INT64_MAX, NULL,                   \
      LOG_LOCAL_RETENTION_MS, NO_EFFECT_YET "there is no remote storage.")                         \
    X(MAX_COMPACTION_LAG_MS, "max.compaction.lag.ms", LONG, "9223372036854775807", 1, INT64_MAX,   \
      NULL, LOG_CLEANER_MAX_COMPACTION_LAG_MS,                                                     \
      "A log is compacted when something in it has waited longer than this, however little it "    \
      "is; its segments are closed no later.")                                                     \
    X(MAX_MESSAGE_BYTES, "max.message.bytes", INT, "1048588", 0, INT32_MAX, NULL,                  \
      MESSAGE_MAX_BYTES, "The largest record batch that is accepted, after compression.")          \
    X(MESSAGE_TIMESTAMP_AFTER_MAX_MS, "message.timestamp.after.max.ms", LONG, "3600000", 0,        \
      INT64_MAX, NULL, LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS,                                         \
      "How far a record's timestamp may lie after the broker's clock, in milliseconds.")           \
    X(MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "message.timestamp.before.max.ms", LONG,                    \
      "9223372036854775807", 0, INT64_MAX, NULL, LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS,              \
      "How far a record's timestamp may lie before the broker's clock, in milliseconds.")          \
    X(MESSAGE_TIMESTAMP_TYPE, "message.timestamp.type", STRING, "CreateTime", 0, 0,                \
      "CreateTime|LogAppendTime", LOG_MESSAGE_TIMESTAMP_TYPE,                                      \
      "Whether a record keeps the time its producer gave it or gets the time of its arrival.")     \
    X(MIN_CLEANABLE_DIRTY_RATIO, "min.cleanable.dirty.ratio", DOUBLE, "0.5", 0, 1, NULL,           \
      LOG_CLEANER_MIN_CLEANABLE_RATIO,                                                             \
      "A log is compacted when more than this share of it has come since it was compacted last.")  \
    X(MIN_COMPACTION_LAG_MS, "min.compaction.lag.ms", LONG, "0", 0, INT64_MAX, NULL,               \
      LOG_CLEANER_MIN_COMPACTION_LAG_MS, "Records younger than this are not compacted.")           \
    X(MIN_INSYNC_REPLICAS, "min.insync.replicas", INT, "1", 1, INT32_MAX, NULL,                    \
      MIN_INSYNC_REPLICAS,                                                                         \
      "With acks=all, how many in-sync replicas must hold a record before it is acknowledged.")    \
    X(PREALLOCATE, "preallocate", BOOLEAN, "false", 0, 0, NULL, LOG_PREALLOCATE,                   \
      NO_EFFECT_YET "space for segments is always reserved ahead.")                                \
    X(REMOTE_COPY_LAG_BYTES, "remote.copy.lag.bytes", LONG, "-1", -2, INT64_MAX, NULL, KEY_COUNT,  \
      NO_EFFECT_YET "there is no remote storage.")                                                 \
    X(REMOTE_COPY_LAG_MS, "remote.copy.lag.ms", LONG, "-1", -2, INT64_MAX, NULL, KEY_COUNT,        \
      NO_EFFECT_YET "there is no remote storage.")                                                 \
    X(REMOTE_LOG_COPY_DISABLE, "remote.log.copy.disable", BOOLEAN, "false", 0, 0, NULL, KEY_COUNT, \
      NO_EFFECT_YET "there is no remote storage.")                                                 \
    X(REMOTE_LOG_DELETE_ON_DISABLE, "remote.log.delete.on.disable", BOOLEAN, "false", 0, 0, NULL,  \
      KEY_COUNT, NO_EFFECT_YET "there is no remote storage.")                                      \
    X(REMOTE_STORAGE_ENABLE, "remote.storage.enable", BOOLEAN, "false", 0, 0, NULL, KEY_COUNT,     \
      NO_EFFECT_YET "there is no remote storage.")                                                 \
    X(RETENTION_BYTES, "retention.bytes", LONG, "-1", -1, INT64_MAX, NULL, LOG_RETENTION_BYTES,    \
      "The oldest segment of a partition is deleted while the others hold at least this much; "    \
      "-1: never.")                                                                                \
    X(RETENTION_MS, "retention.ms", LONG, "604800000", -1, INT64_MAX, NULL, LOG_RETENTION_MS,      \
      "A segment is deleted when its newest record is older than this, by the record's timestamp " \
      "or by the time of its arrival, whichever is earlier; -1: never.")                           \
    X(SEGMENT_BYTES, "segment.bytes", INT, "1073741824", 1048576, INT32_MAX, NULL,                 \
      LOG_SEGMENT_BYTES,                                                                           \
      "How large a segment file of a partition grows before the next one begins.")                 \
    X(SEGMENT_INDEX_BYTES, "segment.index.bytes", INT, "10485760", 4, INT32_MAX, NULL,             \
      LOG_INDEX_SIZE_MAX_BYTES, NO_EFFECT_YET "indexes are sized by what they hold.")              \
    X(SEGMENT_JITTER_MS, "segment.jitter.ms", LONG, "0", 0, INT64_MAX, NULL, LOG_ROLL_JITTER_MS,   \
      "Segments are closed up to this much before segment.ms, each at another time, so that not "  \
      "all are closed at once.")                                                                   \
    X(SEGMENT_MS, "segment.ms", LONG, "604800000", 1, INT64_MAX, NULL, LOG_ROLL_MS,                \
      "A segment is closed when it is this old, in milliseconds.")                                 \
    X(UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable", BOOLEAN, "false", 0, 0,    \
      NULL, UNCLEAN_LEADER_ELECTION_ENABLE,                                                        \
      NO_EFFECT_YET "a replica that lags may not become leader.")
/* clang-format on */

#endif
