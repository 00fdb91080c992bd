#include "sim/broker_consumer.h"

#include "base/assert.h"
#include "protocol/errors.h"
#include "sim/broker_reading.h"

#include <stdlib.h>

enum {
    FETCH_VERSION = 18,
    FETCH_BYTES_MAX = 1 << 20,
    FETCH_WAIT_MS_MAX = 400,
    PARTITION_MAX = TOPIC_COUNT * TOPIC_PARTITIONS_MAX,
    LEARN_CHANCE = 10,   /* in a hundred rounds: look for new partitions, */
    OFFSETS_CHANCE = 10, /* ask for an end, */
    REWIND_CHANCE = 3,   /* read one from its start again; */
    REWIND_CHANCE_OFTEN = 20,
    PAUSE_MS = 40,
};

struct position {
    struct check_key key;
    uint32_t topic;
    int64_t offset;
    int64_t known_end; /* when the request left */
    int64_t known_start;
    bool is_placed; /* it is known where to start */
    bool is_lost;   /* where it was nothing is left: to be placed at the start */
    bool is_told;   /* the session knows this offset */
    bool is_at_end;
};

struct consumer {
    struct worker worker;
    struct client_call fetch;
    struct client_call list;
    struct position positions[PARTITION_MAX];
    uint32_t position_count;
    uint32_t listed; /* whose end was asked for */
    int64_t listed_known_end;
    int64_t listed_known_start;
    bool starts_at_end; /* of topics that nobody deletes */
    bool is_with_session;
    int32_t session_id;
    int32_t session_epoch; /* of the next request */
    bool must_learn;
};

static void consumer_go_on(struct worker *worker);

static struct consumer *consumer_of(struct worker *worker)
{
    return container_of(worker, struct consumer, worker);
}

/* --- Positions -------------------------------------------------------------------------------- */

static struct position *position_find(struct consumer *consumer, const struct check_key *key)
{
    for (uint32_t i = 0; i < consumer->position_count; i++) {
        struct position *position = &consumer->positions[i];
        if (position->key.index == key->index && uuid_equal(position->key.topic_id, key->topic_id))
            return position;
    }
    return NULL;
}

static void drop_strangers(struct consumer *consumer)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < consumer->position_count; i++) {
        struct position *position = &consumer->positions[i];
        if (uuid_equal(consumer->worker.topics[position->topic].id, position->key.topic_id))
            consumer->positions[kept++] = *position;
    }
    consumer->position_count = kept;
}

static void session_reset(struct consumer *consumer)
{
    consumer->session_id = 0;
    consumer->session_epoch = consumer->is_with_session ? 0 : -1;
    for (uint32_t i = 0; i < consumer->position_count; i++)
        consumer->positions[i].is_told = false;
}

static void adopt_partition(struct consumer *consumer, uint32_t topic, int32_t index)
{
    struct check_key key = {.topic_id = consumer->worker.topics[topic].id, .index = index};
    if (position_find(consumer, &key) != NULL)
        return;
    assert(consumer->position_count < PARTITION_MAX);
    bool waits_for_end = consumer->starts_at_end && !workload_topics[topic].is_fleeting;
    consumer->positions[consumer->position_count++] =
        (struct position){.key = key, .topic = topic, .is_placed = !waits_for_end};
}

/* A dropped partition leaves the session with it: the simplest way to forget is to begin anew. */
static void topics_are_known(struct worker *worker)
{
    struct consumer *consumer = consumer_of(worker);
    uint32_t before = consumer->position_count;
    drop_strangers(consumer);
    if (consumer->position_count != before)
        session_reset(consumer);
    for (uint32_t topic = 0; topic < TOPIC_COUNT; topic++)
        for (int32_t i = 0; i < worker->topics[topic].partition_count; i++)
            adopt_partition(consumer, topic, i);
    consumer->must_learn = false;
    consumer_go_on(worker);
}

/* --- Fetching --------------------------------------------------------------------------------- */

static uint32_t write_topic(struct consumer *consumer, uint32_t topic,
                            struct fetch_request_partition *partitions,
                            struct fetch_request_topic *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < consumer->position_count; i++) {
        struct position *position = &consumer->positions[i];
        if (position->topic != topic)
            continue;
        assert(position->is_placed);
        position->known_end = check_known_end(worker_check(&consumer->worker), &position->key);
        position->known_start = check_known_start(worker_check(&consumer->worker), &position->key);
        if (consumer->session_epoch > 0 && position->is_told)
            continue;
        position->is_told = true;
        fetch_request_partition_init(&partitions[count]);
        partitions[count].partition = position->key.index;
        partitions[count].fetch_offset = position->offset;
        partitions[count].partition_max_bytes =
            (int32_t)prng_between(&consumer->worker.prng, 1, FETCH_BYTES_MAX);
        count++;
    }
    fetch_request_topic_init(out);
    out->topic_id = consumer->worker.topics[topic].id;
    out->partitions = partitions;
    out->partitions_count = count;
    return count;
}

