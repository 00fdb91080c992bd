#include "sim/broker_producer.h"

#include "base/assert.h"
#include "protocol/batch_build.h"
#include "protocol/errors.h"

#include <stdlib.h>

enum {
    WINDOW_MAX = 5,
    BATCH_RECORDS_MAX = 12,
    RECORD_BYTES_SMALL = 300,
    RECORD_BYTES_LARGE = 120 * 1024,
    PRODUCE_VERSION_OLDEST = 9,
    PRODUCE_VERSION_BY_NAME_NEWEST = 12,
    RECORD_BYTES_TOO_MANY = 300 * 1024, /* for message.max.bytes of the story's broker */
    SPOILT_CHANCE = 3,                  /* in a hundred windows */
    TOMBSTONE_CHANCE = 15,              /* in a hundred records */
    FAILURE_PAUSE_MS = 50,
    WINDOW_PAUSE_MS = 20,
    ARENA_BYTES_MAX = 8 << 20,
};

/* A batch until it is acknowledged or given up. */
struct slot {
    struct broker_producer *producer;
    struct client_call call;
    struct arena arena;
    struct bytes batch;
    uint64_t first_number;
    uint32_t record_count;
    uint32_t strict_period; /* when it was sent */
    bool is_open;
    bool is_spoilt; /* must be refused */
};

/* How far an idempotent producer is with a partition. */
struct sequence {
    struct uuid topic_id; /* zero: nothing was sent yet */
    int32_t position;     /* of the next record */
};

struct broker_producer {
    struct worker worker;
    struct client_call new_id;
    bool is_idempotent;
    int16_t acks;
    int16_t version; /* of Produce; 0: the newest */
    enum compression compression;
    uint32_t large_chance; /* in a hundred */
    struct client_producer id;
    uint32_t session; /* 0: none yet */
    struct sequence sequences[TOPIC_COUNT][TOPIC_PARTITIONS_MAX];

    uint32_t topic; /* the window's */
    int32_t index;
    struct check_key key;
    struct slot slots[WINDOW_MAX];
    uint32_t in_flight_count;
    bool is_lost; /* the window's partition is gone */
};

static void producer_go_on(struct worker *worker);

static struct broker_producer *producer_of(struct worker *worker)
{
    return container_of(worker, struct broker_producer, worker);
}

/* --- Making batches --------------------------------------------------------------------------- */

static uint32_t draw_size(struct broker_producer *producer)
{
    struct prng *prng = &producer->worker.prng;
    bool is_large = prng_chance(prng, producer->large_chance, 100);
    return (uint32_t)prng_between(prng, CHECK_VALUE_SIZE_MIN,
                                  is_large ? RECORD_BYTES_LARGE : RECORD_BYTES_SMALL);
}

static struct batch_options options_of(const struct broker_producer *producer, int32_t position)
{
    struct batch_options options = batch_options_plain;
    options.compression = producer->compression;
    options.level = compression_levels(producer->compression).usual;
    if (producer->is_idempotent) {
        options.producer_id = producer->id.id;
        options.producer_epoch = producer->id.epoch;
        options.base_sequence = position;
    }
    return options;
}

/* Who reads it is told in a header which one it is. */
static void append_tombstone(struct broker_producer *producer, struct slot *slot,
                             struct batch_builder *builder, int32_t position)
{
    uint64_t number =
        check_send_tombstone(worker_check(&producer->worker), producer->session, position);
    uint8_t stamp[CHECK_VALUE_SIZE_MIN];
    store_u64_be(stamp, number);
    const struct record_header header = {bytes_of_text(CHECK_STAMP), bytes_of(stamp, sizeof stamp)};
    struct record_view record = {.offset = builder->last_offset + 1,
                                 .timestamp = io_wall_ms(producer->worker.io),
                                 .key = check_key_of(number),
                                 .header_count = 1};
    enum status status = record_headers_encode(&header, 1, &slot->arena, &record.headers);
    assert(status == STATUS_OK);
    if (slot->record_count++ == 0)
        slot->first_number = number;
    batch_builder_append(builder, &record);
}

