#include "bench/produce.h"

#include "base/assert.h"
#include "base/list.h"
#include "bench/system.h"
#include "protocol/batch.h"
#include "protocol/messages/produce.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 64 * 1024 };

static struct produce *produce_of(struct role *role)
{
    return container_of(role, struct produce, role);
}

static const struct template *choose(const struct produce *produce, uint32_t connection,
                                     uint64_t number, uint32_t *variant)
{
    const struct templates *set = &produce->sets[produce->set_count > 1 ? connection : 0];
    /* Connections begin at different places, or all would send the large ones together. */
    *variant = (uint32_t)((number + connection * 7ull) % set->count);
    return &set->variants[*variant];
}

/* The batch with what belongs to this request in it, and its checksum renewed. */
static struct bytes personalize(const struct produce *produce, struct producer *producer,
                                const struct template *template, int64_t start_ns)
{
    struct bytes batch = bytes_of(producer->batch, template->batch.size);
    memcpy(producer->batch, template->batch.data, batch.size);
    if (producer->sequences != NULL) {
        int32_t *sequence = &producer->sequences[producer->partition];
        store_u64_be(producer->batch + BATCH_PRODUCER_ID_AT, (uint64_t)producer->id);
        store_u16_be(producer->batch + BATCH_PRODUCER_EPOCH_AT, (uint16_t)producer->epoch);
        store_u32_be(producer->batch + BATCH_BASE_SEQUENCE_AT, (uint32_t)*sequence);
        *sequence = batch_sequence_add(*sequence, (int32_t) template->record_count);
    }
    if (produce->run_id != 0)
        template_stamp(template, produce->run_id, start_ns, producer->batch);
    store_u32_be(producer->batch + BATCH_CRC_AT, batch_crc_compute(batch));
    return batch;
}

static bool produce_next(struct role *role, struct connection *connection, int64_t start_ns)
{
    struct produce *produce = produce_of(role);
    struct producer *producer = &produce->producers[connection->index];
    uint64_t number = connection->begun_count;
    const struct template *template = choose(produce, connection->index, number,
                                             &producer->variants[number % LOAD_IN_FLIGHT_MAX]);
    if (!produce->load->keyed)
        producer->partition = (uint32_t)((connection->index + number) % produce->load->partitions);
    template_write_head(template, (int32_t)number, (int32_t)producer->partition, producer->head);
    connection->pieces[0] = bytes_of(producer->head, template->head.size);
    connection->pieces[1] = producer->batch == NULL
                                ? template->batch
                                : personalize(produce, producer, template, start_ns);
    connection->pieces[2] = template->tail;
    connection->piece_count = 3;
    return true;
}

static int16_t read_error(struct connection *connection, struct reader *reader)
{
    struct produce_response response;
    produce_response_init(&response);
    enum status status =
        produce_response_decode(reader, PRODUCE_VERSION, &connection->arena, &response);
    if (status != STATUS_OK || response.responses_count != 1 ||
        response.responses[0].partition_responses_count != 1)
        fail("a response to Produce cannot be read: %s", status_text(status));
    return response.responses[0].partition_responses[0].error_code;
}

static struct answer produce_answered(struct role *role, struct connection *connection,
                                      struct reader *reader, int64_t start_ns)
{
    struct produce *produce = produce_of(role);
    struct producer *producer = &produce->producers[connection->index];
    const struct templates *set = &produce->sets[produce->set_count > 1 ? connection->index : 0];
    /* The worker has counted this answer already. */
    uint64_t number = connection->answered_count - 1;
    const struct template *template =
        &set->variants[producer->variants[number % LOAD_IN_FLIGHT_MAX]];
    struct answer answer = {
        .is_timed = true, .records = template->record_count, .bytes = template->batch.size};
    if (reader != NULL)
        answer.error = read_error(connection, reader);
    if (answer.error == KAFKA_NONE && window_has(&role->window, start_ns))
        __atomic_add_fetch(&produce->taken_batches, 1, __ATOMIC_RELAXED);
    return answer;
}

static const struct role_kind produce_kind = {
    .name = "produce",
    .key = API_PRODUCE,
    .version = PRODUCE_VERSION,
    .next = produce_next,
    .answered = produce_answered,
};

/* --- Life ------------------------------------------------------------------------------------- */

static void make_sets(struct produce *produce)
{
    const struct load *load = produce->load;
    produce->set_count = load->keyed ? load->connections : 1;
    produce->sets = calloc(produce->set_count, sizeof *produce->sets);
    assert(produce->sets != NULL);
    for (uint32_t i = 0; i < produce->set_count; i++) {
        char text[TEMPLATE_KEY_SIZE];
        struct bytes key = load->keyed ? template_key(i, text) : (struct bytes){0};
        templates_init(&produce->sets[i], load, key);
    }
}

static size_t largest_batch(const struct templates *set)
{
    size_t largest = 0;
    for (uint32_t i = 0; i < set->count; i++)
        if (set->variants[i].batch.size > largest)
            largest = set->variants[i].batch.size;
    return largest;
}

static void make_producer(struct produce *produce, uint32_t index, struct control *control)
{
    const struct load *load = produce->load;
    struct producer *producer = &produce->producers[index];
    char key[TEMPLATE_KEY_SIZE];
    const struct templates *set = &produce->sets[produce->set_count > 1 ? index : 0];
    producer->partition = template_partition(template_key(index, key), load->partitions);
    if (load->idempotent) {
        control_init_producer(control, &producer->id, &producer->epoch);
        producer->sequences = calloc(load->partitions, sizeof *producer->sequences);
        assert(producer->sequences != NULL);
    }
    if (load->idempotent || produce->run_id != 0) {
        producer->batch = malloc(largest_batch(set));
        assert(producer->batch != NULL);
    }
}

void produce_init(struct produce *produce, const struct load *load, uint64_t run_id,
                  struct control *control)
{
    *produce = (struct produce){.load = load, .run_id = run_id};
    produce->role = (struct role){
        .kind = &produce_kind,
        .connection_count = load->connections,
        .in_flight_max = load->in_flight,
        .rate = load->rate,
        .is_unanswered = load->acks == 0,
        .answer_bytes_max = ANSWER_BYTES_MAX,
        .requests_left = load->requests > 0 ? load->requests : UINT64_MAX,
    };
    make_sets(produce);
    produce->producers = calloc(load->connections, sizeof *produce->producers);
    assert(produce->producers != NULL);
    for (uint32_t i = 0; i < load->connections; i++)
        make_producer(produce, i, control);
}

void produce_deinit(struct produce *produce)
{
    for (uint32_t i = 0; i < produce->load->connections; i++) {
        free(produce->producers[i].batch);
        free(produce->producers[i].sequences);
    }
    free(produce->producers);
    for (uint32_t i = 0; i < produce->set_count; i++)
        templates_deinit(&produce->sets[i]);
    free(produce->sets);
}
