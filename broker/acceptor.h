/* Takes in connections of one listener and deals them out to the cores, one after the other: the
 * kernel's own spreading is uneven when there are few. Whom the gate has no place for waits in the
 * listener's backlog. Lives on core 0. */
#ifndef TAILRACE_BROKER_ACCEPTOR_H
#define TAILRACE_BROKER_ACCEPTOR_H

#include "base/timer_wheel.h"
#include "broker/gate.h"
#include "io/io.h"

#include <stdbool.h>
#include <stdint.h>

struct acceptor {
    const struct roster *roster;
    uint32_t listener_index;
    int32_t listener;
    struct io_address address; /* with the port that was bound */
    struct io_request accept;
    struct timer pause;    /* after a failure, before the next try */
    struct gate_wish wish; /* a place for the next one */
    uint32_t core_index;   /* where that is */
    bool is_accepting;     /* a request is in flight */
    bool is_stopping;
    struct completion *stopped;
};

/* Binds; clients may connect from here on, and wait until acceptor_start. */
enum status acceptor_bind(struct acceptor *acceptor, const struct roster *roster, struct io *io,
                          uint32_t listener_index, const char *host, uint16_t port);

void acceptor_start(struct acceptor *acceptor);

/* Lands when nothing is in flight and the port is free. */
void acceptor_stop(struct acceptor *acceptor, struct completion *stopped);

#endif
