/* The blocking client that sets a measurement up: it makes the topic, finds its ends and asks for
 * signs of life. What is measured under load goes through load.h instead.
 *
 * Every request has one fixed version, which each Kafka since 2.4 serves, so all brokers are asked
 * the same. Functions that fail end the program, unless they answer a bool. */
#ifndef TAILRACE_BENCH_CLIENT_H
#define TAILRACE_BENCH_CLIENT_H

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
    DELETE_TOPICS_VERSION = 4,
    CLIENT_TIMEOUT_SECONDS = 30,
};

/* 127.0.0.1:PORT or [::1]:PORT. */
struct address {
    struct sockaddr_storage socket;
    socklen_t socket_size;
};

/* False for anything that is not on this machine: loads are not to be pointed at others. */
bool address_parse(const char *text, struct address *address);
struct address address_loopback(uint16_t port);

/* A port of 127.0.0.1 on which nothing listens now. */
uint16_t port_find_free(void);

struct client {
    int file;
    int32_t correlation_id;
    struct arena arena; /* of the present request and its response */
};

/* False if nothing listens there. */
bool client_open(struct client *client, const struct address *address);
void client_close(struct client *client);

/* A request that lies in the client's arena, and the response to it, behind its header. */
struct client_call {
    struct client *client;
    enum api_key key;
    int16_t version;
    struct writer writer;
    struct reader reader;
};

/* The body goes into the writer; client_call_finish sends it and waits for the answer. */
void client_call_begin(struct client_call *call, struct client *client, enum api_key key,
                       int16_t version);
void client_call_finish(struct client_call *call);

/* Fails the program if the body of the response is not what it should be. */
void client_call_check(const struct client_call *call, enum status status);

/* Starts the frame of a request; the body follows, then frame_end. */
void request_begin(struct writer *writer, enum api_key key, int16_t version,
                   int32_t correlation_id);

/* Reads the header of a response; false if it is not the answer to `correlation_id`. */
bool response_begin(struct reader *reader, enum api_key key, int16_t version,
                    int32_t correlation_id, struct arena *arena);

/* True once the broker answers ApiVersions without an error. */
bool client_is_answered(struct client *client);

/* Makes the topic, unless it is there, and waits until every partition has a leader that serves. */
void client_create_topic(struct client *client, const char *topic, uint32_t partition_count);

void client_delete_topic(struct client *client, const char *topic);

/* Where the next record of the partition goes. */
int64_t client_end_offset(struct client *client, const char *topic, int32_t partition);

/* Sends a frame made by produce_frame and waits for the answer; false for an error code. */
bool client_produce(struct client *client, struct bytes frame);

#endif
