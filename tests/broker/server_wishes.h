/* A fetch of many partitions of one topic, to be changed field by field before it is sent. */
#ifndef TAILRACE_TESTS_BROKER_SERVER_WISHES_H
#define TAILRACE_TESTS_BROKER_SERVER_WISHES_H

#include "tests/broker/server.h"

struct wishes {
    int16_t version;
    struct fetch_request request;
    struct fetch_request_topic topic;
    struct fetch_request_partition *partitions;
};

/* Partitions 0 to count - 1 from offset 0, a MiB each, no session, no waiting, 1 byte is enough. */
void wishes_init(struct wishes *wishes, struct client_partition topic, uint32_t count);
void wishes_deinit(struct wishes *wishes);

struct asked *wishes_send(struct wishes *wishes, struct server *server, struct client *client);
struct fetch_response wishes_answer(struct server *server, struct asked *asked);

/* Both in one. */
struct fetch_response wishes_ask(struct wishes *wishes, struct server *server,
                                 struct client *client);

#endif
