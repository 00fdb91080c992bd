/* What the plainest server can do for many clients, which are one thread beside it: the limit for
 * what a broker does with as many connections. */
#ifndef TAILRACE_BENCH_FLOOR_CROWD_H
#define TAILRACE_BENCH_FLOOR_CROWD_H

#include "bench/floor_file.h"

#include <stdint.h>

/* 64 connections, requests of 1 KiB, each in a call of its own, answers of 60 bytes. */
struct floor_echo {
    double requests_per_s;
    double cpu_us; /* of the server, for each request */
};

/* 16 connections, 64 KiB in a call. */
struct floor_intake {
    double mb_per_s;
    double cpu_s_per_gb; /* of the server, and of the thread that writes */
};

struct floor_crowd {
    struct floor_echo echo;           /* a request in flight on each connection */
    struct floor_echo echo_pipelined; /* five */
    struct floor_intake intake;
    struct floor_intake store; /* the same, and each MiB is written with a sync behind it */
};

void floor_crowd_measure(const struct floor_file *file, int64_t time_ns, struct floor_crowd *crowd);

#endif
