/* What a broker is to be loaded with. The values come from the rows of load_rows.h by their names;
 * load_check judges them together. */
#ifndef TAILRACE_BENCH_LOAD_H
#define TAILRACE_BENCH_LOAD_H

#include "base/bytes.h"
#include "bench/distribution.h"
#include "bench/load_rows.h"
#include "bench/topic.h"
#include "protocol/compression.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum load_mode {
    LOAD_PRODUCE,
    LOAD_FETCH,
    LOAD_E2E,
    LOAD_MIXED,
    LOAD_PARTITIONS,
    LOAD_GROUPS_HEARTBEAT,
    LOAD_GROUPS_COMMIT,
    LOAD_GROUPS_JOIN,
    LOAD_GROUPS_LIST,
    LOAD_GROUPS_RESTART,
};
enum load_payload { PAYLOAD_RANDOM, PAYLOAD_TEXT };
enum load_over { OVER_PARTITIONS, OVER_CONNECTIONS };

enum {
    LOAD_PARTITIONS_MAX = 100000,
    LOAD_CONNECTIONS_MAX = 1000,
    LOAD_THREADS_MAX = 16,
    LOAD_IN_FLIGHT_MAX = 64,
    LOAD_SECONDS_MAX = 24 * 3600,
    LOAD_RATE_MAX = 10 * 1000 * 1000,
    LOAD_RECORD_BYTES_MAX = 16 << 20,
    LOAD_BATCH_RECORDS_MAX = 1 << 20,
    LOAD_FETCH_BYTES_MAX = 64 << 20,
    LOAD_BACKLOG_BYTES_MAX = INT32_MAX,
    LOAD_STEPS_MAX = 16,
    LOAD_GROUPS_MAX = 1000 * 1000,
    LOAD_MEMBERS_MAX = 100 * 1000,
    LOAD_GROUP_CONNECTIONS_MAX = 8192,
    LOAD_GROUP_SHARES_MAX = 10 * 1000 * 1000, /* partitions of all groups together */
    LOAD_TAIL_RECORD_BYTES_MIN = 16,          /* a time goes into the first record of a batch */
    LOAD_TOPIC_SIZE = 256,
    LOAD_PROBLEM_SIZE = 160,
};

struct load_steps {
    uint32_t values[LOAD_STEPS_MAX];
    uint32_t count;
};

struct load {
    enum load_mode mode;
    const char *brokers; /* "host:port,..."; the first that answers is loaded */
    const char *topic;
    struct topic_configs topic_configs; /* of one that is made */
    uint32_t partitions;
    uint32_t connections;
    uint32_t threads;
    double seconds;
    double warm_up;
    uint32_t requests; /* 0: no limit */
    uint32_t pid;      /* 0: unknown */

    double rate; /* 0: closed loop */
    bool closed;
    uint32_t in_flight;
    struct distribution record_bytes;
    struct distribution batch_records;
    uint32_t batch_bytes; /* 0: batch_records counts */
    int16_t acks;
    enum compression compression;
    enum load_payload payload;
    bool keyed;
    bool idempotent;

    uint32_t fetch_bytes;
    bool sessions;
    bool verify;
    bool cold;
    bool once;

    uint32_t consumers;
    uint32_t backlog_readers;
    const char *backlog_topic;
    uint32_t backlog_bytes;

    struct load_steps steps;
    enum load_over over;

    uint32_t groups;
    uint32_t members;          /* of each group */
    uint32_t group_partitions; /* for each member */
    uint32_t group_connections;
    bool is_consumer; /* the consumer protocol, not the classic one */

    bool is_live;  /* show figures on stderr while it runs */
    bool is_quiet; /* no warnings either */
};

/* "produce" and so on. */
const char *load_mode_name(enum load_mode mode);

/* All defaults. */
void load_init(struct load *load, enum load_mode mode, const char *brokers);

/* Sets the option of that name, which must be in a row, or adds to it if it may be repeated; the
 * text is borrowed. False with a sentence in `problem` if it makes no sense. */
bool load_set(struct load *load, const char *name, const char *text,
              char problem[static LOAD_PROBLEM_SIZE]);

/* Judges the options together, and settles what has a default that depends on others. */
bool load_check(struct load *load, char problem[static LOAD_PROBLEM_SIZE]);

/* Every option by its name, as it was settled. */
json_t *load_json(const struct load *load);

static inline bool load_has_producers(const struct load *load)
{
    return load->mode != LOAD_FETCH && load->mode < LOAD_GROUPS_HEARTBEAT;
}

static inline bool load_has_groups(const struct load *load)
{
    return load->mode >= LOAD_GROUPS_HEARTBEAT;
}

#endif
