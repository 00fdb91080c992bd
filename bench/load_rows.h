/* Every option of a load, one row each: parsing, help, defaults and the "load" object of the JSON
 * result come from here.
 *
 *   X(name, field, kind, preset, min, max, value, help)   help adds the preset
 *   Y(name, field, kind, min, max, value, help)           zero or false unless given
 *
 * The kinds are those of enum load_value_kind. */
#ifndef TAILRACE_BENCH_LOAD_ROWS_H
#define TAILRACE_BENCH_LOAD_ROWS_H

#define LOAD_TOPIC_ROWS(X, Y)                                                                      \
    X("topic", topic, TEXT, "bench", 0, 0, "NAME", "made if it is missing, never deleted")

/* The same where nothing makes it. */
#define LOAD_SOURCE_ROWS(X, Y)                                                                     \
    X("topic", topic, TEXT, "bench", 0, 0, "NAME", "what to read, which must be there")

#define LOAD_TIME_ROWS(X, Y)                                                                       \
    X("seconds", seconds, DECIMAL, "5", 0.01, LOAD_SECONDS_MAX, "S", "how long to measure")        \
    X("warm-up", warm_up, DECIMAL, "1", 0, LOAD_SECONDS_MAX, "S", "how long to go before that")

#define LOAD_PID_ROWS(X, Y)                                                                        \
    Y("pid", pid, COUNT, 1, INT32_MAX, "PID",                                                      \
      "of the broker: its processor time, memory and disk bytes are read, with those of its "      \
      "children")

/* Of every load on topics. */
#define LOAD_COMMON_ROWS(X, Y)                                                                     \
    X("partitions", partitions, COUNT, "1", 1, LOAD_PARTITIONS_MAX, "N", "of the topic")           \
    X("connections", connections, COUNT, "1", 1, LOAD_CONNECTIONS_MAX, "N",                        \
      "how many carry the load")                                                                   \
    X("threads", threads, COUNT, "1", 1, LOAD_THREADS_MAX, "N", "of the generator")                \
    LOAD_TIME_ROWS(X, Y)                                                                           \
    Y("requests", requests, COUNT, 1, UINT32_MAX, "N", "stop after so many, warm-up included")

/* Of loads that write. */
#define LOAD_PRODUCE_ROWS(X, Y)                                                                    \
    Y("topic-config", topic_configs, CONFIGS, 0, 0, "KEY=VALUE",                                   \
      "a setting of the topic when it is made; may be repeated")                                   \
    Y("rate", rate, DECIMAL, 0.001, LOAD_RATE_MAX, "N",                                            \
      "requests a second that are meant to start, of all connections (open loop)")                 \
    Y("closed", closed, SWITCH, 0, 1, NULL, "each answer starts the next request (closed loop)")   \
    Y("in-flight", in_flight, COUNT, 1, LOAD_IN_FLIGHT_MAX, "N",                                   \
      "requests without answer on a connection (5; with --closed 1)")                              \
    X("record-bytes", record_bytes, SIZES, "1KiB", 1, LOAD_RECORD_BYTES_MAX, "SIZES",              \
      "of a value: 1KiB, 100-4000, or by weight 100:80,10KiB:20")                                  \
    X("batch-records", batch_records, SIZES, "1", 1, LOAD_BATCH_RECORDS_MAX, "SIZES",              \
      "records of a batch, likewise; a request has one batch")                                     \
    Y("batch-bytes", batch_bytes, SIZE, 1, LOAD_RECORD_BYTES_MAX, "SIZE",                          \
      "as many records as fit, instead of --batch-records")                                        \
    X("acks", acks, ACKS, "all", 0, 0, "0|1|all", "what the broker confirms")                      \
    X("compression", compression, CODEC, "none", 0, 0, "none|gzip|snappy|lz4|zstd", "of batches")  \
    X("payload", payload, PAYLOAD, "random", 0, 0, "random|text", "text can be compressed")        \
    Y("keyed", keyed, SWITCH, 0, 1, NULL,                                                          \
      "each connection has a key and writes to its partition only; else they take turns")          \
    Y("idempotent", idempotent, SWITCH, 0, 1, NULL,                                                \
      "each connection is a producer with id and sequence numbers")

