#include "sim/broker_admin.h"

#include "base/assert.h"

#include <stdlib.h>

enum { PAUSE_MS = 300, TIMEOUT_MS = 5000 };

struct admin {
    struct worker worker;
    struct client_call call;
};

static void admin_act(struct worker *worker);

static void call_landed(struct completion *completion, int32_t result)
{
    struct admin *admin = container_of(completion, struct admin, call.completion);
    worker_pause(&admin->worker, PAUSE_MS, admin_act);
}

static void add_partition(struct admin *admin, uint32_t topic, int32_t count)
{
    struct create_partitions_request_topic grown;
    create_partitions_request_topic_init(&grown);
    grown.name = bytes_of_text(workload_topics[topic].name);
    grown.count = count;
    struct create_partitions_request request;
    create_partitions_request_init(&request);
    request.topics = &grown;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    client_create_partitions(&admin->worker.client, &admin->call,
                             CREATE_PARTITIONS_REQUEST_VERSION_MAX, &request);
}

static void topics_are_known(struct worker *worker)
{
    struct admin *admin = container_of(worker, struct admin, worker);
    uint32_t topic;
    client_call_reset(&admin->call);
    bool has_topic = worker_choose_topic(worker, &topic);
    assert(has_topic); /* asking for them has created them */
    int32_t count = worker->topics[topic].partition_count;
    struct bytes name = bytes_of_text(workload_topics[topic].name);
    if (workload_topics[topic].is_fleeting)
        client_delete_topic(&worker->client, &admin->call, name);
    else if (count < TOPIC_PARTITIONS_MAX && prng_chance(&worker->prng, 1, 4))
        add_partition(admin, topic, count + 1);
    else
        worker_pause(worker, PAUSE_MS, admin_act);
}

static void create_topic(struct admin *admin)
{
    struct worker *worker = &admin->worker;
    uint32_t topic = (uint32_t)prng_below(&worker->prng, TOPIC_COUNT);
    if (workload_topics[topic].partition_count == 0) {
        worker_pause(worker, PAUSE_MS, admin_act);
        return;
    }
    client_call_reset(&admin->call);
    client_create_topic(&worker->client, &admin->call, bytes_of_text(workload_topics[topic].name),
                        workload_topics[topic].partition_count);
}

static void admin_act(struct worker *worker)
{
    struct admin *admin = container_of(worker, struct admin, worker);
    if (worker->workload->is_quiet)
        worker->program->is_idle = true;
    else if (prng_chance(&worker->prng, 1, 2))
        create_topic(admin);
    else
        worker_learn_topics(worker, topics_are_known);
}

static struct process *admin_start(const struct program *program, struct node *node,
                                   struct io *const *cores, uint32_t core_count)
{
    struct admin *admin = calloc(1, sizeof *admin);
    assert(admin != NULL);
    assert(core_count == 1);
    worker_init(&admin->worker, program, node, cores[0], 1);
    client_call_init(&admin->call, call_landed);
    worker_pause(&admin->worker, 1, admin_act);
    return &admin->worker.process;
}

void admin_program_init(struct worker_program *program, struct workload *workload)
{
    *program = (struct worker_program){.program = {.start = admin_start}, .workload = workload};
}
