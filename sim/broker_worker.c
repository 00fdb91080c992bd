#include "sim/broker_worker.h"

#include "base/assert.h"
#include "protocol/errors.h"

enum { METADATA_VERSION_WITH_IDS = 10, RETRY_MS = 60 };

static const uint64_t patience_ns = 1500ull * 1000 * 1000;
static const uint64_t reconnect_ns = 10ull * 1000 * 1000;

const struct workload_topic workload_topics[TOPIC_COUNT] = {
    {.name = "orders", .partition_count = 2},
    {.name = "growing", .partition_count = 1},
    {.name = "by-itself"}, /* created by asking for it */
    {.name = "fleeting", .partition_count = 2, .is_fleeting = true},
    /* What happens to these, sim/broker_settings.c knows. */
    {.name = "bounded", .partition_count = 1},
    {.name = "table", .partition_count = 1},
    {.name = "loose", .partition_count = 1, .is_loose = true},
};

uint32_t workload_topic_named(const char *name)
{
    uint32_t index = 0;
    while (strcmp(workload_topics[index].name, name) != 0)
        index++;
    assert(index < TOPIC_COUNT);
    return index;
}

static void timer_fired(struct timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, timer);
    worker->next(worker);
}

void worker_pause(struct worker *worker, uint32_t max_ms, void (*next)(struct worker *worker))
{
    uint64_t pause_ns = prng_below(&worker->prng, (uint64_t)max_ms * 1000 * 1000 + 1);
    worker->next = next;
    io_timer_start(worker->io, &worker->timer, io_now_ns(worker->io) + pause_ns);
}

/* --- Topics ----------------------------------------------------------------------------------- */

static void send_metadata(struct worker *worker)
{
    const struct workload *workload = worker->workload;
    struct metadata_request_topic topics[TOPIC_COUNT];
    struct metadata_request request;
    metadata_request_init(&request);
    for (uint32_t i = 0; i < workload->topic_count; i++) {
        metadata_request_topic_init(&topics[i]);
        topics[i].name = bytes_of_text(workload->topics[i].name);
    }
    request.topics = topics;
    request.topics_count = workload->topic_count;
    request.allow_auto_topic_creation = true;
    int16_t version = (int16_t)prng_between(&worker->prng, METADATA_VERSION_WITH_IDS,
                                            METADATA_REQUEST_VERSION_MAX);
    client_call_reset(&worker->metadata);
    client_metadata(&worker->client, &worker->metadata, version, &request);
}

/* A topic that nobody deletes keeps its id, and never has fewer partitions. */
static void see_topic(struct worker *worker, uint32_t index,
                      const struct metadata_response_topic *topic)
{
    struct topic_view *view = &worker->topics[index];
    struct topic_view *seen = &worker->workload->seen[index];
    const struct workload_topic *known = &worker->workload->topics[index];
    struct verdict *verdict = worker_check(worker)->verdict;
    *view = (struct topic_view){0};
    if (topic->error_code == KAFKA_NONE) {
        view->id = topic->topic_id;
        view->partition_count = (int32_t)topic->partitions_count;
    }
    if (view->partition_count > TOPIC_PARTITIONS_MAX)
        view->partition_count = TOPIC_PARTITIONS_MAX;
    if (known->is_fleeting)
        return;
    if (uuid_is_zero(seen->id))
        *seen = *view;
    else if (!uuid_equal(seen->id, view->id))
        verdict_fail(verdict, OUTCOME_UNSAFE, "topic %s was lost (error %d)", known->name,
                     topic->error_code);
}

static bool take_topics(struct worker *worker)
{
    const struct workload *workload = worker->workload;
    struct metadata_response response;
    bool all_are_there = true;
    if (client_metadata_answer(&worker->metadata, &response) != STATUS_OK ||
        response.topics_count != workload->topic_count)
        return false;
    for (uint32_t i = 0; i < workload->topic_count; i++) {
        uint32_t index = 0;
        while (index < workload->topic_count &&
               !bytes_equal_text(response.topics[i].name, workload->topics[index].name))
            index++;
        if (index == workload->topic_count)
            return false;
        all_are_there = all_are_there && response.topics[i].error_code == KAFKA_NONE;
        see_topic(worker, index, &response.topics[i]);
    }
    return all_are_there;
}

/* What comes next waits in worker->next meanwhile. */
static void metadata_landed(struct completion *completion, int32_t result)
{
    struct worker *worker = container_of(completion, struct worker, metadata.completion);
    void (*next)(struct worker *) = worker->next;
    if (result == STATUS_OK && take_topics(worker)) {
        next(worker);
        return;
    }
    uint64_t pause_ns = prng_below(&worker->prng, RETRY_MS * 1000ull * 1000);
    io_timer_start(worker->io, &worker->metadata_retry, io_now_ns(worker->io) + pause_ns);
}

static void metadata_retry_fired(struct timer *timer)
{
    send_metadata(container_of(timer, struct worker, metadata_retry));
}

void worker_learn_topics(struct worker *worker, void (*next)(struct worker *worker))
{
    assert(next != NULL);
    worker->next = next;
    send_metadata(worker);
}

bool worker_choose_topic(struct worker *worker, uint32_t *topic)
{
    uint32_t first = (uint32_t)prng_below(&worker->prng, TOPIC_COUNT);
    for (uint32_t i = 0; i < TOPIC_COUNT; i++) {
        *topic = (first + i) % TOPIC_COUNT;
        if (worker->topics[*topic].partition_count > 0)
            return true;
    }
    return false;
}

struct client_partition worker_partition(const struct worker *worker, uint32_t topic, int32_t index)
{
    assert(topic < TOPIC_COUNT);
    return (struct client_partition){.topic = bytes_of_text(workload_topics[topic].name),
                                     .topic_id = worker->topics[topic].id,
                                     .index = index};
}

/* --- Life ------------------------------------------------------------------------------------- */

void worker_init(struct worker *worker, const struct program *program, struct node *node,
                 struct io *io, uint32_t pipeline_max)
{
    worker->process = (struct process){.program = program, .node = node};
    worker->program =
        container_of((struct program *)(uintptr_t)program, struct worker_program, program);
    worker->workload = worker->program->workload;
    assert(worker->workload->topic_count <= TOPIC_COUNT);
    worker->io = io;
    worker->program->is_idle = false;
    prng_init(&worker->prng, io_random_u64(io));
    client_init(&worker->client, &(struct client_options){.io = io,
                                                          .address = worker->workload->broker,
                                                          .client_id = "worker",
                                                          .pipeline_max = pipeline_max,
                                                          .patience_ns = patience_ns,
                                                          .retry_ns = reconnect_ns});
    client_call_init(&worker->metadata, metadata_landed);
    timer_init(&worker->timer, timer_fired);
    timer_init(&worker->metadata_retry, metadata_retry_fired);
}
