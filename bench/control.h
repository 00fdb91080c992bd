/* The connection that sets a measurement up: it finds a topic's ends and asks for signs of life.
 * What is measured under load goes through connection.h instead.
 *
 * Every request has one fixed version, which each Kafka since 2.4 serves, so all brokers are asked
 * the same. Functions that fail end the program, unless they answer a bool. */
#ifndef TAILRACE_BENCH_CONTROL_H
#define TAILRACE_BENCH_CONTROL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "protocol/apis.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    PRODUCE_VERSION = 9,
    FETCH_VERSION = 12,
    LIST_OFFSETS_VERSION = 6,
    API_VERSIONS_VERSION = 3,
    CREATE_TOPICS_VERSION = 5,
    INIT_PRODUCER_ID_VERSION = 2,
    DESCRIBE_CLUSTER_VERSION = 0,
    DESCRIBE_CONFIGS_VERSION = 2,
    CLIENT_TIMEOUT_SECONDS = 30,
};

struct address {
    struct sockaddr_storage socket;
    socklen_t socket_size;
};

struct address address_loopback(uint16_t port);

/* A port of 127.0.0.1 on which nothing listens now, nor on the next one, which Kafka's controller
 * takes. */
uint16_t port_find_free(void);

struct control {
    int file;
    int32_t correlation_id;
    struct arena arena; /* of the present request and its response */
};

/* False if nothing listens there; errno says what came instead. */
bool control_open(struct control *control, const struct address *address);
void control_close(struct control *control);

/* Starts the frame of a request; the body follows, then frame_end. */
void request_begin(struct writer *writer, enum api_key key, int16_t version,
                   int32_t correlation_id);

/* Reads the header of a response; false if it is not the answer to `correlation_id`. */
bool response_begin(struct reader *reader, enum api_key key, int16_t version,
                    int32_t correlation_id, struct arena *arena);

/* A request that lies in the arena of the connection, and the response to it, behind its header. */
struct control_call {
    struct control *control;
    enum api_key key;
    int16_t version;
    struct writer writer;
    struct reader reader;
};

/* The body goes into the writer; control_call_finish sends it and waits for the answer. */
void control_call_begin(struct control_call *call, struct control *control, enum api_key key,
                        int16_t version);
void control_call_finish(struct control_call *call);

/* Fails unless the body of the response was decoded. */
void control_call_check(const struct control_call *call, enum status status);

/* True once the broker answers ApiVersions without an error. */
bool control_is_answered(struct control *control);

/* Connects to the first of "host:port,..." that answers; false if none does, with what is wrong
 * with the last of them. */
bool control_open_any(struct control *control, const char *brokers, struct address *address,
                      const char **problem);

/* The same, and fails if none does. */
void control_open_first(struct control *control, const char *brokers, struct address *address);

/* Where the partitions from `first` on begin (is_end false), or where the next record goes. False
 * if one of them is not served. */
bool control_find_offsets(struct control *control, const char *topic, bool is_end, uint32_t first,
                          uint32_t count, int64_t *offsets);

/* An id of its own for an idempotent producer. */
void control_init_producer(struct control *control, int64_t *id, int16_t *epoch);

/* The settings of the broker that answers; NULL if it does not tell. They live in the connection's
 * arena until the next request. */
struct describe_configs_response_result;
const struct describe_configs_response_result *control_describe_broker(struct control *control);

/* The same of a topic. */
const struct describe_configs_response_result *control_describe_topic(struct control *control,
                                                                      const char *topic);

/* Sends a frame made by produce_frame and waits for the answer; false for an error code. */
bool control_produce(struct control *control, struct bytes frame);

#endif
