/* What the clients of the broker's story share: the topics they use, what they know of them, one
 * connection, and a way to ask again until they are answered. Producers, consumers, the admin and
 * the auditor embed a `struct worker`.
 *
 * A worker stops asking for more when its workload is quiet: what it has begun it brings to an end,
 * over as many connections as that takes, and then it is idle. */
#ifndef TAILRACE_SIM_BROKER_WORKER_H
#define TAILRACE_SIM_BROKER_WORKER_H

#include "base/prng.h"
#include "sim/check.h"
#include "sim/client_records.h"
#include "sim/program.h"

enum { TOPIC_COUNT = 7, TOPIC_PARTITIONS_MAX = 4 };

struct workload_topic {
    const char *name;
    int32_t partition_count; /* as the admin creates it */
    bool is_fleeting;        /* deleted and created again; the others must stay */
    bool is_loose;           /* may be told to acknowledge before it flushes */
};

extern const struct workload_topic workload_topics[TOPIC_COUNT];

/* What a worker knows of a topic. */
struct topic_view {
    struct uuid id; /* zero: it is not there */
    int32_t partition_count;
};

struct workload {
    struct check check;
    const struct workload_topic *topics; /* that its workers use */
    uint32_t topic_count;
    struct io_address broker;
    bool outgrows_memory; /* mostly large records, read again and again */
    bool is_quiet;
    struct topic_view seen[TOPIC_COUNT]; /* the last that anybody was told */
};

/* A worker's program: which workload, and whether it has come to an end. */
struct worker_program {
    struct program program;
    struct workload *workload;
    bool is_idle;        /* quiet, and nothing is left to be brought to an end */
    int32_t last_result; /* of the last call that landed, and the error in its answer: */
    int16_t last_error;  /* to explain why it is not idle */
};

struct worker {
    struct process process;
    struct worker_program *program;
    struct workload *workload;
    struct io *io;
    struct prng prng;
    struct client client;
    struct client_call metadata;
    struct timer metadata_retry;
    struct timer timer;
    void (*next)(struct worker *worker); /* when the timer fires, or the topics are known */
    struct topic_view topics[TOPIC_COUNT];
};

void worker_init(struct worker *worker, const struct program *program, struct node *node,
                 struct io *io, uint32_t pipeline_max);

/* Asks for the topics, again and again until there is an answer; then goes on with `next`. */
void worker_learn_topics(struct worker *worker, void (*next)(struct worker *worker));

/* Goes on with `next` after up to `max_ms`. */
void worker_pause(struct worker *worker, uint32_t max_ms, void (*next)(struct worker *worker));

/* A topic that is there; false if there is none. */
bool worker_choose_topic(struct worker *worker, uint32_t *topic);

/* Which one has this name. */
uint32_t workload_topic_named(const char *name);

/* A partition as requests name it. */
struct client_partition worker_partition(const struct worker *worker, uint32_t topic,
                                         int32_t index);

static inline struct check *worker_check(const struct worker *worker)
{
    return &worker->workload->check;
}

#endif
