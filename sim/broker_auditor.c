#include "sim/broker_auditor.h"

#include "base/assert.h"
#include "protocol/batch_build.h"
#include "protocol/errors.h"
#include "sim/broker_reading.h"

#include <stdlib.h>

enum { PAUSE_MS = 50, VALUE_SIZE = 40, ARENA_BYTES_MAX = 64 << 10 };

struct auditor {
    struct worker worker;
    struct client_call call;
    uint32_t topic; /* where it stands */
    int32_t index;
    struct check_key key;
    uint64_t number; /* of the new record */
    uint32_t strict_period;
    int64_t start; /* of the log */
    int64_t offset;
    int64_t known_end;
    int64_t known_start;
};

static void audit_partition(struct worker *worker);
static void send_record(struct worker *worker);
static void send_fetch(struct worker *worker);
static void send_list(struct worker *worker);

static struct auditor *auditor_of(struct worker *worker)
{
    return container_of(worker, struct auditor, worker);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void partition_is_read(struct auditor *auditor, int64_t end)
{
    check_audited(worker_check(&auditor->worker), &auditor->key, auditor->start, end);
    auditor->index++;
    audit_partition(&auditor->worker);
}

static void fetch_landed(struct completion *completion, int32_t result)
{
    struct auditor *auditor = container_of(completion, struct auditor, call.completion);
    struct check *check = worker_check(&auditor->worker);
    struct client_fetched fetched = {0};
    auditor->worker.program->last_result = result;
    if (result != STATUS_OK || client_fetched_taken(&auditor->call, &fetched) != STATUS_OK ||
        fetched.error != KAFKA_NONE) {
        auditor->worker.program->last_error = fetched.error;
        worker_pause(&auditor->worker, PAUSE_MS, send_list); /* it may begin elsewhere by now */
        return;
    }
    check_end(check, &auditor->key, auditor->known_end, fetched.high_watermark);
    reading_take(check, &auditor->key, fetched.records, fetched.high_watermark, &auditor->offset);
    if (auditor->offset >= fetched.high_watermark)
        partition_is_read(auditor, fetched.high_watermark);
    else
        send_fetch(&auditor->worker);
}

static void send_fetch(struct worker *worker)
{
    struct auditor *auditor = auditor_of(worker);
    struct client_fetch fetch = {
        .partition = worker_partition(worker, auditor->topic, auditor->index),
        .offset = auditor->offset,
    };
    auditor->known_end = check_known_end(worker_check(worker), &auditor->key);
    client_call_reset(&auditor->call);
    auditor->call.completion.landed = fetch_landed;
    client_fetch_partition(&worker->client, &auditor->call, &fetch);
}

/* --- Where it begins -------------------------------------------------------------------------- */

static void list_landed(struct completion *completion, int32_t result)
{
    struct auditor *auditor = container_of(completion, struct auditor, call.completion);
    struct client_listed listed = {0};
    auditor->worker.program->last_result = result;
    if (result != STATUS_OK || client_listed_taken(&auditor->call, &listed) != STATUS_OK ||
        listed.error != KAFKA_NONE) {
        auditor->worker.program->last_error = listed.error;
        worker_pause(&auditor->worker, PAUSE_MS, send_list);
        return;
    }
    check_start(worker_check(&auditor->worker), &auditor->key, auditor->known_start, listed.offset);
    check_audit(worker_check(&auditor->worker), &auditor->key);
    auditor->start = listed.offset;
    auditor->offset = listed.offset;
    send_fetch(&auditor->worker);
}

static void send_list(struct worker *worker)
{
    struct auditor *auditor = auditor_of(worker);
    struct client_partition partition = worker_partition(worker, auditor->topic, auditor->index);
    auditor->known_start = check_known_start(worker_check(worker), &auditor->key);
    client_call_reset(&auditor->call);
    auditor->call.completion.landed = list_landed;
    client_list_offset(&worker->client, &auditor->call, &partition, CLIENT_EARLIEST);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void record_landed(struct completion *completion, int32_t result)
{
    struct auditor *auditor = container_of(completion, struct auditor, call.completion);
    struct client_produced produced = {0};
    auditor->worker.program->last_result = result;
    if (result != STATUS_OK || client_produced_taken(&auditor->call, &produced) != STATUS_OK ||
        produced.error != KAFKA_NONE) {
        auditor->worker.program->last_error = produced.error;
        worker_pause(&auditor->worker, PAUSE_MS, send_record);
        return;
    }
    check_acked(worker_check(&auditor->worker), &auditor->key, auditor->strict_period,
                produced.base_offset, auditor->number, 1);
    send_list(&auditor->worker);
}

static void send_record(struct worker *worker)
{
    struct auditor *auditor = auditor_of(worker);
    struct arena arena;
    struct batch_builder builder;
    struct client_produce produce = {
        .partition = worker_partition(worker, auditor->topic, auditor->index),
        .acks = CLIENT_ACKS_ALL,
    };
    uint8_t value[VALUE_SIZE];
    auditor->number = check_send(worker_check(worker), 0, 0, VALUE_SIZE);
    auditor->strict_period = check_strict_period(worker_check(worker), auditor->key.topic_id);
    check_fill_value(auditor->number, value, VALUE_SIZE);
    arena_init(&arena, ARENA_BYTES_MAX);
    batch_builder_init(&builder, &batch_options_plain, &arena);
    batch_builder_append_simple(&builder, io_wall_ms(worker->io), check_key_of(auditor->number),
                                bytes_of(value, VALUE_SIZE));
    enum status status = batch_builder_finish(&builder, &produce.batch);
    assert(status == STATUS_OK);
    client_call_reset(&auditor->call);
    auditor->call.completion.landed = record_landed;
    client_produce_batch(&worker->client, &auditor->call, &produce);
    arena_deinit(&arena);
}

/* --- One partition after the other ------------------------------------------------------------ */

static void audit_partition(struct worker *worker)
{
    struct auditor *auditor = auditor_of(worker);
    while (auditor->topic < TOPIC_COUNT &&
           auditor->index >= worker->topics[auditor->topic].partition_count) {
        auditor->topic++;
        auditor->index = 0;
    }
    if (auditor->topic == TOPIC_COUNT) {
        worker->program->is_idle = true;
        return;
    }
    auditor->key =
        (struct check_key){.topic_id = worker->topics[auditor->topic].id, .index = auditor->index};
    send_record(worker);
}

static struct process *auditor_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count)
{
    struct auditor *auditor = calloc(1, sizeof *auditor);
    assert(auditor != NULL);
    assert(core_count == 1);
    worker_init(&auditor->worker, program, node, cores[0], 1);
    client_call_init(&auditor->call, fetch_landed);
    worker_learn_topics(&auditor->worker, audit_partition);
    return &auditor->worker.process;
}

void auditor_program_init(struct worker_program *program, struct workload *workload)
{
    *program = (struct worker_program){.program = {.start = auditor_start}, .workload = workload};
}
