/* Everything that /metrics shows, one row each. Names that begin with kafka_ are those under which
 * Kafka's own metrics usually come to Prometheus, so dashboards made for Kafka show them; the rest
 * is ours. Times are seconds, sizes bytes.
 *
 * The rows of the first list are numbers of the whole broker, each core counting its share. Those
 * of the second are histograms. Those of the third exist once for each value of their labels, and
 * are read from what they are about when somebody asks. */
#ifndef TAILRACE_BASE_METRIC_ROWS_H
#define TAILRACE_BASE_METRIC_ROWS_H

/* clang-format off */

/* X(key, name, type, help) */
#define METRIC_ROWS(X)                                                                             \
    /* --- As Kafka calls them --- */                                                              \
    X(PARTITION_COUNT, "kafka_server_replicamanager_partitioncount", GAUGE,                        \
      "Partitions that this broker holds.")                                                        \
    X(LEADER_COUNT, "kafka_server_replicamanager_leadercount", GAUGE,                              \
      "Partitions that this broker leads.")                                                        \
    X(OFFLINE_REPLICA_COUNT, "kafka_server_replicamanager_offlinereplicacount", GAUGE,             \
      "Partitions whose log has failed.")                                                          \
    X(PRODUCER_ID_COUNT, "kafka_server_replicamanager_produceridcount", GAUGE,                     \
      "Idempotent producers that partitions remember, each counted in each partition.")            \
    X(TOPIC_COUNT, "kafka_controller_kafkacontroller_globaltopiccount", GAUGE,                     \
      "Topics of the cluster.")                                                                    \
    /* --- Clients --- */                                                                          \
    X(CONNECTIONS, "tailrace_connections", GAUGE, "Connections of clients that are open.")         \
    X(CONNECTIONS_ACCEPTED, "tailrace_connections_accepted_total", COUNTER,                        \
      "Connections of clients since the start.")                                                   \
    X(ACCEPT_PAUSED, "tailrace_accept_paused", GAUGE,                                              \
      "1 while clients wait to be let in, because as many are connected as file handles allow.")   \
    X(INPUT_BYTES, "tailrace_input_memory_bytes", GAUGE, "Memory that holds requests.")            \
    /* --- Storage --- */                                                                          \
    X(JOURNAL_BYTES, "tailrace_journal_bytes_total", COUNTER,                                      \
      "Bytes written to the journals.")                                                            \
    X(WRITE_ERRORS, "tailrace_write_errors_total", COUNTER,                                        \
      "Failed writes and syncs of stores. The first one ends all acknowledging in its store.")     \
    X(FAILED_STORES, "tailrace_failed_stores", GAUGE,                                              \
      "Stores that acknowledge nothing any more, since a write or sync failed; one for each core " \
      "and directory.")                                                                            \
    X(FULL_STORES, "tailrace_full_stores", GAUGE,                                                  \
      "Stores that refuse records for want of disk space.")                                        \
    X(LOOSE_PARTITIONS, "tailrace_loose_partitions", GAUGE,                                            \
      "Partitions whose flush.messages or flush.ms let an acknowledgement come before the sync.")  \
    X(DAMAGED_RANGES, "tailrace_damaged_ranges", GAUGE,                                            \
      "Ranges of offsets that cannot be read, since the disk has lost or changed them.")           \
    X(STORAGE_BYTES, "tailrace_storage_memory_bytes", GAUGE,                                          \
      "Memory of the storage: records on their way to disk, and the caches.")                      \
    X(CACHE_BYTES, "tailrace_cache_bytes", GAUGE,                                                  \
      "Of it, recent records kept for readers.")                                                   \
    X(COLD_BYTES, "tailrace_cold_cache_bytes", GAUGE,                                              \
      "Of it, older records read from disk.")                                                      \
    X(COLD_READ_BYTES, "tailrace_cold_read_bytes_total", COUNTER,                                  \
      "Bytes of older records read from disk for readers.")                                        \
    X(COLD_CACHE_HITS, "tailrace_cold_cache_hits_total", COUNTER,                                  \
      "Reads of older records that found them in the cache.")                                      \
    X(COLD_CACHE_MISSES, "tailrace_cold_cache_misses_total", COUNTER,                              \
      "Reads of older records that waited for the disk.")                                          \
    X(PAGED_HITS, "tailrace_paged_reads_total", COUNTER,                                           \
      "Reads of older records that are answered from the system's page cache, without a copy.")    \
    X(PAGED_BYTES, "tailrace_paged_bytes_total", COUNTER,                                          \
      "Bytes of records in these answers.")                                                        \
    X(MAX_DIRTY_PERCENT, "kafka_log_logcleanermanager_max_dirty_percent", GAUGE_MAX,               \
      "The greatest share of bytes that compaction has not gone through yet, among the logs that " \
      "it looked at last.")                                                                        \
    X(UNCLEANABLE_PARTITIONS, "kafka_log_logcleanermanager_uncleanable_partitions_count", GAUGE,   \
      "Partitions that compaction leaves out until the next start, since it cannot read them.")    \
    X(COMPACTION_READ_BYTES, "tailrace_compaction_read_bytes_total", COUNTER,                      \
      "Bytes that compaction read.")                                                               \
    X(COMPACTION_WRITTEN_BYTES, "tailrace_compaction_written_bytes_total", COUNTER,                \
      "Bytes that compaction wrote.")                                                              \
    X(PRODUCERS_FORGOTTEN, "tailrace_producers_forgotten_total", COUNTER,                          \
      "Of them, those forgotten before their time, because tailrace.producer.ids.max was reached.")\
    X(RETENTION_DELETED_SEGMENTS, "tailrace_retention_deleted_segments_total", COUNTER,            \
      "Segments that retention or DeleteRecords took out of their logs.")                          \
    X(RETENTION_DELETED_BYTES, "tailrace_retention_deleted_bytes_total", COUNTER,                  \
      "The size of these segments.")                                                               \
    X(RECYCLED_SEGMENTS, "tailrace_recycled_segments_total", COUNTER,                              \
      "Segments that were given the file of one that had left its log.")                           \
    X(RECYCLED_BYTES, "tailrace_recycled_bytes_total", COUNTER,                                    \
      "The size of these files.")                                                                  \
    /* --- Groups --- */                                                                           \
    X(GROUPS, "tailrace_groups", GAUGE, "Groups that this broker coordinates.")                    \
    X(GROUP_OFFSETS, "tailrace_group_offsets", GAUGE, "Offsets that these have committed.")        \
    X(GROUP_MEMORY_BYTES, "tailrace_group_memory_bytes", GAUGE, "Memory of the groups.")           \
    X(GROUP_SHARDS_LOADING, "tailrace_group_shards_loading", GAUGE,                                \
      "Partitions of __consumer_offsets that are being loaded; their groups wait.")                \
    X(GROUP_COMMITS, "tailrace_group_commits_total", COUNTER, "Requests to commit offsets.")       \
    X(GROUP_LOADS, "tailrace_group_loads_total", COUNTER,                                          \
      "Partitions of __consumer_offsets that have been loaded.")                                   \
    X(GROUP_LOAD_MICROSECONDS, "tailrace_group_load_seconds_total", COUNTER_SECONDS,               \
      "How long that took, one after the other.")                                                  \
    X(GROUP_FAILED_APPENDS, "tailrace_group_failed_appends_total", COUNTER,                        \
      "Changes of groups that could not be written, after which a partition was loaded again.")    \
    X(CLASSIC_EMPTY, "kafka_coordinator_group_groupmetadatamanager_numgroupsempty", GAUGE,         \
      "Groups of the classic protocol without members.")                                           \
    X(CLASSIC_PREPARING,                                                                           \
      "kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance", GAUGE,           \
      "Groups of the classic protocol whose members are joining.")                                 \
    X(CLASSIC_COMPLETING,                                                                          \
      "kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance", GAUGE,          \
      "Groups of the classic protocol that wait for the assignment of their leader.")              \
    X(CLASSIC_STABLE, "kafka_coordinator_group_groupmetadatamanager_numgroupsstable", GAUGE,       \
      "Groups of the classic protocol whose members all have their assignments.")                  \
    X(CONSUMER_EMPTY, "kafka_server_group_coordinator_metrics_consumer_group_count_empty", GAUGE,  \
      "Groups of the consumer protocol without members.")                                          \
    X(CONSUMER_ASSIGNING,                                                                          \
      "kafka_server_group_coordinator_metrics_consumer_group_count_assigning", GAUGE,              \
      "Groups of the consumer protocol whose target is older than their epoch.")                   \
    X(CONSUMER_RECONCILING,                                                                        \
      "kafka_server_group_coordinator_metrics_consumer_group_count_reconciling", GAUGE,            \
      "Groups of the consumer protocol with members on their way to the target.")                  \
    X(CONSUMER_STABLE,                                                                             \
      "kafka_server_group_coordinator_metrics_consumer_group_count_stable", GAUGE,                 \
      "Groups of the consumer protocol whose members have what they are to have.")                 \
    X(CLASSIC_REBALANCES,                                                                          \
      "kafka_server_group_coordinator_metrics_classic_group_rebalance_total", COUNTER,             \
      "Generations that groups of the classic protocol have begun.")                               \
    X(CONSUMER_REBALANCES,                                                                         \
      "kafka_server_group_coordinator_metrics_consumer_group_rebalance_total", COUNTER,            \
      "Epochs that groups of the consumer protocol have begun.")                                   \
    X(OFFSET_COMMITS, "kafka_server_group_coordinator_metrics_offset_commit_total", COUNTER,       \
      "Offsets that have been committed.")                                                         \
    X(OFFSET_EXPIRATIONS,                                                                          \
      "kafka_server_group_coordinator_metrics_offset_expiration_total", COUNTER,                   \
      "Offsets whose time was over, or whose topic is gone.")                                      \
    X(OFFSET_DELETIONS, "kafka_server_group_coordinator_metrics_offset_deletion_total", COUNTER,   \
      "Offsets that were deleted, by themselves or with their group.")                             \
    X(GROUP_QUEUE, "kafka_server_group_coordinator_metrics_event_queue_size", GAUGE,               \
      "Records of groups that are not on disk yet; answers wait for them.")                        \
    X(GROUP_LOAD_MS_MAX, "kafka_server_group_coordinator_metrics_partition_load_time_max", GAUGE_MAX,\
      "Milliseconds that the longest load of a partition of __consumer_offsets took.")             \
    X(EXPIRED_SESSIONS, "tailrace_group_expired_sessions_total", COUNTER,                          \
      "Members who were silent for too long.")                                                     \
    X(GROUP_MEMORY_LIMIT_BYTES, "tailrace_group_memory_limit_bytes", GAUGE,                        \
      "What the memory of the groups may come to; beyond it, what would make more is "             \
      "refused.")                                                                                  \
    X(RECOVERY_MICROSECONDS, "tailrace_recovery_seconds", GAUGE_SECONDS,                           \
      "How long the last start took to bring the data directories into order.")                    \
    /* --- The process --- */                                                                      \
    X(PROCESS_RESIDENT_MEMORY_BYTES, "process_resident_memory_bytes", GAUGE,                       \
      "Memory that the process occupies.")                                                         \
    X(PROCESS_OPEN_FDS, "process_open_fds", GAUGE, "File descriptors that are open.")              \
    X(PROCESS_CPU_MICROSECONDS, "process_cpu_seconds_total", COUNTER_SECONDS,                      \
      "CPU time used, of user and system together.")                                               \
    X(UPTIME_MICROSECONDS, "tailrace_uptime_seconds", GAUGE_SECONDS,                               \
      "How long this broker has been serving.")