/* Of loads that read. */
#define LOAD_READ_ROWS(X, Y)                                                                       \
    X("fetch-bytes", fetch_bytes, SIZE, "1MiB", 1, LOAD_FETCH_BYTES_MAX, "SIZE",                   \
      "asked for by each fetch")                                                                   \
    Y("verify", verify, SWITCH, 0, 1, NULL, "check the checksum of every batch")

#define LOAD_COLD_ROWS(X, Y)                                                                       \
    Y("cold", cold, SWITCH, 0, 1, NULL, "empty the page cache first, which only root can")

/* Of reading what is there. */
#define LOAD_PASS_ROWS(X, Y)                                                                       \
    Y("sessions", sessions, SWITCH, 0, 1, NULL,                                                    \
      "fetch all partitions of a connection at once, in a session; else one after the other")      \
    Y("once", once, SWITCH, 0, 1, NULL, "stop at the end; else begin again")

/* Of loads with producers and consumers; --connections is the producers. */
#define LOAD_TAIL_ROWS(X, Y)                                                                       \
    X("consumers", consumers, COUNT, "1", 1, LOAD_CONNECTIONS_MAX, "N",                            \
      "connections that fetch what is produced, by long poll")

/* Of the mixed load. */
#define LOAD_MIXED_ROWS(X, Y)                                                                      \
    X("backlog-readers", backlog_readers, COUNT, "1", 1, LOAD_CONNECTIONS_MAX, "N",                \
      "connections that read from the beginning")                                                  \
    X("backlog-topic", backlog_topic, TEXT, "bench-backlog", 0, 0, "NAME", "what they read")       \
    X("backlog-bytes", backlog_bytes, SIZE, "256MiB", 1, LOAD_BACKLOG_BYTES_MAX, "SIZE",           \
      "that topic is filled so far first")

/* Of the growing load. */
#define LOAD_STEPS_ROWS(X, Y)                                                                      \
    X("steps", steps, LIST, "1,10,100,1000", 1, LOAD_PARTITIONS_MAX, "N,...",                      \
      "how many partitions, or connections, in each step")                                         \
    X("over", over, OVER, "partitions", 0, 0, "partitions|connections", "what grows")

/* Of consumer groups, all of which read the topic. */
#define LOAD_GROUPS_ROWS(X, Y)                                                                     \
    X("groups", groups, COUNT, "1", 1, LOAD_GROUPS_MAX, "N", "how many consumer groups")           \
    X("group-partitions", group_partitions, COUNT, "1", 1, LOAD_PARTITIONS_MAX, "N",               \
      "of the topic, for each member of a group")

/* Of members of groups. */
#define LOAD_MEMBERS_ROWS(X, Y)                                                                    \
    X("members", members, COUNT, "1", 0, LOAD_MEMBERS_MAX, "N",                                    \
      "of each group; groups that are only listed may have 0")                                     \
    X("group-connections", group_connections, COUNT, "100", 1, LOAD_GROUP_CONNECTIONS_MAX, "N",    \
      "which the members share; never more than there are members")                                \
    Y("consumer-protocol", is_consumer, SWITCH, 0, 1, NULL,                                        \
      "members speak the consumer protocol (KIP-848); else the classic one")

#define LOAD_ALL_ROWS(X, Y)                                                                        \
    LOAD_TOPIC_ROWS(X, Y)                                                                          \
    LOAD_COMMON_ROWS(X, Y)                                                                         \
    LOAD_PID_ROWS(X, Y)                                                                            \
    LOAD_PRODUCE_ROWS(X, Y)                                                                        \
    LOAD_READ_ROWS(X, Y)                                                                           \
    LOAD_COLD_ROWS(X, Y)                                                                           \
    LOAD_PASS_ROWS(X, Y)                                                                           \
    LOAD_TAIL_ROWS(X, Y)                                                                           \
    LOAD_MIXED_ROWS(X, Y)                                                                          \
    LOAD_STEPS_ROWS(X, Y)                                                                          \
    LOAD_GROUPS_ROWS(X, Y)                                                                         \
    LOAD_MEMBERS_ROWS(X, Y)

#endif