static void append_record(struct broker_producer *producer, struct slot *slot,
                          struct batch_builder *builder, int32_t *position, uint32_t size)
{
    uint8_t *value = arena_allocate(&slot->arena, size);
    assert(value != NULL);
    uint64_t number =
        check_send(worker_check(&producer->worker), producer->session, (*position)++, size);
    if (slot->record_count++ == 0)
        slot->first_number = number;
    check_fill_value(number, value, size);
    batch_builder_append_simple(builder, io_wall_ms(producer->worker.io), check_key_of(number),
                                bytes_of(value, size));
}

static void slot_open(struct slot *slot, bool is_spoilt)
{
    assert(!slot->is_open);
    arena_reset(&slot->arena);
    slot->record_count = 0;
    slot->is_open = true;
    slot->is_spoilt = is_spoilt;
}

static void slot_fill(struct broker_producer *producer, struct slot *slot)
{
    int32_t *position = &producer->sequences[producer->topic][producer->index].position;
    struct batch_options options = options_of(producer, *position);
    struct batch_builder builder;
    slot_open(slot, false);
    batch_builder_init(&builder, &options, &slot->arena);
    uint32_t count = (uint32_t)prng_between(&producer->worker.prng, 1, BATCH_RECORDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (prng_chance(&producer->worker.prng, TOMBSTONE_CHANCE, 100))
            append_tombstone(producer, slot, &builder, (*position)++);
        else
            append_record(producer, slot, &builder, position, draw_size(producer));
        if (builder.records.size >= RECORD_BYTES_LARGE)
            break;
    }
    enum status status = batch_builder_finish(&builder, &slot->batch);
    assert(status == STATUS_OK);
}