/* X(key, name, help) */
#define METRIC_HISTOGRAM_ROWS(X)                                                                   \
    X(JOURNAL_COMMIT, "tailrace_journal_commit_seconds",                                           \
      "From the writing of a commit of a journal to its being on disk.")                           \
    X(CHECKPOINT, "tailrace_checkpoint_seconds",                                                   \
      "From the beginning of a checkpoint to all that it covers being in the segments.")           \
    X(COMPACTION, "tailrace_compaction_seconds",                                                   \
      "Passes of compaction over a log that came to their end, pauses included.")

/* X(key, name, type, labels, help) */
#define METRIC_LABELLED_ROWS(X)                                                                    \
    X(TOPIC_MESSAGES_IN, "kafka_server_brokertopicmetrics_messagesin_total", COUNTER, "topic",     \
      "Records that producers appended.")                                                          \
    X(TOPIC_BYTES_IN, "kafka_server_brokertopicmetrics_bytesin_total", COUNTER, "topic",           \
      "Bytes that producers appended.")                                                            \
    X(TOPIC_BYTES_OUT, "kafka_server_brokertopicmetrics_bytesout_total", COUNTER, "topic",         \
      "Bytes that consumers read.")                                                                \
    X(LOG_SIZE, "kafka_log_log_size", GAUGE, "topic, partition",                                   \
      "The size of the log in bytes.")                                                             \
    X(LOG_START_OFFSET, "kafka_log_log_logstartoffset", GAUGE, "topic, partition",                 \
      "The first offset that may be read.")                                                        \
    X(LOG_END_OFFSET, "kafka_log_log_logendoffset", GAUGE, "topic, partition",                     \
      "The offset that the next record will get.")                                                 \
    X(LOG_SEGMENTS, "kafka_log_log_numlogsegments", GAUGE, "topic, partition",                     \
      "Segments of the log.")                                                                      \
    X(REQUESTS, "kafka_network_requestmetrics_requests_total", COUNTER, "request",                 \
      "Requests that were answered.")                                                              \
    X(REQUEST_TIME, "tailrace_request_seconds", HISTOGRAM, "request",                              \
      "From the arrival of a whole request to its answer being ready. Fetch includes the waiting " \
      "for records.")

/* clang-format on */

#endif
