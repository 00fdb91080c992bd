/* The admin listener: a few pages over HTTP for those who watch a broker.
 *
 *   /metrics   numbers for Prometheus (base/metric_rows.h)
 *   /healthz   the process lives
 *   /readyz    requests of clients are served; 503 while the broker stops
 *
 * It lives on core 0 and goes through the same door as everything else, so it needs no thread and
 * no lock. A connection is for one request and has a few seconds for all of it. */
#ifndef TAILRACE_BROKER_ADMIN_H
#define TAILRACE_BROKER_ADMIN_H

#include "base/timer_wheel.h"
#include "broker/roster.h"
#include "io/io.h"

struct admin {
    const struct roster *roster;
    struct io *io;
    int32_t listener; /* -1: not listening */
    struct io_address address;
    struct io_request accept;
    struct timer pause; /* after a failure, before the next try */
    struct list connections;
    uint32_t connection_count;
    uint64_t started_ns;
    bool is_accepting; /* a request is in flight */
    struct completion *stopped;
};

void admin_init(struct admin *admin, const struct roster *roster);

/* Listens where tailrace.admin.listener says, if it says anything. An address that is taken or
 * wrong is a line in the log: nobody loses a broker for want of its numbers. */
void admin_start(struct admin *admin, const struct config *config, struct logger *logger);

/* Lands when nothing is in flight any more. */
void admin_stop(struct admin *admin, struct completion *stopped);

/* What is left of a node that was killed. */
void admin_deinit(struct admin *admin);

#endif
