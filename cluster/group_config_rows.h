/* The settings of a group, one row each; see cluster/config.h. They are altered while brokers run.
 *
 * X(key, name, type, default, min, max, allowed words, broker setting it falls back to,
 *   documentation)
 *
 * The fallback is a key of cluster/config_rows.h, or KEY_COUNT where there is no counterpart. */
#ifndef TAILRACE_CLUSTER_GROUP_CONFIG_ROWS_H
#define TAILRACE_CLUSTER_GROUP_CONFIG_ROWS_H

#include "cluster/config_rows.h"

/* clang-format off */
#define GROUP_CONFIG_ROWS(X)                                                                       \
    X(CONSUMER_SESSION_TIMEOUT_MS, "consumer.session.timeout.ms", INT, "45000", 1, INT32_MAX,      \
      NULL, GROUP_CONSUMER_SESSION_TIMEOUT_MS,                                                     \
      "Without a heartbeat for so long a member of this group is out.")                            \
    X(CONSUMER_HEARTBEAT_INTERVAL_MS, "consumer.heartbeat.interval.ms", INT, "5000", 1,            \
      INT32_MAX, NULL, GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,                                       \
      "How often members of this group are told to send heartbeats.")                              \
    X(CONSUMER_ASSIGNMENT_INTERVAL_MS, "consumer.assignment.interval.ms", INT, "1000", 0,          \
      INT32_MAX, NULL, GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,                                      \
      "How long this group gathers changes before partitions are assigned anew.")                  \
    X(SHARE_SESSION_TIMEOUT_MS, "share.session.timeout.ms", INT, "45000", 1, INT32_MAX, NULL,      \
      GROUP_SHARE_SESSION_TIMEOUT_MS,                                                              \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_HEARTBEAT_INTERVAL_MS, "share.heartbeat.interval.ms", INT, "5000", 1, INT32_MAX,       \
      NULL, GROUP_SHARE_HEARTBEAT_INTERVAL_MS,                                                     \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_ASSIGNMENT_INTERVAL_MS, "share.assignment.interval.ms", INT, "1000", 0,                \
      INT32_MAX, NULL, GROUP_SHARE_ASSIGNMENT_INTERVAL_MS,                                         \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_RECORD_LOCK_DURATION_MS, "share.record.lock.duration.ms", INT, "30000", 1,             \
      INT32_MAX, NULL, GROUP_SHARE_RECORD_LOCK_DURATION_MS,                                        \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_DELIVERY_COUNT_LIMIT, "share.delivery.count.limit", INT, "5", 1, INT32_MAX, NULL,      \
      GROUP_SHARE_DELIVERY_COUNT_LIMIT,                                                            \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_PARTITION_MAX_RECORD_LOCKS, "share.partition.max.record.locks", INT, "2000", 1,        \
      INT32_MAX, NULL, GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS,                                     \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_AUTO_OFFSET_RESET, "share.auto.offset.reset", STRING, "latest", 0, 0, NULL,            \
      KEY_COUNT,                                                                                   \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_ISOLATION_LEVEL, "share.isolation.level", STRING, "read_uncommitted", 0, 0,            \
      "read_committed|read_uncommitted", KEY_COUNT,                                                \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_RENEW_ACKNOWLEDGE_ENABLE, "share.renew.acknowledge.enable", BOOLEAN, "true", 0,        \
      0, NULL, KEY_COUNT,                                                                          \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(STREAMS_SESSION_TIMEOUT_MS, "streams.session.timeout.ms", INT, "45000", 1, INT32_MAX,        \
      NULL, GROUP_STREAMS_SESSION_TIMEOUT_MS,                                                      \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(STREAMS_HEARTBEAT_INTERVAL_MS, "streams.heartbeat.interval.ms", INT, "5000", 1,              \
      INT32_MAX, NULL, GROUP_STREAMS_HEARTBEAT_INTERVAL_MS,                                        \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(STREAMS_ASSIGNMENT_INTERVAL_MS, "streams.assignment.interval.ms", INT, "1000", 0,            \
      INT32_MAX, NULL, GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS,                                       \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(STREAMS_INITIAL_REBALANCE_DELAY_MS, "streams.initial.rebalance.delay.ms", INT, "3000",       \
      0, INT32_MAX, NULL, GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS,                                \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(STREAMS_NUM_STANDBY_REPLICAS, "streams.num.standby.replicas", INT, "0", 0, INT32_MAX,        \
      NULL, GROUP_STREAMS_NUM_STANDBY_REPLICAS,                                                    \
      NO_EFFECT_YET "streams groups come with a later release.")
/* clang-format on */

#endif
