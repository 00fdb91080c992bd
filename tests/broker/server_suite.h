/* The suite of the server: what a broker promises its clients, as cases that must hold on every
 * backend. A backend is presented by a harness; the cases turn its doors on one thread. */
#ifndef TAILRACE_TESTS_BROKER_SERVER_SUITE_H
#define TAILRACE_TESTS_BROKER_SERVER_SUITE_H

#include "io/io.h"

#include <stdbool.h>

struct server_harness {
    const char *name;
    char directory[256];    /* the broker's; empty after reset */
    char host[64];          /* where it listens */
    uint16_t port;          /* 0: any */
    bool time_is_simulated; /* minutes cost nothing */
    /* Doors for one life of the broker, over a disk that stays; and one for its clients. */
    struct io **(*open)(struct server_harness *harness, uint32_t core_count, struct io **client_io);
    /* A case has asked something of the doors since the last turn. May be NULL. */
    void (*kick)(struct server_harness *harness);
    /* Lets something happen. */
    void (*turn)(struct server_harness *harness);
    /* Nothing is in flight any more. */
    void (*close)(struct server_harness *harness);
    /* An empty disk for the next case. */
    void (*reset)(struct server_harness *harness);
};

/* Runs all cases; answers how many failed. */
int server_suite_run(struct server_harness *harness);

#endif
