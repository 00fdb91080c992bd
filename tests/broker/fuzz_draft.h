/* One request being made for the server's fuzz; fuzz_requests.h has the whole. */
#ifndef TAILRACE_TESTS_BROKER_FUZZ_DRAFT_H
#define TAILRACE_TESTS_BROKER_FUZZ_DRAFT_H

#include "tests/broker/server.h"

/* Bodies that differ from version to version look at `version`. */
struct draft {
    struct server *server;
    struct client *client;
    struct client_call *call;
    struct client_partition at; /* it is there */
    int16_t version;
};

/* Those of groups (fuzz_groups.c); X(name). */
#define FUZZ_GROUP_LIST(X)                                                                         \
    X(offset_commit)                                                                               \
    X(offset_fetch)                                                                                \
    X(join_group)                                                                                  \
    X(heartbeat)                                                                                   \
    X(leave_group)                                                                                 \
    X(sync_group)                                                                                  \
    X(describe_groups)                                                                             \
    X(list_groups)                                                                                 \
    X(delete_groups)                                                                               \
    X(offset_delete)                                                                               \
    X(consumer_group_heartbeat)                                                                    \
    X(consumer_group_describe)

#define X(name) void send_##name(struct draft *draft);
FUZZ_GROUP_LIST(X)
#undef X

#endif
