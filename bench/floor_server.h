/* The plainest server: one thread that waits for any of its connections (epoll), receives, and
 * answers at once, what came together together, or hands it to a store. It looks at no byte. */
#ifndef TAILRACE_BENCH_FLOOR_SERVER_H
#define TAILRACE_BENCH_FLOOR_SERVER_H

#include "bench/floor_store.h"

#include <pthread.h>
#include <stdint.h>

enum {
    FLOOR_CONNECTIONS_MAX = 64,
    FLOOR_REQUEST_BYTES = 1024,
    FLOOR_ANSWER_BYTES = 60,
    FLOOR_CALL_BYTES = 64 << 10,
};

struct floor_server {
    uint32_t connection_count;
    bool is_echo;                          /* answers each request; otherwise it only receives */
    struct floor_store *store;             /* where to; NULL: nowhere */
    int clients[FLOOR_CONNECTIONS_MAX];    /* the other ends, for whoever puts on the load */
    int handles[FLOOR_CONNECTIONS_MAX];    /* its own */
    uint32_t began[FLOOR_CONNECTIONS_MAX]; /* bytes of a request that has not come whole */
    pthread_t thread;
    int poll_file;
    uint32_t open_count;
    uint64_t request_count; /* answered; as cpu_ns, to be read when it has finished */
    int64_t cpu_ns;
};

/* Connects and begins to serve. */
void floor_server_start(struct floor_server *server, uint32_t connection_count, bool is_echo,
                        struct floor_store *store);

/* Ends all connections; what was sent has been received then. */
void floor_server_finish(struct floor_server *server);

#endif
