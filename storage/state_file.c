/* Encoding and decoding the state of a log. A state file that its checksum accepts is still checked
 * for sense: what is built on it asserts, and bytes from disk must not trip that. */
#include "storage/state_file.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "storage/frame.h"
#include "storage/path.h"

#include <stdlib.h>

enum { STATE_MAGIC = 0x31535254, STATE_VERSION = 3 };

struct stored_state {
    uint32_t magic;
    uint32_t version;
    uint32_t size_bytes;
    uint32_t crc;
    struct uuid topic_id;
    int32_t partition;
    uint32_t segment_count;
    uint32_t epoch_count;
    uint32_t producer_count;
    int64_t start_offset;
    int64_t recovery_offset;
    int64_t cleaned_offset;
    uint32_t damage_count;
    uint32_t topic_name_size;
    uint32_t transaction_count;
    uint32_t zero;
};
_Static_assert(sizeof(struct stored_state) == 88, "stored format");
_Static_assert(offsetof(struct stored_state, size_bytes) == 8, "stored format");
_Static_assert(offsetof(struct stored_state, crc) == 12, "stored format");
_Static_assert(offsetof(struct stored_state, topic_id) == 16, "stored format");
_Static_assert(offsetof(struct stored_state, partition) == 32, "stored format");
_Static_assert(offsetof(struct stored_state, segment_count) == 36, "stored format");
_Static_assert(offsetof(struct stored_state, epoch_count) == 40, "stored format");
_Static_assert(offsetof(struct stored_state, producer_count) == 44, "stored format");
_Static_assert(offsetof(struct stored_state, start_offset) == 48, "stored format");
_Static_assert(offsetof(struct stored_state, recovery_offset) == 56, "stored format");
_Static_assert(offsetof(struct stored_state, cleaned_offset) == 64, "stored format");
_Static_assert(offsetof(struct stored_state, damage_count) == 72, "stored format");
_Static_assert(offsetof(struct stored_state, topic_name_size) == 76, "stored format");
_Static_assert(offsetof(struct stored_state, transaction_count) == 80, "stored format");
_Static_assert(sizeof(struct log_damage) == 16, "stored format");
_Static_assert(offsetof(struct log_damage, to) == 8, "stored format");

struct stored_epoch {
    int32_t epoch;
    uint32_t zero;
    int64_t start_offset;
};
_Static_assert(sizeof(struct stored_epoch) == 16, "stored format");
_Static_assert(offsetof(struct stored_epoch, start_offset) == 8, "stored format");
_Static_assert(sizeof(struct state_segment) == 56, "stored format");
_Static_assert(offsetof(struct state_segment, size_bytes) == 8, "stored format");
_Static_assert(offsetof(struct state_segment, max_timestamp_ms) == 16, "stored format");
_Static_assert(offsetof(struct state_segment, generation) == 24, "stored format");
_Static_assert(offsetof(struct state_segment, created_ms) == 32, "stored format");
_Static_assert(offsetof(struct state_segment, appended_ms) == 40, "stored format");
_Static_assert(offsetof(struct state_segment, aborted_from) == 48, "stored format");

struct stored_producer {
    int64_t producer_id;
    int16_t epoch;
    uint16_t batch_count;
    int32_t coordinator_epoch;
    int64_t noted_ms;
};
_Static_assert(sizeof(struct stored_producer) == 24, "stored format");
_Static_assert(offsetof(struct stored_producer, noted_ms) == 16, "stored format");
_Static_assert(sizeof(struct transaction) == 24, "stored format");
_Static_assert(offsetof(struct transaction, first_offset) == 8, "stored format");
_Static_assert(offsetof(struct transaction, last_offset) == 16, "stored format");
_Static_assert(offsetof(struct stored_producer, batch_count) == 10, "stored format");
_Static_assert(sizeof(struct producer_batch) == 32, "stored format");
_Static_assert(offsetof(struct producer_batch, base_offset) == 8, "stored format");
_Static_assert(offsetof(struct producer_batch, append_time_ms) == 24, "stored format");

