/* Every limit of the server that is not a setting, in one place. What is full makes its source
 * wait: a full list of requests stops the reading from that connection, memory that is used up
 * stops the reading from all of them, and connections that are too many wait to be accepted. */
#ifndef TAILRACE_BROKER_LIMITS_H
#define TAILRACE_BROKER_LIMITS_H

enum {
    /* Requests of one connection that have been read and not yet answered. */
    LIMIT_REQUESTS_PER_CONNECTION = 64,
    /* What these requests and their answers may take beside the frames, until the next one waits:
     * one request may take more, several may not. */
    LIMIT_HELD_BYTES_PER_CONNECTION = 8 * 1024 * 1024,
    /* Requests of all connections of one core. */
    LIMIT_REQUESTS_PER_CORE = 16 * 1024,
    LIMIT_CONNECTIONS_PER_CORE = 32 * 1024,
    /* Partitions that are being read for consumers on one core. */
    LIMIT_READS_PER_CORE = 16 * 1024,
    /* Each of so many parts of a frame that has begun must come within so many seconds: a slow
     * client is served, and one that trickles holds what it holds for 16 minutes, whatever it
     * announces. */
    LIMIT_FRAME_PARTS = 32,
    LIMIT_FRAME_SECONDS = 30,
    /* A response that makes no progress to a client who does not read. */
    LIMIT_SEND_SECONDS = 60,
    /* Receive buffers begin with this and grow with what really arrives. */
    LIMIT_INPUT_BYTES_FIRST = 4 * 1024,
    LIMIT_INPUT_BYTES_STEP = 256 * 1024,
    /* Room for a receive of small requests: for what is sent in a row, as far as this. */
    LIMIT_INPUT_BYTES_LEAST = 1024,
    LIMIT_INPUT_BYTES_AT_ONCE = 32 * 1024,
    /* Frames from this size on are kept from beginning where they have no room: to move what has
     * arrived of them costs more than to ask for less. */
    LIMIT_INPUT_BYTES_UNMOVED = 16 * 1024,
    /* Kafka's timeout of a produce request is about replicas; here the disk comes first, and gets
     * at least this time. */
    LIMIT_PRODUCE_MS_MIN = 1000,
    /* Memory of one request beside its frame: decoded arrays and the response. */
    LIMIT_REQUEST_ARENA_BYTES = 64 * 1024 * 1024,
    /* Of it, what comes with the request itself. */
    LIMIT_REQUEST_MEMORY_BYTES = 2048,
    /* Pieces of several responses that leave in one send. */
    LIMIT_SEND_PIECES = 256,
    /* What decompression of one batch may yield. */
    LIMIT_DECOMPRESSED_BYTES = 128 * 1024 * 1024,
    /* Partitions in one answer of DescribeTopicPartitions (max.request.partition.size.limit). */
    LIMIT_DESCRIBED_PARTITIONS = 2000,
    /* Producer ids that a core takes from the controller at a time, as Kafka's blocks. */
    LIMIT_PRODUCER_ID_BLOCK = 1000,
    /* Producers that a core remembers at most: all of them, in one log, still fit into its recorded
     * state (storage/catalog.h). */
    LIMIT_PRODUCERS_PER_CORE = 2 * 1000 * 1000,
    /* Partitions that are shown one by one in /metrics; with more, only their sums are. */
    LIMIT_METRIC_PARTITIONS = 2000,
    /* Of the admin listener: whoever comes when it is full waits until another has gone. */
    LIMIT_ADMIN_CONNECTIONS = 16,
    LIMIT_ADMIN_SECONDS = 10, /* from connecting to the end of the answer */
    LIMIT_ADMIN_RESPONSE_BYTES = 16 * 1024 * 1024,
    /* On SIGTERM: how long clients may take to collect their last answers. */
    LIMIT_DRAIN_SECONDS = 10,
};

#endif
