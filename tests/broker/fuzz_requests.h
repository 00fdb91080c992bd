/* A plausible request of every API that is served, for the server's fuzz to spoil. */
#ifndef TAILRACE_TESTS_BROKER_FUZZ_REQUESTS_H
#define TAILRACE_TESTS_BROKER_FUZZ_REQUESTS_H

#include "tests/broker/server.h"

/* `at` is a partition that is there. */
struct asked *fuzz_request_send(struct server *server, struct client *client, const struct api *api,
                                int16_t version, struct client_partition at);

#endif