/* Reservations are not kept: the batch they were made for is not part
 * of the state, or was refused. */
static size_t producers_size(const struct producer_core *core, uint32_t *count)
{
    size_t size = 0;
    struct map_node *node;
    *count = 0;
    map_for_each (node, &core->producers) {
        const struct producer *producer = container_of(node, struct producer, node);
        if (!producer_is_noted(producer))
            continue;
        size +=
            sizeof(struct stored_producer) + producer->batch_count * sizeof(struct producer_batch);
        (*count)++;
    }
    return size;
}

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
    if (size > 0)
        memcpy(to, from, size);
    return to + size;
}

static uint8_t *put_producers(uint8_t *to, const struct producer_core *core)
{
    struct map_node *node;
    map_for_each (node, &core->producers) {
        const struct producer *producer = container_of(node, struct producer, node);
        if (!producer_is_noted(producer))
            continue;
        struct stored_producer stored = {producer->producer_id, producer->epoch,
                                         producer->batch_count, producer->coordinator_epoch,
                                         producer->noted_ms};
        to = put(to, &stored, sizeof stored);
        to = put(to, producer->batches, producer->batch_count * sizeof producer->batches[0]);
    }
    return to;
}

static uint8_t *put_epochs(uint8_t *to, const struct epoch_core *core)
{
    for (uint32_t i = 0; i < core->count; i++) {
        struct stored_epoch stored = {core->entries[i].epoch, 0, core->entries[i].start_offset};
        to = put(to, &stored, sizeof stored);
    }
    return to;
}

static size_t encoded_size(const struct state *state, uint32_t *producer_count)
{
    return sizeof(struct stored_state) + state->segment_count * sizeof(struct state_segment) +
           state->epochs->count * sizeof(struct stored_epoch) +
           producers_size(state->producers, producer_count) +
           state->producers->transactions.count * sizeof(struct transaction) +
           state->damages->count * sizeof(struct log_damage) + state->topic_name.size;
}

struct bytes state_encode(const struct state *state)
{
    assert(state->start_offset <= state->recovery_offset);
    assert(state->topic_name.size <= TOPIC_NAME_SIZE_MAX);
    const struct transaction_core *transactions = &state->producers->transactions;
    uint32_t producer_count;
    size_t size = encoded_size(state, &producer_count);
    uint8_t *content = malloc(size);
    if (content == NULL || size > UINT32_MAX) {
        free(content);
        return (struct bytes){0};
    }
    struct stored_state stored = {
        .magic = STATE_MAGIC,
        .version = STATE_VERSION,
        .size_bytes = (uint32_t)size,
        .topic_id = state->topic_id,
        .partition = state->partition,
        .segment_count = state->segment_count,
        .epoch_count = state->epochs->count,
        .producer_count = producer_count,
        .start_offset = state->start_offset,
        .recovery_offset = state->recovery_offset,
        .cleaned_offset = state->cleaned_offset,
        .damage_count = state->damages->count,
        .topic_name_size = (uint32_t)state->topic_name.size,
        .transaction_count = transactions->count,
    };
    uint8_t *to = put(content, &stored, sizeof stored);
    to = put(to, state->segments, state->segment_count * sizeof *state->segments);
    to = put_epochs(to, state->epochs);
    to = put_producers(to, state->producers);
    to = put(to, transactions->entries, transactions->count * sizeof(struct transaction));
    to = put(to, state->damages->ranges, state->damages->count * sizeof(struct log_damage));
    to = put(to, state->topic_name.data, state->topic_name.size);
    assert(to == content + size);
    stored.crc = crc32c(0, content, size);
    memcpy(content, &stored, sizeof stored);
    return bytes_of(content, size);
}

