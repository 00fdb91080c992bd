/* A thread of the generator with the connections that it serves, of all roles.
 *
 * Each turn it begins the requests whose time has come, waits for sockets until the next one is
 * due, takes answers and counts them. Under an open loop a request that cannot go, because its
 * connection is full, waits here with its clock running. */
#ifndef TAILRACE_BENCH_WORKER_H
#define TAILRACE_BENCH_WORKER_H

#include "bench/role.h"
#include "bench/tally.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { WORKER_ROLES_MAX = 3, WORKER_SILENCE_SECONDS = 30 };

/* The connections of one role, and whose turn in the open loop comes next. */
struct worker_role {
    struct role *role;
    struct connection *connections;
    uint32_t connection_count;
    uint32_t turn;        /* of the connections */
    uint64_t turn_number; /* the request of that one */
    struct tally tally;
};

struct worker {
    struct worker_role roles[WORKER_ROLES_MAX];
    uint32_t role_count;
    int poll_file;
    struct histogram send_delays_ns; /* how late requests of an open loop began for our own sake */
    pthread_t thread;
    int64_t began_ns;
    int64_t now_ns;
    int64_t heard_ns; /* the last answer */
    bool is_idle;     /* nothing to do any more, unless it follows; read by others */
    bool is_stopped;  /* set by others */
    int64_t cpu_ns;   /* of the thread; read by others */
};

/* Opens this worker's share of the connections: every `worker_count`-th from `index` on. The worker
 * is all zero. */
void worker_open(struct worker *worker, struct role *const *roles, uint32_t role_count,
                 uint32_t index, uint32_t worker_count, const struct address *address);

/* Its first request goes at `began_ns`, not before. */
void worker_start(struct worker *worker, int64_t began_ns);

/* Waits for its end, then counts what is unanswered. */
void worker_join(struct worker *worker);
void worker_close(struct worker *worker);

#endif