/* A batch that is too large, or whose checksum is wrong. No sequence is used up by it. */
static void slot_fill_spoilt(struct broker_producer *producer, struct slot *slot)
{
    int32_t position = producer->sequences[producer->topic][producer->index].position;
    bool is_too_large = prng_chance(&producer->worker.prng, 1, 2);
    struct batch_options options = options_of(producer, position);
    struct batch_builder builder;
    if (is_too_large) {
        options.compression = COMPRESSION_NONE;
        options.level = compression_levels(COMPRESSION_NONE).usual;
    }
    slot_open(slot, true);
    batch_builder_init(&builder, &options, &slot->arena);
    append_record(producer, slot, &builder, &position,
                  is_too_large ? RECORD_BYTES_TOO_MANY : RECORD_BYTES_SMALL);
    enum status status = batch_builder_finish(&builder, &slot->batch);
    assert(status == STATUS_OK);
    if (!is_too_large) /* the bytes are the arena's, so ours to spoil */
        ((uint8_t *)(uintptr_t)slot->batch.data)[BATCH_CRC_AT] ^= 1;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* To a topic that may be another one tomorrow only by its id. */
static void slot_send(struct broker_producer *producer, struct slot *slot)
{
    struct client_produce produce = {
        .partition = worker_partition(&producer->worker, producer->topic, producer->index),
        .version = workload_topics[producer->topic].is_fleeting ? 0 : producer->version,
        .acks = producer->acks,
        .batch = slot->batch,
    };
    produce.partition.topic_id = producer->key.topic_id;
    slot->strict_period =
        check_strict_period(worker_check(&producer->worker), producer->key.topic_id);
    producer->in_flight_count++;
    client_call_reset(&slot->call);
    client_produce_batch(&producer->worker.client, &slot->call, &produce);
}

static void window_send(struct broker_producer *producer)
{
    for (uint32_t i = 0; i < WINDOW_MAX; i++)
        if (producer->slots[i].is_open)
            slot_send(producer, &producer->slots[i]);
    assert(producer->in_flight_count > 0);
}

static void slot_acked(struct slot *slot, int64_t base_offset)
{
    struct broker_producer *producer = slot->producer;
    slot->is_open = false;
    if (slot->is_spoilt)
        verdict_fail(worker_check(&producer->worker)->verdict, OUTCOME_UNSAFE,
                     "refused: a batch that cannot be taken was acknowledged");
    check_acked(worker_check(&producer->worker), &producer->key, slot->strict_period, base_offset,
                slot->first_number, slot->record_count);
}

/* Nobody sends it again, and nobody has taken it before. */
static bool error_is_final(int16_t error)
{
    return error == KAFKA_CORRUPT_MESSAGE || error == KAFKA_MESSAGE_TOO_LARGE ||
           error == KAFKA_INVALID_RECORD;
}

static void slot_refused(struct slot *slot, int16_t error)
{
    struct check *check = worker_check(&slot->producer->worker);
    slot->is_open = false;
    if (slot->is_spoilt)
        check_refused(check, slot->first_number, slot->record_count);
    else
        verdict_fail(check->verdict, OUTCOME_UNSAFE, "refused: a good batch (error %d)", error);
}

static void slot_answered(struct slot *slot)
{
    struct client_produced produced;
    if (slot->producer->acks == CLIENT_ACKS_NONE) {
        slot->is_open = false;
        return;
    }
    if (client_produced_taken(&slot->call, &produced) != STATUS_OK)
        return;
    slot->producer->worker.program->last_error = produced.error;
    if (produced.error == KAFKA_NONE)
        slot_acked(slot, produced.base_offset);
    else if (error_is_final(produced.error))
        slot_refused(slot, produced.error);
    else if (produced.error == KAFKA_UNKNOWN_TOPIC_ID ||
             produced.error == KAFKA_UNKNOWN_TOPIC_OR_PARTITION)
        slot->producer->is_lost = true;
}

static bool window_is_open(const struct broker_producer *producer)
{
    for (uint32_t i = 0; i < WINDOW_MAX; i++)
        if (producer->slots[i].is_open)
            return true;
    return false;
}

/* Nobody will ever know what became of these; an idempotent producer begins anew. */
static void window_give_up(struct broker_producer *producer)
{
    for (uint32_t i = 0; i < WINDOW_MAX; i++)
        producer->slots[i].is_open = false;
    producer->session = 0;
}

static void slot_landed(struct completion *completion, int32_t result)
{
    struct slot *slot = container_of(completion, struct slot, call.completion);
    struct broker_producer *producer = slot->producer;
    producer->worker.program->last_result = result;
    if (result == STATUS_OK)
        slot_answered(slot);
    if (--producer->in_flight_count > 0)
        return;
    bool has_failed = window_is_open(producer);
    worker_pause(&producer->worker, has_failed ? FAILURE_PAUSE_MS : WINDOW_PAUSE_MS,
                 producer_go_on);
}

/* --- Windows ---------------------------------------------------------------------------------- */

/* A broker takes any first batch of a producer, so the first one goes alone: if the connection
 * ended before it, the second would be taken in its place, on the next connection. */
static uint32_t draw_window(struct broker_producer *producer)
{
    struct sequence *sequence = &producer->sequences[producer->topic][producer->index];
    if (uuid_equal(sequence->topic_id, producer->key.topic_id))
        return (uint32_t)prng_between(&producer->worker.prng, 1, WINDOW_MAX);
    *sequence = (struct sequence){.topic_id = producer->key.topic_id};
    return 1;
}

static void window_fill(struct broker_producer *producer)
{
    bool may_spoil = producer->acks != CLIENT_ACKS_NONE; /* else it would never know */
    if (may_spoil && prng_chance(&producer->worker.prng, SPOILT_CHANCE, 100)) {
        slot_fill_spoilt(producer, &producer->slots[0]);
        return;
    }
    uint32_t count = draw_window(producer);
    for (uint32_t i = 0; i < count; i++)
        slot_fill(producer, &producer->slots[i]);
}

/* Where records may be lost, a producer that counts them cannot go on. */
static bool choose_topic(struct broker_producer *producer)
{
    struct worker *worker = &producer->worker;
    if (!worker_choose_topic(worker, &producer->topic))
        return false;
    return !producer->is_idempotent || !workload_topics[producer->topic].is_loose;
}

static void window_begin(struct broker_producer *producer)
{
    struct worker *worker = &producer->worker;
    if (!choose_topic(producer)) {
        worker_pause(worker, FAILURE_PAUSE_MS, producer_go_on);
        return;
    }
    const struct topic_view *view = &worker->topics[producer->topic];
    producer->index = (int32_t)prng_below(&worker->prng, (uint64_t)view->partition_count);
    producer->key = (struct check_key){.topic_id = view->id, .index = producer->index};
    window_fill(producer);
    window_send(producer);
}

static void new_id_landed(struct completion *completion, int32_t result)
{
    struct broker_producer *producer =
        container_of(completion, struct broker_producer, new_id.completion);
    int16_t error = KAFKA_UNKNOWN_SERVER_ERROR;
    if (result == STATUS_OK &&
        client_new_producer_taken(&producer->new_id, &error, &producer->id) == STATUS_OK &&
        error == KAFKA_NONE) {
        producer->session = check_new_session(worker_check(&producer->worker));
        memset(producer->sequences, 0, sizeof producer->sequences);
    }
    worker_pause(&producer->worker, FAILURE_PAUSE_MS, producer_go_on);
}

/* With the topics known anew. */
static void window_again(struct worker *worker)
{
    struct broker_producer *producer = producer_of(worker);
    bool is_same = uuid_equal(worker->topics[producer->topic].id, producer->key.topic_id);
    if (!is_same || (producer->is_lost && workload_topics[producer->topic].is_fleeting))
        window_give_up(producer);
    producer->is_lost = false;
    if (window_is_open(producer))
        window_send(producer);
    else
        producer_go_on(worker);
}

static void producer_go_on(struct worker *worker)
{
    struct broker_producer *producer = producer_of(worker);
    assert(producer->in_flight_count == 0);
    if (window_is_open(producer)) {
        worker_learn_topics(worker, window_again);
    } else if (worker->workload->is_quiet) {
        worker->program->is_idle = true;
    } else if (producer->is_idempotent && producer->session == 0) {
        client_call_reset(&producer->new_id);
        client_new_producer(&worker->client, &producer->new_id);
    } else {
        window_begin(producer);
    }
}

/* --- Life ------------------------------------------------------------------------------------- */

static void producer_draw_kind(struct broker_producer *producer)
{
    static const int16_t acks[] = {CLIENT_ACKS_ALL, CLIENT_ACKS_LEADER, CLIENT_ACKS_NONE};
    struct prng *prng = &producer->worker.prng;
    producer->is_idempotent = prng_chance(prng, 1, 2);
    producer->acks = producer->is_idempotent ? CLIENT_ACKS_ALL : acks[prng_below(prng, 3)];
    producer->compression =
        prng_chance(prng, 1, 2) ? COMPRESSION_NONE : (enum compression)prng_below(prng, 5);
    producer->version =
        prng_chance(prng, 1, 2)
            ? 0
            : (int16_t)prng_between(prng, PRODUCE_VERSION_OLDEST, PRODUCE_VERSION_BY_NAME_NEWEST);
    bool is_often_large = prng_chance(prng, 1, 3);
    producer->large_chance = is_often_large || producer->worker.workload->outgrows_memory ? 30 : 1;
}

static struct process *producer_start(const struct program *program, struct node *node,
                                      struct io *const *cores, uint32_t core_count)
{
    struct broker_producer *producer = calloc(1, sizeof *producer);
    assert(producer != NULL);
    assert(core_count == 1);
    worker_init(&producer->worker, program, node, cores[0], WINDOW_MAX);
    client_call_init(&producer->new_id, new_id_landed);
    for (uint32_t i = 0; i < WINDOW_MAX; i++) {
        producer->slots[i].producer = producer;
        client_call_init(&producer->slots[i].call, slot_landed);
        arena_init(&producer->slots[i].arena, ARENA_BYTES_MAX);
    }
    producer_draw_kind(producer);
    worker_learn_topics(&producer->worker, producer_go_on);
    return &producer->worker.process;
}

void producer_program_init(struct worker_program *program, struct workload *workload)
{
    *program = (struct worker_program){.program = {.start = producer_start}, .workload = workload};
}