/* Copies the next `size` bytes; false when fewer remain. */
static bool take(struct bytes *rest, void *to, size_t size)
{
    if (rest->size < size)
        return false;
    if (size > 0)
        memcpy(to, rest->data, size);
    rest->data += size;
    rest->size -= size;
    return true;
}

static enum status take_header(struct bytes content, struct bytes *rest,
                               struct stored_state *stored)
{
    *rest = content;
    if (!take(rest, stored, sizeof *stored) || stored->magic != STATE_MAGIC)
        return STATUS_CORRUPT;
    if (stored->version != STATE_VERSION)
        return STATUS_UNSUPPORTED;
    if (stored->size_bytes != content.size)
        return STATUS_CORRUPT;
    struct stored_state zeroed = *stored;
    zeroed.crc = 0;
    uint32_t crc = crc32c(0, &zeroed, sizeof zeroed);
    crc = crc32c(crc, rest->data, rest->size);
    return crc == stored->crc ? STATUS_OK : STATUS_CORRUPT;
}

/* Whole frames, in order, none beyond the recovery point. */
static bool segments_make_sense(const struct state *state)
{
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const struct state_segment *segment = &state->segments[i];
        int64_t above = i == 0 ? -1 : state->segments[i - 1].base_offset;
        if (segment->base_offset <= above || segment->base_offset > state->recovery_offset ||
            segment->size_bytes % FRAME_ALIGNMENT != 0 || segment->aborted_from < -1 ||
            segment->aborted_from >= state->recovery_offset)
            return false;
    }
    return true;
}

static enum status take_segments(struct bytes *rest, uint32_t count, struct state *state)
{
    size_t size = count * sizeof *state->segments;
    if (rest->size < size)
        return STATUS_CORRUPT;
    state->segments = malloc(size + 1);
    if (state->segments == NULL)
        return STATUS_NO_MEMORY;
    state->segment_count = count;
    take(rest, state->segments, size);
    return segments_make_sense(state) ? STATUS_OK : STATUS_CORRUPT;
}

static enum status take_epochs(struct bytes *rest, uint32_t count, int64_t recovery_offset,
                               struct epoch_core *epochs)
{
    assert(epochs->count == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct stored_epoch stored;
        if (!take(rest, &stored, sizeof stored))
            return STATUS_CORRUPT;
        if (stored.epoch < 0 || stored.start_offset < 0 || stored.start_offset >= recovery_offset)
            return STATUS_CORRUPT;
        if (epochs->count > 0 &&
            (stored.epoch <= epochs->entries[epochs->count - 1].epoch ||
             stored.start_offset <= epochs->entries[epochs->count - 1].start_offset))
            return STATUS_CORRUPT;
        if (!epoch_core_reserve(epochs))
            return STATUS_NO_MEMORY;
        epoch_core_note(epochs, stored.epoch, stored.start_offset);
    }
    return STATUS_OK;
}

/* In order, none beyond the recovery point. */
static bool batches_make_sense(const struct producer *producer, int64_t recovery_offset)
{
    int64_t above = -1;
    for (uint32_t i = 0; i < producer->batch_count; i++) {
        const struct producer_batch *batch = &producer->batches[i];
        if (batch->base_offset <= above || batch->last_offset < batch->base_offset ||
            batch->last_offset >= recovery_offset)
            return false;
        above = batch->last_offset;
    }
    return true;
}

