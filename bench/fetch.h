/* The role of consumers, without groups: a partition belongs to one connection, which asks for what
 * follows the last batch that it got. Two ways to read:
 *
 *   pass     what is there when the run begins, from the beginning to the end, and then again
 *   follow   what is produced from now on, by long poll; a batch tells when it was meant to be
 *            sent, and its latency counts to the moment when it has arrived here
 *
 * Records are not looked into, but for that time. */
#ifndef TAILRACE_BENCH_FETCH_H
#define TAILRACE_BENCH_FETCH_H

#include "bench/load.h"
#include "bench/role.h"

#include <stdbool.h>
#include <stdint.h>

/* A partition, of which only its connection's thread knows. */
struct fetch_part {
    int64_t begin_offset;
    int64_t next_offset;
    int64_t end_offset; /* of a pass */
    bool is_changed;    /* since the session last heard of it */
};

/* What a connection keeps. */
struct fetcher {
    uint32_t partition; /* whose turn it is, without a session */
    int32_t session_id; /* 0: none yet */
    int32_t session_epoch;
    struct arena arena; /* of the request */
};

struct fetch_options {
    const char *name; /* of the role */
    const char *topic;
    uint32_t partitions;
    uint32_t connections;
    bool is_follower;
    bool has_session; /* all partitions of a connection in one request; followers always do */
    bool is_once;     /* a pass ends at the end */
    uint64_t run_id;  /* of the times in the batches; followers only */
};

struct fetch {
    struct role role;
    struct role_kind kind;
    const struct load *load;
    struct fetch_options options;
    struct fetch_part *parts;
    struct fetcher *fetchers;
    uint64_t received_batches; /* of the window, in all threads; followers only */
};

/* Finds out where the partitions begin and end. */
void fetch_init(struct fetch *fetch, const struct load *load, const struct fetch_options *options,
                struct control *control);
void fetch_deinit(struct fetch *fetch);

#endif