static void send_fetch(struct consumer *consumer)
{
    struct worker *worker = &consumer->worker;
    struct fetch_request_partition partitions[TOPIC_COUNT][TOPIC_PARTITIONS_MAX];
    struct fetch_request_topic topics[TOPIC_COUNT];
    struct fetch_request request;
    fetch_request_init(&request);
    request.max_wait_ms = (int32_t)prng_below(&worker->prng, FETCH_WAIT_MS_MAX);
    request.min_bytes = (int32_t)prng_between(&worker->prng, 0, 1000);
    request.max_bytes = FETCH_BYTES_MAX;
    request.session_id = consumer->session_id;
    request.session_epoch = consumer->session_epoch;
    request.topics = topics;
    for (uint32_t i = 0; i < TOPIC_COUNT; i++)
        if (write_topic(consumer, i, partitions[i], &topics[request.topics_count]) > 0)
            request.topics_count++;
    client_call_reset(&consumer->fetch);
    client_fetch(&worker->client, &consumer->fetch, FETCH_VERSION, &request);
}

/* Where the log was to be cut it goes on; where it shrinks by itself, or has lost its end, that
 * must be asked for. By name, so not of a topic that may be another one. */
static void partition_refused(struct consumer *consumer, struct position *position, int16_t error)
{
    struct check *check = worker_check(&consumer->worker);
    int64_t asked_start = check_asked_start(check, &position->key);
    position->is_told = false;
    consumer->worker.program->last_error = error;
    if (error == KAFKA_OFFSET_OUT_OF_RANGE && position->offset < asked_start) {
        position->offset = asked_start;
    } else if (error == KAFKA_OFFSET_OUT_OF_RANGE) {
        check_out_of_range(check, &position->key, position->offset);
        position->is_lost = !workload_topics[position->topic].is_fleeting;
        position->is_placed = !position->is_lost;
        position->offset = 0;
    }
    consumer->must_learn = true;
}

static void take_partition(struct consumer *consumer, struct uuid topic_id,
                           const struct fetch_response_partition *answer)
{
    struct check *check = worker_check(&consumer->worker);
    struct check_key key = {.topic_id = topic_id, .index = answer->partition_index};
    struct position *position = position_find(consumer, &key);
    if (position == NULL) {
        verdict_fail(check->verdict, OUTCOME_UNSAFE, "a partition in an answer that was not asked");
        return;
    }
    if (answer->error_code != KAFKA_NONE) {
        partition_refused(consumer, position, answer->error_code);
        return;
    }
    int64_t before = position->offset;
    check_end(check, &key, position->known_end, answer->high_watermark);
    check_start(check, &key, position->known_start, answer->log_start_offset);
    if (answer->records.piece_count > 0)
        reading_take(check, &key, answer->records.pieces[0], answer->high_watermark,
                     &position->offset);
    position->is_told = position->offset == before;
    position->is_at_end = position->offset >= answer->high_watermark;
}

/* A session does not speak of partitions of which there is nothing to say, not even that they are
 * empty. */
static void nothing_is_left(struct consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->position_count; i++)
        consumer->positions[i].is_at_end = true;
}

static void take_fetch(struct consumer *consumer)
{
    struct fetch_response response;
    if (client_fetch_answer(&consumer->fetch, &response) != STATUS_OK) {
        verdict_fail(worker_check(&consumer->worker)->verdict, OUTCOME_UNSAFE,
                     "an answer to a fetch that is malformed");
        return;
    }
    if (response.error_code != KAFKA_NONE) {
        session_reset(consumer);
        consumer->must_learn = true;
        return;
    }
    if (consumer->is_with_session) {
        consumer->session_id = response.session_id;
        consumer->session_epoch = response.session_id == 0 ? 0 : consumer->session_epoch + 1;
    }
    if (response.responses_count == 0)
        nothing_is_left(consumer);
    for (uint32_t t = 0; t < response.responses_count; t++)
        for (uint32_t i = 0; i < response.responses[t].partitions_count; i++)
            take_partition(consumer, response.responses[t].topic_id,
                           &response.responses[t].partitions[i]);
}

static void fetch_landed(struct completion *completion, int32_t result)
{
    struct consumer *consumer = container_of(completion, struct consumer, fetch.completion);
    consumer->worker.program->last_result = result;
    if (result == STATUS_OK) {
        take_fetch(consumer);
    } else {
        session_reset(consumer);
        consumer->must_learn = true;
    }
    worker_pause(&consumer->worker, consumer->must_learn ? PAUSE_MS : 1, consumer_go_on);
}

/* --- Offsets ---------------------------------------------------------------------------------- */