static enum status take_producers(struct bytes *rest, uint32_t count, int64_t recovery_offset,
                                  struct producer_core *producers)
{
    for (uint32_t i = 0; i < count; i++) {
        struct stored_producer stored;
        struct producer producer = {0};
        if (!take(rest, &stored, sizeof stored) || stored.batch_count > PRODUCER_WINDOW ||
            !take(rest, producer.batches, stored.batch_count * sizeof producer.batches[0]))
            return STATUS_CORRUPT;
        producer.producer_id = stored.producer_id;
        producer.epoch = stored.epoch;
        producer.batch_count = stored.batch_count;
        producer.coordinator_epoch = stored.coordinator_epoch;
        producer.noted_ms = stored.noted_ms;
        if (stored.producer_id < 0 || stored.noted_ms < 0 ||
            !batches_make_sense(&producer, recovery_offset))
            return STATUS_CORRUPT;
        if (!producer_core_restore(producers, &producer))
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/* In order, none beyond the recovery point. */
static bool transaction_makes_sense(const struct transaction *transaction, int64_t above,
                                    int64_t recovery_offset)
{
    bool is_open = transaction->last_offset == TRANSACTION_OPEN;
    return transaction->producer_id >= 0 && transaction->first_offset > above &&
           transaction->first_offset < recovery_offset &&
           (is_open || (transaction->last_offset > transaction->first_offset &&
                        transaction->last_offset < recovery_offset));
}

static enum status take_transactions(struct bytes *rest, uint32_t count, int64_t recovery_offset,
                                     struct producer_core *producers)
{
    int64_t above = -1;
    for (uint32_t i = 0; i < count; i++) {
        struct transaction stored;
        if (!take(rest, &stored, sizeof stored) ||
            !transaction_makes_sense(&stored, above, recovery_offset))
            return STATUS_CORRUPT;
        above = stored.first_offset;
        enum status status = producer_core_restore_transaction(producers, &stored);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status take_damages(struct bytes *rest, uint32_t count, struct damage_core *damages)
{
    for (uint32_t i = 0; i < count; i++) {
        struct log_damage damage;
        if (!take(rest, &damage, sizeof damage) || damage.from < 0 || damage.to <= damage.from)
            return STATUS_CORRUPT;
        damage_core_note(damages, damage.from, damage.to);
    }
    return STATUS_OK;
}

enum status state_decode(struct bytes content, struct state *state, const struct state_cores *cores)
{
    struct stored_state stored;
    struct bytes rest;
    *state = (struct state){
        .epochs = cores->epochs, .producers = cores->producers, .damages = cores->damages};
    enum status status = take_header(content, &rest, &stored);
    if (status != STATUS_OK)
        return status;
    state->topic_id = stored.topic_id;
    state->partition = stored.partition;
    state->start_offset = stored.start_offset;
    state->recovery_offset = stored.recovery_offset;
    state->cleaned_offset = stored.cleaned_offset;
    if (stored.start_offset < 0 || stored.recovery_offset < stored.start_offset ||
        stored.cleaned_offset < 0 || stored.cleaned_offset > stored.recovery_offset)
        return STATUS_CORRUPT;
    status = take_segments(&rest, stored.segment_count, state);
    if (status == STATUS_OK)
        status = take_epochs(&rest, stored.epoch_count, stored.recovery_offset, cores->epochs);
    if (status == STATUS_OK)
        status =
            take_producers(&rest, stored.producer_count, stored.recovery_offset, cores->producers);
    if (status == STATUS_OK)
        status = take_transactions(&rest, stored.transaction_count, stored.recovery_offset,
                                   cores->producers);
    if (status == STATUS_OK)
        status = take_damages(&rest, stored.damage_count, cores->damages);
    if (status == STATUS_OK &&
        (rest.size != stored.topic_name_size || rest.size > TOPIC_NAME_SIZE_MAX))
        status = STATUS_CORRUPT;
    state->topic_name = rest;
    if (status != STATUS_OK) {
        free(state->segments);
        state->segments = NULL;
    }
    return status;
}

enum status state_topic_name(struct bytes content, struct bytes *topic_name)
{
    struct stored_state stored;
    struct bytes rest;
    enum status status = take_header(content, &rest, &stored);
    if (status != STATUS_OK)
        return status;
    if (stored.topic_name_size > TOPIC_NAME_SIZE_MAX || stored.topic_name_size > rest.size)
        return STATUS_CORRUPT;
    *topic_name =
        bytes_of(rest.data + (rest.size - stored.topic_name_size), stored.topic_name_size);
    return STATUS_OK;
}
