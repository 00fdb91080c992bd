/* The broker's settings, one row each; see cluster/config.h. The order is that of the reference
 * page: what most people set comes first within each group.
 *
 * X(key, name, type, default, min, max, allowed words, read only, documentation)
 *
 * A default of NULL is Kafka's null. Bounds of 0, 0 leave the type's own range. A row that Kafka
 * has and that changes nothing here says so in its documentation, so that a configuration file
 * written for Kafka is accepted and its reader is not misled. */
#ifndef TAILRACE_CLUSTER_CONFIG_ROWS_H
#define TAILRACE_CLUSTER_CONFIG_ROWS_H

#include <stdint.h>

#define NO_EFFECT_YET "Accepted, but has no effect in this release: "

/* clang-format off */
#define CONFIG_ROWS(X)                                                                             \
    /* --- Identity and quorum --- */                                                              \
    X(NODE_ID, "node.id", INT, NULL, 0, INT32_MAX, NULL, true,                                     \
      "The number of this broker, unique in its cluster. 1 if neither this nor broker.id is set.") \
    X(BROKER_ID, "broker.id", INT, "-1", -1, INT32_MAX, NULL, true,                                \
      "The older name of node.id, used when node.id is not set.")                                  \
    X(PROCESS_ROLES, "process.roles", LIST, "", 0, 0, "broker|controller", true,                   \
      "Which parts this process plays. A single node is always both broker and controller, so "    \
      "every value means the same here.")                                                          \
    X(CONTROLLER_LISTENER_NAMES, "controller.listener.names", LIST, "", 0, 0, NULL, true,          \
      "Names among the listeners that only controllers use. A single node talks to no other "      \
      "controller, so these are not opened.")                                                      \
    X(CONTROLLER_QUORUM_VOTERS, "controller.quorum.voters", LIST, "", 0, 0, NULL, true,            \
      "The controllers of the cluster. Must name at most one: this release is a quorum of one.")   \
    X(CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "controller.quorum.bootstrap.servers", LIST, "", 0, 0,  \
      NULL, true, NO_EFFECT_YET "a single node needs no other controller to find its cluster.")    \
    X(BROKER_RACK, "broker.rack", STRING, NULL, 0, 0, NULL, true,                                  \
      "Where this broker stands, as shown to clients and used to spread replicas.")                \
    X(TAILRACE_CLUSTER_ID, "tailrace.cluster.id", STRING, NULL, 0, 0, NULL, true,                  \
      "The cluster id that a new data directory gets: 22 characters of URL-safe base64. The "      \
      "environment variable CLUSTER_ID sets it too. A random one if not set; ignored when the "    \
      "directory already has one.")                                                                \
    /* --- Listeners and connections --- */                                                        \
    X(LISTENERS, "listeners", LIST, "PLAINTEXT://:9092", 0, 0, NULL, false,                        \
      "Where clients connect: NAME://HOST:PORT, separated by commas. An empty host means all "     \
      "interfaces; IPv6 addresses stand in brackets.")                                             \
    X(ADVERTISED_LISTENERS, "advertised.listeners", LIST, NULL, 0, 0, NULL, false,                 \
      "The addresses told to clients, if they differ from listeners. Names as in listeners.")      \
    X(LISTENER_SECURITY_PROTOCOL_MAP, "listener.security.protocol.map", STRING,                    \
      "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL", 0, 0, NULL,   \
      false, "The security protocol of each listener name. Only PLAINTEXT is served in this "      \
      "release.")                                                                                  \
    X(INTER_BROKER_LISTENER_NAME, "inter.broker.listener.name", STRING, NULL, 0, 0, NULL, true,    \
      "The listener that brokers use among themselves. Must be one of listeners.")                 \
    X(SECURITY_INTER_BROKER_PROTOCOL, "security.inter.broker.protocol", STRING, "PLAINTEXT", 0, 0, \
      "PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL", true,                                               \
      NO_EFFECT_YET "a single node has no other broker to talk to.")                               \
    X(MAX_CONNECTIONS, "max.connections", INT, "2147483647", 0, INT32_MAX, NULL, false,            \
      NO_EFFECT_YET "each core holds 32,768 connections at most.")                                 \
    X(MAX_CONNECTIONS_PER_IP, "max.connections.per.ip", INT, "2147483647", 0, INT32_MAX, NULL,     \
      false, NO_EFFECT_YET "connections are not counted by address.")                              \
    X(MAX_CONNECTIONS_PER_IP_OVERRIDES, "max.connections.per.ip.overrides", STRING, "", 0, 0, NULL,\
      false, NO_EFFECT_YET "limits of single addresses, written as address:count.")                \
    X(MAX_CONNECTION_CREATION_RATE, "max.connection.creation.rate", INT, "2147483647", 0,          \
      INT32_MAX, NULL, false, NO_EFFECT_YET "new connections per second.")                         \
    X(CONNECTIONS_MAX_IDLE_MS, "connections.max.idle.ms", LONG, "600000", -1, INT64_MAX, NULL,     \
      true, "A connection without a request for so many milliseconds is closed; -1 or 0: never.")  \
    X(SOCKET_REQUEST_MAX_BYTES, "socket.request.max.bytes", INT, "104857600", 1, INT32_MAX, NULL,  \
      true, "The largest request that is read, at most 128 MiB; a larger one closes its "          \
      "connection.")                                                                               \
    X(SOCKET_SEND_BUFFER_BYTES, "socket.send.buffer.bytes", INT, "102400", -1, INT32_MAX, NULL,    \
      true, NO_EFFECT_YET "the system sizes its socket buffers itself.")                           \
    X(SOCKET_RECEIVE_BUFFER_BYTES, "socket.receive.buffer.bytes", INT, "102400", -1, INT32_MAX,    \
      NULL, true, NO_EFFECT_YET "the system sizes its socket buffers itself.")                     \
    X(SOCKET_LISTEN_BACKLOG_SIZE, "socket.listen.backlog.size", INT, "50", 1, INT32_MAX, NULL,     \
      true, NO_EFFECT_YET "connections that wait to be accepted; the system's maximum is used.")   \
    X(QUEUED_MAX_REQUESTS, "queued.max.requests", INT, "500", 1, INT32_MAX, NULL, true,            \
      NO_EFFECT_YET "requests are bounded by memory, see tailrace.memory.bytes.")                  \
    X(REQUEST_TIMEOUT_MS, "request.timeout.ms", INT, "30000", 0, INT32_MAX, NULL, true,            \
      NO_EFFECT_YET "how long one broker waits for another.")                                      \
    /* --- Threads, memory, input and output --- */                                                \
    X(TAILRACE_IO, "tailrace.io", STRING, "auto", 0, 0, "auto|uring|posix", true,                  \
      "How the broker reaches disk and network: uring (Linux io_uring), posix (epoll and "         \
      "threads), or auto: uring where the system allows it.")                                      \
    X(TAILRACE_ADMIN_LISTENER, "tailrace.admin.listener", STRING, "127.0.0.1:9644", 0, 0, NULL,    \
      true, "HOST:PORT of the pages for those who watch this broker, over plain HTTP: /metrics "   \
      "for Prometheus, /healthz and /readyz. Empty: none. If it cannot be opened, the log says "   \
      "so and the broker serves without.")                                                         \
    X(TAILRACE_CORES, "tailrace.cores", INT, "0", 0, 1024, NULL, true,                             \
      "How many cores the broker works on, one thread each; 0: all that the process may use but "    \
      "one, which is left to the kernel's part of the work: syncs and the network.")                \
    X(TAILRACE_MEMORY_BYTES, "tailrace.memory.bytes", LONG, "0", 0, INT64_MAX, NULL, true,         \
      "Memory for requests and for the data being served, over all cores; 0: 256 MiB. A quarter "  \
      "keeps recent records for readers and an eighth older ones that were read back; all others " \
      "come from the disk. When it is used up, the broker stops reading from sockets until some "  \
      "is free.")                                                                                  \
    X(NUM_NETWORK_THREADS, "num.network.threads", INT, "3", 1, INT32_MAX, NULL, false,             \
      NO_EFFECT_YET "see tailrace.cores.")                                                         \
    X(NUM_IO_THREADS, "num.io.threads", INT, "8", 1, INT32_MAX, NULL, false,                       \
      NO_EFFECT_YET "see tailrace.cores.")                                                         \
    X(NUM_REPLICA_FETCHERS, "num.replica.fetchers", INT, "1", 0, INT32_MAX, NULL, false,           \
      NO_EFFECT_YET "a single node fetches from no other broker.")                                 \
    X(BACKGROUND_THREADS, "background.threads", INT, "10", 1, INT32_MAX, NULL, false,              \
      NO_EFFECT_YET "see tailrace.cores.")                                                         \
    X(NUM_RECOVERY_THREADS_PER_DATA_DIR, "num.recovery.threads.per.data.dir", INT, "2", 1,         \
      INT32_MAX, NULL, false, NO_EFFECT_YET "see tailrace.cores.")                                 \
    /* --- Where data lies --- */                                                                  \
    X(LOG_DIRS, "log.dirs", LIST, NULL, 0, 0, NULL, true,                                          \
      "The folders that hold the data, separated by commas, each on a disk of its own. A new "     \
      "partition goes to the one with the fewest. A folder that fails takes only its own "         \
      "partitions offline; one that is taken out keeps them until it is put back.")                \
    X(LOG_DIR, "log.dir", LIST, "/tmp/kafka-logs", 0, 0, NULL, true,                               \
      "The data folder if log.dirs is not set. The default is lost when the machine starts "       \
      "anew: set log.dirs.")                                                                       \
    X(METADATA_LOG_DIR, "metadata.log.dir", STRING, NULL, 0, 0, NULL, true,                        \
      "The folder in which the metadata lies, in cluster/. The first of log.dirs if not set. "     \
      "Without it there is no broker: the process ends when its disk fails.")                      \
    X(METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS,                                             \
      "metadata.log.max.record.bytes.between.snapshots", LONG, "20971520", 1, INT64_MAX, NULL,     \
      true, "The metadata log is replaced by a snapshot when it has grown by so many bytes.")      \
    X(METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS, "metadata.log.max.snapshot.interval.ms", LONG,        \
      "3600000", 0, INT64_MAX, NULL, true,                                                         \
      NO_EFFECT_YET "snapshots are made by growth alone.")                                         \
    /* --- Topics --- */                                                                           \
    X(NUM_PARTITIONS, "num.partitions", INT, "1", 1, INT32_MAX, NULL, false,                       \
      "Partitions of a topic whose creator does not say how many.")                                \
    X(DEFAULT_REPLICATION_FACTOR, "default.replication.factor", INT, "1", 1, INT16_MAX, NULL,      \
      true, "Replicas of a topic whose creator does not say how many.")                            \
    X(AUTO_CREATE_TOPICS_ENABLE, "auto.create.topics.enable", BOOLEAN, "true", 0, 0, NULL, false,  \
      "Make a topic when a client asks for the metadata of one that is not there and allows it.")  \
    X(DELETE_TOPIC_ENABLE, "delete.topic.enable", BOOLEAN, "true", 0, 0, NULL, true,               \
      "Whether topics can be deleted.")                                                            \
    X(MIN_INSYNC_REPLICAS, "min.insync.replicas", INT, "1", 1, INT32_MAX, NULL, false,             \
      "With acks=all, how many in-sync replicas must hold a record before it is acknowledged.")    \
    X(UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable", BOOLEAN, "false", 0, 0,    \
      NULL, false, NO_EFFECT_YET "a replica that lags may not become leader.")                     \
    X(AUTO_LEADER_REBALANCE_ENABLE, "auto.leader.rebalance.enable", BOOLEAN, "true", 0, 0, NULL,   \
      true, NO_EFFECT_YET "a single node leads every partition.")                                  \
    X(LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS, "leader.imbalance.check.interval.seconds", LONG,    \
      "300", 1, INT64_MAX, NULL, true, NO_EFFECT_YET "a single node leads every partition.")       \
    X(COMPRESSION_TYPE, "compression.type", STRING, "producer", 0, 0,                              \
      "uncompressed|zstd|lz4|snappy|gzip|producer", false,                                         \
      "How record batches are kept: as the producer sent them, or compressed anew this way.")      \
    X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", -1, 9, NULL, false,             \
      "Effort of gzip where the broker compresses, 1 to 9; -1: the library's choice.")             \
    X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", 1, 17, NULL, false,                \
      "Effort of lz4 where the broker compresses.")                                                \
    X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", -131072, 22, NULL, false,        \
      "Effort of zstd where the broker compresses.")                                               \
    X(MESSAGE_MAX_BYTES, "message.max.bytes", INT, "1048588", 0, INT32_MAX, NULL, false,           \
      "The largest record batch that is accepted, after compression.")                             \
    X(LOG_MESSAGE_TIMESTAMP_TYPE, "log.message.timestamp.type", STRING, "CreateTime", 0, 0,        \
      "CreateTime|LogAppendTime", false,                                                           \
      "Whether a record keeps the time its producer gave it or gets the time of its arrival.")     \
    X(LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "log.message.timestamp.before.max.ms", LONG,            \
      "9223372036854775807", 0, INT64_MAX, NULL, false,                                            \
      "How far a record's timestamp may lie before the broker's clock, in milliseconds.")          \
    X(LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, "log.message.timestamp.after.max.ms", LONG, "3600000",   \
      0, INT64_MAX, NULL, false,                                                                   \
      "How far a record's timestamp may lie after the broker's clock, in milliseconds.")           \
    X(FETCH_MAX_BYTES, "fetch.max.bytes", INT, "57671680", 1024, INT32_MAX, NULL, true,            \
      "The most data that one fetch is answered with, whatever the client asks for.")              \
    X(MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS, "max.incremental.fetch.session.cache.slots", INT, \
      "1000", 0, INT32_MAX, NULL, true, "How many fetch sessions each core remembers, as far as there is memory for them.")           \
    X(REPLICA_LAG_TIME_MAX_MS, "replica.lag.time.max.ms", LONG, "30000", 0, INT64_MAX, NULL, true, \
      NO_EFFECT_YET "a single node has no followers that could lag.")                              \
    X(REPLICA_FETCH_MAX_BYTES, "replica.fetch.max.bytes", INT, "1048576", 0, INT32_MAX, NULL,      \
      true, NO_EFFECT_YET "a single node has no followers.")                                       \
    X(REPLICA_SELECTOR_CLASS, "replica.selector.class", STRING, NULL, 0, 0, NULL, true,            \
      NO_EFFECT_YET "clients read from the leader.")                                               \
    /* --- Retention, segments, cleaning --- */                                                    \
    X(LOG_RETENTION_MS, "log.retention.ms", LONG, NULL, -1, INT64_MAX, NULL, false,                \
      "A segment is deleted when its newest record is older than this; -1: never. Weighs more "    \
      "than log.retention.minutes and log.retention.hours.")                                       \
    X(LOG_RETENTION_MINUTES, "log.retention.minutes", INT, NULL, -1, INT32_MAX, NULL, true,        \
      "The same in minutes, used if log.retention.ms is not set.")                                 \
    X(LOG_RETENTION_HOURS, "log.retention.hours", INT, "168", -1, INT32_MAX, NULL, true,           \
      "The same in hours, used if neither log.retention.ms nor log.retention.minutes is set.")     \
    X(LOG_RETENTION_BYTES, "log.retention.bytes", LONG, "-1", -1, INT64_MAX, NULL, false,          \
      "The oldest segment of a partition is deleted while the others hold at least this much; "    \
      "-1: never.")                                                                                \
    X(LOG_RETENTION_CHECK_INTERVAL_MS, "log.retention.check.interval.ms", LONG, "300000", 1,       \
      INT64_MAX, NULL, true, "How often partitions are looked through for old segments.")          \
    X(LOG_SEGMENT_BYTES, "log.segment.bytes", INT, "1073741824", 1048576, INT32_MAX, NULL, false,  \
      "How large a segment file of a partition grows before the next one begins.")                 \
    X(LOG_ROLL_MS, "log.roll.ms", LONG, NULL, 1, INT64_MAX, NULL, false,                           \
      "A segment is closed when it is this old. Weighs more than log.roll.hours.")                 \
    X(LOG_ROLL_HOURS, "log.roll.hours", INT, "168", 1, INT32_MAX, NULL, true,                      \
      "A segment is closed when it is this old, used if log.roll.ms is not set.")                  \
    X(LOG_ROLL_JITTER_MS, "log.roll.jitter.ms", LONG, NULL, 0, INT64_MAX, NULL, false,             \
      "Segments are closed up to this much before their age, each at another time, so that not "   \
      "all are closed at once. Weighs more than log.roll.jitter.hours.")                           \
    X(LOG_ROLL_JITTER_HOURS, "log.roll.jitter.hours", INT, "0", 0, INT32_MAX, NULL, true,          \
      "The same in hours, used if log.roll.jitter.ms is not set.")                                 \
    X(LOG_INDEX_SIZE_MAX_BYTES, "log.index.size.max.bytes", INT, "10485760", 4, INT32_MAX, NULL,   \
      false, NO_EFFECT_YET "indexes are sized by what they hold.")                                 \
    X(LOG_INDEX_INTERVAL_BYTES, "log.index.interval.bytes", INT, "4096", 0, INT32_MAX, NULL,       \
      false, NO_EFFECT_YET "indexes have an entry for about each 64 KiB.")                         \
    X(LOG_SEGMENT_DELETE_DELAY_MS, "log.segment.delete.delay.ms", LONG, "60000", 0, INT64_MAX,     \
      NULL, false, "How long the file of a deleted segment, or the directory of a deleted "        \
      "partition, stays on disk, unless a new segment is given the file before.")                  \
    X(LOG_PREALLOCATE, "log.preallocate", BOOLEAN, "false", 0, 0, NULL, false,                     \
      NO_EFFECT_YET "space for segments is always reserved ahead.")                                \
    X(LOG_FLUSH_INTERVAL_MESSAGES, "log.flush.interval.messages", LONG, "9223372036854775807", 1,  \
      INT64_MAX, NULL, false, "flush.messages of topics that do not set it: how many records may " \
      "be acknowledged before they are on disk. At its default, and at 1, none.")                  \
    X(LOG_FLUSH_INTERVAL_MS, "log.flush.interval.ms", LONG, NULL, 0, INT64_MAX, NULL, false,       \
      "flush.ms of topics that do not set it: how old a record may become that was acknowledged "  \
      "before it is on disk. If not set, and at 0, none is.")                                      \
    X(LOG_FLUSH_SCHEDULER_INTERVAL_MS, "log.flush.scheduler.interval.ms", LONG,                    \
      "9223372036854775807", 0, INT64_MAX, NULL, true,                                             \
      NO_EFFECT_YET "records are written to disk as they come, or at most 50 ms later.")           \
    X(LOG_CLEANUP_POLICY, "log.cleanup.policy", LIST, "delete", 0, 0, "compact|delete", false,     \
      "delete: old segments are deleted. compact: for each key the newest record is kept, and "    \
      "records without a key are refused.")                                                        \
    X(LOG_CLEANER_ENABLE, "log.cleaner.enable", BOOLEAN, "true", 0, 0, NULL, true,                 \
      "Whether logs are compacted at all.")                                                        \
    X(LOG_CLEANER_THREADS, "log.cleaner.threads", INT, "1", 0, INT32_MAX, NULL, false,             \
      NO_EFFECT_YET "each core compacts its own partitions, one at a time.")                       \
    X(LOG_CLEANER_DEDUPE_BUFFER_SIZE, "log.cleaner.dedupe.buffer.size", LONG, "134217728", 0,      \
      INT64_MAX, NULL, true, "The memory of all cores for the keys of the logs being compacted, "  \
      "24 bytes for each key, and never more than an eighth of the broker's. A log with more "     \
      "keys is compacted in several passes.")                                                      \
    X(LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "log.cleaner.io.max.bytes.per.second", DOUBLE,          \
      "1.7976931348623157E308", 0, 0, NULL, true,                                                  \
      "How much compaction may read and write in a second, all cores together.")                   \
    X(LOG_CLEANER_BACKOFF_MS, "log.cleaner.backoff.ms", LONG, "15000", 0, INT64_MAX, NULL, true,   \
      "How long to wait before looking again, when no log is to be compacted.")                    \
    X(LOG_CLEANER_MIN_CLEANABLE_RATIO, "log.cleaner.min.cleanable.ratio", DOUBLE, "0.5", 0, 1,     \
      NULL, false, "A log is compacted when more than this share of it has come since it was "     \
      "compacted last.")                                                                           \
    X(LOG_CLEANER_DELETE_RETENTION_MS, "log.cleaner.delete.retention.ms", LONG, "86400000", 0,     \
      INT64_MAX, NULL, false, "How long a compacted log keeps the records that delete a key, "     \
      "so that consumers who are behind see them.")                                                \
    X(LOG_CLEANER_MIN_COMPACTION_LAG_MS, "log.cleaner.min.compaction.lag.ms", LONG, "0", 0,        \
      INT64_MAX, NULL, false, "Records younger than this are not compacted.")                      \
    X(LOG_CLEANER_MAX_COMPACTION_LAG_MS, "log.cleaner.max.compaction.lag.ms", LONG,                \
      "9223372036854775807", 1, INT64_MAX, NULL, false,                                            \
      "A log is compacted when something in it has waited longer than this, however little it "    \
      "is.")                                                                                       \
    X(LOG_LOCAL_RETENTION_MS, "log.local.retention.ms", LONG, "-2", -2, INT64_MAX, NULL, false,    \
      NO_EFFECT_YET "there is no remote storage.")                                                 \
    X(LOG_LOCAL_RETENTION_BYTES, "log.local.retention.bytes", LONG, "-2", -2, INT64_MAX, NULL,     \
      false, NO_EFFECT_YET "there is no remote storage.")                                          \
    X(REMOTE_LOG_STORAGE_SYSTEM_ENABLE, "remote.log.storage.system.enable", BOOLEAN, "false", 0, 0,\
      NULL, true, NO_EFFECT_YET "there is no remote storage.")                                     \
    /* --- Producers and transactions --- */                                                       \
    X(PRODUCER_ID_EXPIRATION_MS, "producer.id.expiration.ms", INT, "86400000", 1, INT32_MAX, NULL, \
      false, "How long a partition remembers an idempotent producer that is silent.")              \
    X(TAILRACE_PRODUCER_IDS_MAX, "tailrace.producer.ids.max", INT, "1000000", 1, INT32_MAX, NULL,  \
      true, "How many idempotent producers all partitions remember together, each counted in each "\
      "partition, shared out evenly among cores and log.dirs, 2,000,000 for a core at most; one "  \
      "takes about 256 bytes. Whoever comes above that takes the place of the one that was silent "\
      "longest.")                                                                                  \
    X(TRANSACTION_MAX_TIMEOUT_MS, "transaction.max.timeout.ms", INT, "900000", 1, INT32_MAX, NULL, \
      true, NO_EFFECT_YET "transactions come with a later release.")                               \
    X(TRANSACTIONAL_ID_EXPIRATION_MS, "transactional.id.expiration.ms", INT, "604800000", 1,       \
      INT32_MAX, NULL, true, NO_EFFECT_YET "transactions come with a later release.")              \
    X(TRANSACTION_STATE_LOG_REPLICATION_FACTOR, "transaction.state.log.replication.factor", SHORT, \
      "3", 1, INT16_MAX, NULL, true, NO_EFFECT_YET "transactions come with a later release.")      \
    X(TRANSACTION_STATE_LOG_MIN_ISR, "transaction.state.log.min.isr", INT, "2", 1, INT32_MAX,      \
      NULL, true, NO_EFFECT_YET "transactions come with a later release.")                         \
    X(TRANSACTION_STATE_LOG_NUM_PARTITIONS, "transaction.state.log.num.partitions", INT, "50", 1,  \
      INT32_MAX, NULL, true, NO_EFFECT_YET "transactions come with a later release.")              \
    /* --- Groups --- */                                                                           \
    X(OFFSETS_TOPIC_REPLICATION_FACTOR, "offsets.topic.replication.factor", SHORT, "3", 1,         \
      INT16_MAX, NULL, true,                                                                       \
      "Replicas of each partition of __consumer_offsets, when it is made: with the first "         \
      "group. At most one for each broker there is then.")                                         \
    X(OFFSETS_TOPIC_NUM_PARTITIONS, "offsets.topic.num.partitions", INT, "50", 1, 10000,           \
      NULL, true,                                                                                  \
      "Partitions of __consumer_offsets, when it is made. Groups are spread over them, and "       \
      "must find theirs again: do not change the number of a topic that exists.")                  \
    X(OFFSETS_TOPIC_SEGMENT_BYTES, "offsets.topic.segment.bytes", INT, "104857600", 1048576,       \
      INT32_MAX, NULL, true,                                                                       \
      "segment.bytes of __consumer_offsets, when it is made. Smaller ones are compacted "          \
      "earlier, which makes loading shorter.")                                                     \
    X(OFFSETS_TOPIC_COMPRESSION_CODEC, "offsets.topic.compression.codec", INT, "0", 0, 4,          \
      NULL, true,                                                                                  \
      "How the records of groups are compressed: 0 not at all, 1 gzip, 2 snappy, 3 "               \
      "lz4, 4 zstd.")                                                                              \
    X(OFFSETS_COMMIT_TIMEOUT_MS, "offsets.commit.timeout.ms", INT, "5000", 1, INT32_MAX,           \
      NULL, true,                                                                                  \
      NO_EFFECT_YET "a commit waits for the disk of this broker alone, and is answered when that " \
      "has taken it.")                                                                             \
    X(OFFSETS_LOAD_BUFFER_SIZE, "offsets.load.buffer.size", INT, "5242880", 1, INT32_MAX,          \
      NULL, true,                                                                                  \
      NO_EFFECT_YET "partitions of __consumer_offsets are loaded 1 MiB at a time.")                \
    X(OFFSETS_RETENTION_MINUTES, "offsets.retention.minutes", INT, "10080", 1, INT32_MAX,          \
      NULL, true,                                                                                  \
      "How long offsets stay when nobody wants them: counted from when the group became "          \
      "empty, or from the commit where there are no members, or none who reads the topic.")        \
    X(OFFSETS_RETENTION_CHECK_INTERVAL_MS, "offsets.retention.check.interval.ms", LONG,            \
      "600000", 1, INT64_MAX, NULL, true,                                                          \
      "How often it is looked for offsets whose time is over.")                                    \
    X(OFFSET_METADATA_MAX_BYTES, "offset.metadata.max.bytes", INT, "4096", 0, INT32_MAX,           \
      NULL, true,                                                                                  \
      "How long the text may be that a client commits with an offset.")                            \
    X(GROUP_MAX_SIZE, "group.max.size", INT, "2147483647", 1, INT32_MAX, NULL, true,               \
      "How many members a group of the classic protocol may have.")                                \
    X(GROUP_INITIAL_REBALANCE_DELAY_MS, "group.initial.rebalance.delay.ms", INT, "3000", 0,        \
      INT32_MAX, NULL, true,                                                                       \
      "How long an empty group of the classic protocol waits for more members after the "          \
      "first.")                                                                                    \
    X(GROUP_MIN_SESSION_TIMEOUT_MS, "group.min.session.timeout.ms", INT, "6000", 0,                \
      INT32_MAX, NULL, true,                                                                       \
      "The shortest session that a member of the classic protocol may ask for.")                   \
    X(GROUP_MAX_SESSION_TIMEOUT_MS, "group.max.session.timeout.ms", INT, "1800000", 0,             \
      INT32_MAX, NULL, true,                                                                       \
      "The longest session that a member of the classic protocol may ask for.")                    \
    X(GROUP_CONSUMER_SESSION_TIMEOUT_MS, "group.consumer.session.timeout.ms", INT, "45000",        \
      1, INT32_MAX, NULL, true,                                                                    \
      "Without a heartbeat for so long a member of the consumer protocol is out.")                 \
    X(GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, "group.consumer.heartbeat.interval.ms", INT,           \
      "5000", 1, INT32_MAX, NULL, true,                                                            \
      "How often members of the consumer protocol are told to send heartbeats.")                   \
    X(GROUP_CONSUMER_MAX_SIZE, "group.consumer.max.size", INT, "2147483647", 1, INT32_MAX,         \
      NULL, true,                                                                                  \
      "How many members a group of the consumer protocol may have.")                               \
    X(GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "group.consumer.assignment.interval.ms", INT,         \
      "1000", 0, INT32_MAX, NULL, false,                                                           \
      "How long a group of the consumer protocol gathers changes before partitions are "           \
      "assigned anew.")                                                                            \
    X(GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS, "group.consumer.regex.refresh.interval.ms",        \
      INT, "600000", 10000, INT32_MAX, NULL, true,                                                 \
      "How often regular expressions are matched against the topics that there are.")              \
    X(GROUP_CONSUMER_MIGRATION_POLICY, "group.consumer.migration.policy", STRING,                  \
      "bidirectional", 0, 0, "bidirectional|upgrade|downgrade|disabled", true,                     \
      "Whether a group with members may go from the classic to the consumer protocol when one "    \
      "comes who speaks that (upgrade), and back when the last of them has gone (downgrade).")     \
    X(GROUP_CONSUMER_ASSIGNORS, "group.consumer.assignors", LIST, "uniform,range", 0, 0,           \
      "uniform|range|org.apache.kafka.coordinator.group.assignor.UniformAssignor|"                 \
      "org.apache.kafka.coordinator.group.assignor.RangeAssignor", true,                           \
      "The assignors that members may ask for; the first is for those who do not ask. Kafka's "    \
      "names of their classes stand for them, too.")                                               \
    X(GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, "group.consumer.min.session.timeout.ms", INT,         \
      "45000", 1, INT32_MAX, NULL, true,                                                           \
      "The least that group.consumer.session.timeout.ms, and "                                     \
      "consumer.session.timeout.ms of a group, may be.")                                           \
    X(GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, "group.consumer.max.session.timeout.ms", INT,         \
      "60000", 1, INT32_MAX, NULL, true,                                                           \
      "The most that they may be.")                                                                \
    X(GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, "group.consumer.min.heartbeat.interval.ms",        \
      INT, "5000", 1, INT32_MAX, NULL, true,                                                       \
      "The least that group.consumer.heartbeat.interval.ms, and "                                  \
      "consumer.heartbeat.interval.ms of a group, may be.")                                        \
    X(GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS, "group.consumer.max.heartbeat.interval.ms",        \
      INT, "15000", 1, INT32_MAX, NULL, true,                                                      \
      "The most that they may be.")                                                                \
    X(GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, "group.consumer.min.assignment.interval.ms",      \
      INT, "0", 0, INT32_MAX, NULL, true,                                                          \
      "The least that group.consumer.assignment.interval.ms, and "                                 \
      "consumer.assignment.interval.ms of a group, may be.")                                       \
    X(GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS, "group.consumer.max.assignment.interval.ms",      \
      INT, "15000", 0, INT32_MAX, NULL, true,                                                      \
      "The most that they may be.")                                                                \
    X(GROUP_COORDINATOR_REBALANCE_PROTOCOLS, "group.coordinator.rebalance.protocols", LIST,        \
      "classic,consumer,streams", 0, 0, "classic|consumer|streams|share", true,                    \
      "Which protocols members may speak. The classic one cannot be left out; "                    \
      "without consumer, requests of that protocol are refused; streams and share "                \
      "are not there in this release.")                                                            \
    X(GROUP_COORDINATOR_APPEND_LINGER_MS, "group.coordinator.append.linger.ms", INT, "-1",         \
      -1, INT32_MAX, NULL, true,                                                                   \
      NO_EFFECT_YET "changes of groups gather while those before them are on their way to the "    \
      "disk, which takes no time when the disk is idle.")                                          \
    X(GROUP_COORDINATOR_THREADS, "group.coordinator.threads", INT, "4", 1, INT32_MAX, NULL,        \
      true,                                                                                        \
      NO_EFFECT_YET "each partition of __consumer_offsets is served by the core that is its home.")\
    X(GROUP_COORDINATOR_BACKGROUND_THREADS, "group.coordinator.background.threads", INT, "2",      \
      1, INT32_MAX, NULL, true,                                                                    \
      NO_EFFECT_YET "expressions are matched by the core that serves the group, a slice at a "     \
      "time.")                                                                                     \
    X(GROUP_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "group.coordinator.cached.buffer.max.bytes",      \
      INT, "1048588", 524288, INT32_MAX, NULL, false,                                              \
      NO_EFFECT_YET "buffers are kept as they are.")                                               \
    X(GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, "group.share.assignment.interval.ms", INT, "1000",       \
      0, INT32_MAX, NULL, false,                                                                   \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_ASSIGNORS, "group.share.assignors", LIST, "simple", 0, 0, NULL, true,            \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_DELIVERY_COUNT_LIMIT, "group.share.delivery.count.limit", INT, "5", 1,           \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_HEARTBEAT_INTERVAL_MS, "group.share.heartbeat.interval.ms", INT, "5000", 1,      \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS, "group.share.max.assignment.interval.ms", INT,       \
      "15000", 0, INT32_MAX, NULL, true,                                                           \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT, "group.share.max.delivery.count.limit", INT,           \
      "10", 1, INT32_MAX, NULL, true,                                                              \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS, "group.share.max.heartbeat.interval.ms", INT,         \
      "15000", 1, INT32_MAX, NULL, true,                                                           \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS,                                                  \
      "group.share.max.partition.max.record.locks", INT, "4000", 1, INT32_MAX, NULL, true,         \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS, "group.share.max.record.lock.duration.ms",          \
      INT, "60000", 1, INT32_MAX, NULL, true,                                                      \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_SESSION_TIMEOUT_MS, "group.share.max.session.timeout.ms", INT, "60000",      \
      1, INT32_MAX, NULL, true,                                                                    \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_SHARE_SESSIONS, "group.share.max.share.sessions", INT, "2000", 1,            \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MAX_SIZE, "group.share.max.size", INT, "200", 1, INT32_MAX, NULL, true,          \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS, "group.share.min.assignment.interval.ms", INT,       \
      "0", 0, INT32_MAX, NULL, true,                                                               \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT, "group.share.min.delivery.count.limit", INT, "2",      \
      1, INT32_MAX, NULL, true,                                                                    \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS, "group.share.min.heartbeat.interval.ms", INT,         \
      "5000", 1, INT32_MAX, NULL, true,                                                            \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,                                                  \
      "group.share.min.partition.max.record.locks", INT, "100", 1, INT32_MAX, NULL, true,          \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS, "group.share.min.record.lock.duration.ms",          \
      INT, "15000", 1, INT32_MAX, NULL, true,                                                      \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_MIN_SESSION_TIMEOUT_MS, "group.share.min.session.timeout.ms", INT, "45000",      \
      1, INT32_MAX, NULL, true,                                                                    \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, "group.share.partition.max.record.locks", INT,       \
      "2000", 1, INT32_MAX, NULL, true,                                                            \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_RECORD_LOCK_DURATION_MS, "group.share.record.lock.duration.ms", INT,             \
      "30000", 1, INT32_MAX, NULL, true,                                                           \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_SHARE_SESSION_TIMEOUT_MS, "group.share.session.timeout.ms", INT, "45000", 1,           \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, "group.streams.assignment.interval.ms", INT,           \
      "1000", 0, INT32_MAX, NULL, false,                                                           \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, "group.streams.heartbeat.interval.ms", INT,             \
      "5000", 1, INT32_MAX, NULL, true,                                                            \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, "group.streams.initial.rebalance.delay.ms",        \
      INT, "3000", 0, 0, NULL, true,                                                               \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS, "group.streams.max.assignment.interval.ms",        \
      INT, "15000", 0, INT32_MAX, NULL, true,                                                      \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS, "group.streams.max.heartbeat.interval.ms",          \
      INT, "15000", 1, INT32_MAX, NULL, true,                                                      \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS, "group.streams.max.session.timeout.ms", INT,           \
      "60000", 1, INT32_MAX, NULL, true,                                                           \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MAX_SIZE, "group.streams.max.size", INT, "2147483647", 1, INT32_MAX,           \
      NULL, true,                                                                                  \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MAX_STANDBY_REPLICAS, "group.streams.max.standby.replicas", INT, "2", 0,       \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS, "group.streams.min.assignment.interval.ms",        \
      INT, "0", 0, INT32_MAX, NULL, true,                                                          \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS, "group.streams.min.heartbeat.interval.ms",          \
      INT, "5000", 1, INT32_MAX, NULL, true,                                                       \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS, "group.streams.min.session.timeout.ms", INT,           \
      "45000", 1, INT32_MAX, NULL, true,                                                           \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_NUM_STANDBY_REPLICAS, "group.streams.num.standby.replicas", INT, "0", 0,       \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(GROUP_STREAMS_SESSION_TIMEOUT_MS, "group.streams.session.timeout.ms", INT, "45000", 1,       \
      INT32_MAX, NULL, true,                                                                       \
      NO_EFFECT_YET "streams groups come with a later release.")                                   \
    X(SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR,                                            \
      "share.coordinator.state.topic.replication.factor", SHORT, "3", 1, INT16_MAX, NULL, true,    \
      NO_EFFECT_YET "share groups come with a later release.")                                     \
    X(SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR, "share.coordinator.state.topic.min.isr", SHORT, "2",  \
      1, INT16_MAX, NULL, true, NO_EFFECT_YET "share groups come with a later release.")           \
    /* --- Security and quotas --- */                                                              \
    X(AUTHORIZER_CLASS_NAME, "authorizer.class.name", STRING, "", 0, 0, NULL, true,                \
      NO_EFFECT_YET "every client may do everything.")                                             \
    X(SUPER_USERS, "super.users", STRING, NULL, 0, 0, NULL, true,                                  \
      NO_EFFECT_YET "every client may do everything.")                                             \
    X(ALLOW_EVERYONE_IF_NO_ACL_FOUND, "allow.everyone.if.no.acl.found", BOOLEAN, "false", 0, 0,    \
      NULL, true, NO_EFFECT_YET "every client may do everything.")                                 \
    X(SASL_ENABLED_MECHANISMS, "sasl.enabled.mechanisms", LIST, "GSSAPI", 0, 0, NULL, false,       \
      NO_EFFECT_YET "clients are not authenticated.")                                              \
    X(SASL_MECHANISM_INTER_BROKER_PROTOCOL, "sasl.mechanism.inter.broker.protocol", STRING,        \
      "GSSAPI", 0, 0, NULL, false, NO_EFFECT_YET "clients are not authenticated.")                 \
    X(SSL_KEYSTORE_LOCATION, "ssl.keystore.location", STRING, NULL, 0, 0, NULL, false,             \
      NO_EFFECT_YET "TLS is not served.")                                                          \
    X(SSL_KEYSTORE_PASSWORD, "ssl.keystore.password", PASSWORD, NULL, 0, 0, NULL, false,           \
      NO_EFFECT_YET "TLS is not served.")                                                          \
    X(SSL_TRUSTSTORE_LOCATION, "ssl.truststore.location", STRING, NULL, 0, 0, NULL, false,         \
      NO_EFFECT_YET "TLS is not served.")                                                          \
    X(SSL_TRUSTSTORE_PASSWORD, "ssl.truststore.password", PASSWORD, NULL, 0, 0, NULL, false,       \
      NO_EFFECT_YET "TLS is not served.")                                                          \
    X(SSL_CLIENT_AUTH, "ssl.client.auth", STRING, "none", 0, 0, "required|requested|none", false,  \
      NO_EFFECT_YET "TLS is not served.")                                                          \
    X(QUOTA_WINDOW_NUM, "quota.window.num", INT, "11", 1, INT32_MAX, NULL, true,                   \
      NO_EFFECT_YET "quotas come with a later release.")                                           \
    X(QUOTA_WINDOW_SIZE_SECONDS, "quota.window.size.seconds", INT, "1", 1, INT32_MAX, NULL, true,  \
      NO_EFFECT_YET "quotas come with a later release.")                                           \
    X(BROKER_HEARTBEAT_INTERVAL_MS, "broker.heartbeat.interval.ms", INT, "2000", 0, INT32_MAX,     \
      NULL, true, NO_EFFECT_YET "a single node needs no heartbeat.")                               \
    X(BROKER_SESSION_TIMEOUT_MS, "broker.session.timeout.ms", INT, "9000", 0, INT32_MAX, NULL,     \
      true, NO_EFFECT_YET "a single node needs no heartbeat.")
/* clang-format on */

#endif
