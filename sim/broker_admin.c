#include "sim/broker_admin.h"

#include "base/assert.h"
#include "protocol/errors.h"
#include "sim/broker_settings.h"

#include <stdlib.h>

enum { PAUSE_MS = 150, TIMEOUT_MS = 5000, RESOURCE_TOPIC = 2 };

struct admin {
    struct worker worker;
    struct client_call call;
    struct client_call trim;
    struct check_key trimmed; /* whose records are being deleted */
    int64_t known_start;
    struct client_call alter;
    const struct topic_setting *setting; /* that is being altered */
    struct uuid altered;                 /* and of which topic */
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

/* --- Deleting records ------------------------------------------------------------------------- */

static void trim_landed(struct completion *completion, int32_t result)
{
    struct admin *admin = container_of(completion, struct admin, trim.completion);
    struct client_trimmed trimmed;
    if (result == STATUS_OK && client_trimmed_taken(&admin->trim, &trimmed) == STATUS_OK &&
        trimmed.error == KAFKA_NONE) {
        struct check *check = worker_check(&admin->worker);
        check_start(check, &admin->trimmed, admin->known_start, trimmed.start_offset);
        check_deleted(check, &admin->trimmed, trimmed.start_offset);
    }
    worker_pause(&admin->worker, PAUSE_MS, admin_act);
}

/* By name, so not of a topic that may be another one; and not all that is known, mostly. */
static void delete_records(struct admin *admin, uint32_t topic)
{
    struct worker *worker = &admin->worker;
    struct check *check = worker_check(worker);
    const struct topic_view *view = &worker->topics[topic];
    assert(!workload_topics[topic].is_fleeting);
    int32_t index = (int32_t)prng_below(&worker->prng, (uint64_t)view->partition_count);
    struct client_partition partition = worker_partition(worker, topic, index);
    admin->trimmed = (struct check_key){.topic_id = view->id, .index = index};
    int64_t end = check_known_end(check, &admin->trimmed);
    int64_t offset = (int64_t)prng_below(&worker->prng, (uint64_t)end + 1);
    check_delete(check, &admin->trimmed, offset);
    admin->known_start = check_known_start(check, &admin->trimmed);
    if (admin->known_start < offset)
        admin->known_start = offset; /* what is answered is at least what was asked for */
    client_call_reset(&admin->trim);
    client_delete_before(&worker->client, &admin->trim, &partition, offset);
}

/* --- Altering settings ------------------------------------------------------------------------ */

static bool was_taken(struct client_call *call)
{
    struct incremental_alter_configs_response response;
    return client_incremental_alter_configs_answer(call, &response) == STATUS_OK &&
           response.responses_count == 1 && response.responses[0].error_code == KAFKA_NONE;
}

static void alter_landed(struct completion *completion, int32_t result)
{
    struct admin *admin = container_of(completion, struct admin, alter.completion);
    struct check *check = worker_check(&admin->worker);
    if (result == STATUS_OK)
        topic_setting_answered(admin->setting, check, admin->altered);
    if (result == STATUS_OK && was_taken(&admin->alter))
        topic_setting_taken(admin->setting, check, admin->altered);
    worker_pause(&admin->worker, PAUSE_MS, admin_act);
}

static void send_setting(struct admin *admin)
{
    struct incremental_alter_configs_request_config config;
    incremental_alter_configs_request_config_init(&config);
    config.name = bytes_of_text(admin->setting->name);
    config.value = bytes_of_text(admin->setting->value);
    struct incremental_alter_configs_request_resource resource;
    incremental_alter_configs_request_resource_init(&resource);
    resource.resource_type = RESOURCE_TOPIC;
    resource.resource_name = bytes_of_text(admin->setting->topic);
    resource.configs = &config;
    resource.configs_count = 1;
    struct incremental_alter_configs_request request;
    incremental_alter_configs_request_init(&request);
    request.resources = &resource;
    request.resources_count = 1;
    client_call_reset(&admin->alter);
    client_incremental_alter_configs(&admin->worker.client, &admin->alter,
                                     INCREMENTAL_ALTER_CONFIGS_REQUEST_VERSION_MAX, &request);
}

/* By name, so not of a topic that may be another one. */
static void alter_setting(struct worker *worker)
{
    struct admin *admin = container_of(worker, struct admin, worker);
    admin->setting = topic_setting_draw(&worker->prng);
    uint32_t topic = workload_topic_named(admin->setting->topic);
    assert(!workload_topics[topic].is_fleeting);
    admin->altered = worker->topics[topic].id;
    topic_setting_asked(admin->setting, worker_check(worker), admin->altered);
    send_setting(admin);
}

/* --- What comes next -------------------------------------------------------------------------- */

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
    else if (prng_chance(&worker->prng, 1, 2))
        delete_records(admin, topic);
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
    else if (prng_chance(&worker->prng, 1, 4))
        create_topic(admin);
    else
        worker_learn_topics(worker,
                            prng_chance(&worker->prng, 1, 2) ? alter_setting : topics_are_known);
}

static struct process *admin_start(const struct program *program, struct node *node,
                                   struct io *const *cores, uint32_t core_count)
{
    struct admin *admin = calloc(1, sizeof *admin);
    assert(admin != NULL);
    assert(core_count == 1);
    worker_init(&admin->worker, program, node, cores[0], 1);
    client_call_init(&admin->call, call_landed);
    client_call_init(&admin->trim, trim_landed);
    client_call_init(&admin->alter, alter_landed);
    worker_pause(&admin->worker, 1, admin_act);
    return &admin->worker.process;
}

void admin_program_init(struct worker_program *program, struct workload *workload)
{
    *program = (struct worker_program){.program = {.start = admin_start}, .workload = workload};
}
