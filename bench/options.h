/* The command line of tailrace-bench. */
#ifndef TAILRACE_BENCH_OPTIONS_H
#define TAILRACE_BENCH_OPTIONS_H

#include "bench/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum bench_mode {
    MODE_PRODUCE,
    MODE_FETCH,
    MODE_FIRST_ANSWER,
    MODE_IDLE,
    MODE_GROUPS_HEARTBEAT,
    MODE_GROUPS_COMMIT,
    MODE_GROUPS_JOIN,
    MODE_GROUPS_LIST,
    MODE_GROUPS_RESTART,
};

enum {
    CONNECTIONS_MAX = 8192,
    IN_FLIGHT_MAX = 64,
    PARTITIONS_MAX = 1024,
    SECONDS_MAX = 3600,
    RUNS_MAX = 1000,
    GROUPS_MAX = 1000000,
    GROUP_MEMBERS_MAX = 100000,
};

struct options {
    enum bench_mode mode;
    const char *address_text;
    struct address address; /* of modes that do not start a broker themselves, and groups-restart */
    const char *topic;
    uint32_t connections;
    uint32_t in_flight; /* requests on each connection */
    uint32_t record_bytes;
    uint32_t batch_records;
    uint32_t partitions; /* of the topic; with groups, of each member */
    int16_t acks;
    double seconds; /* that are measured */
    double warm_up_seconds;
    uint64_t request_count; /* ends the run earlier; 0: none */
    uint32_t fetch_bytes;   /* asked for by each request */
    pid_t pid;              /* of the broker, for its processor time and memory; 0: unknown */
    uint32_t runs;
    uint32_t groups;
    uint32_t members;     /* of each group */
    bool is_consumer;     /* the consumer protocol, not the classic one */
    const char *folder;   /* under which brokers that we start keep their data */
    char *const *command; /* that starts a broker, with {port} and {data}; NULL: none */
    bool is_json;
    bool is_verbose;
};

/* Fills `options` from the words of the command line. Answers -1 to go on, else the exit code. */
int options_parse(struct options *options, int count, char **words);

/* "produce" and so on. */
const char *mode_name(enum bench_mode mode);

#endif