static void take_offset(struct consumer *consumer, struct position *position, int64_t offset)
{
    struct check *check = worker_check(&consumer->worker);
    if (position->is_lost)
        check_start(check, &position->key, consumer->listed_known_start, offset);
    else
        check_end(check, &position->key, consumer->listed_known_end, offset);
    if (position->is_placed)
        return;
    position->is_placed = true;
    position->is_lost = false;
    position->offset = offset;
}

static void list_landed(struct completion *completion, int32_t result)
{
    struct consumer *consumer = container_of(completion, struct consumer, list.completion);
    struct position *position = &consumer->positions[consumer->listed];
    struct client_listed listed = {0};
    consumer->worker.program->last_result = result;
    if (result == STATUS_OK && client_listed_taken(&consumer->list, &listed) == STATUS_OK &&
        listed.error == KAFKA_NONE)
        take_offset(consumer, position, listed.offset);
    else
        consumer->must_learn = true;
    if (result == STATUS_OK)
        consumer->worker.program->last_error = listed.error;
    worker_pause(&consumer->worker, consumer->must_learn ? PAUSE_MS : 1, consumer_go_on);
}

/* By name, so not of a topic that may be another one. */
static void send_list(struct consumer *consumer, uint32_t index)
{
    struct worker *worker = &consumer->worker;
    struct position *position = &consumer->positions[index];
    assert(!workload_topics[position->topic].is_fleeting);
    struct client_partition partition =
        worker_partition(worker, position->topic, position->key.index);
    consumer->listed = index;
    consumer->listed_known_end = check_known_end(worker_check(worker), &position->key);
    client_call_reset(&consumer->list);
    consumer->listed_known_start = check_known_start(worker_check(worker), &position->key);
    client_list_offset(&worker->client, &consumer->list, &partition,
                       position->is_lost ? CLIENT_EARLIEST : CLIENT_LATEST);
}

/* The partition whose end is asked for next: one whose start is unknown, or sometimes any. */
static bool choose_list(struct consumer *consumer, uint32_t *index)
{
    struct prng *prng = &consumer->worker.prng;
    for (*index = 0; *index < consumer->position_count; ++*index)
        if (!consumer->positions[*index].is_placed)
            return true;
    *index = (uint32_t)prng_below(prng, consumer->position_count);
    return prng_chance(prng, OFFSETS_CHANCE, 100) &&
           !workload_topics[consumer->positions[*index].topic].is_fleeting;
}

/* --- Rounds ----------------------------------------------------------------------------------- */

static bool is_at_all_ends(const struct consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->position_count; i++)
        if (!consumer->positions[i].is_at_end)
            return false;
    return true;
}

static bool may_rewind(struct consumer *consumer)
{
    const struct workload *workload = consumer->worker.workload;
    uint32_t chance = workload->outgrows_memory ? REWIND_CHANCE_OFTEN : REWIND_CHANCE;
    return !workload->is_quiet && prng_chance(&consumer->worker.prng, chance, 100);
}

static void rewind_one(struct consumer *consumer)
{
    struct position *position =
        &consumer->positions[prng_below(&consumer->worker.prng, consumer->position_count)];
    position->offset = 0;
    position->is_told = false;
    position->is_at_end = false;
}

static void consumer_go_on(struct worker *worker)
{
    struct consumer *consumer = consumer_of(worker);
    worker->program->is_idle = worker->workload->is_quiet && is_at_all_ends(consumer);
    if (consumer->must_learn || prng_chance(&worker->prng, LEARN_CHANCE, 100)) {
        worker_learn_topics(worker, topics_are_known);
        return;
    }
    assert(consumer->position_count > 0);
    uint32_t index;
    if (choose_list(consumer, &index)) {
        send_list(consumer, index);
        return;
    }
    if (may_rewind(consumer))
        rewind_one(consumer);
    send_fetch(consumer);
}

/* --- Life ------------------------------------------------------------------------------------- */

static struct process *consumer_start(const struct program *program, struct node *node,
                                      struct io *const *cores, uint32_t core_count)
{
    struct consumer *consumer = calloc(1, sizeof *consumer);
    assert(consumer != NULL);
    assert(core_count == 1);
    worker_init(&consumer->worker, program, node, cores[0], 1);
    client_call_init(&consumer->fetch, fetch_landed);
    client_call_init(&consumer->list, list_landed);
    consumer->starts_at_end = prng_chance(&consumer->worker.prng, 1, 3);
    consumer->is_with_session = prng_chance(&consumer->worker.prng, 3, 4);
    session_reset(consumer);
    worker_learn_topics(&consumer->worker, topics_are_known);
    return &consumer->worker.process;
}

void consumer_program_init(struct worker_program *program, struct workload *workload)
{
    *program = (struct worker_program){.program = {.start = consumer_start}, .workload = workload};
}
