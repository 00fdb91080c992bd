/* A map of producers, each with a window of five batches and perhaps an open transaction; and one
 * list through those of all logs, in the order in which they were heard. */
#include "storage/producer_core.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "protocol/batch.h"

#include <stdlib.h>
#include <string.h>

/* Producer ids are given out by the cluster, not chosen by clients, but a client may send any. */
static uint64_t hash_of(int64_t producer_id)
{
    return hash_u64((struct hash_seed){{0x7461696c, 0x72616365}}, (uint64_t)producer_id);
}

static bool has_key(const struct map_node *node, const void *key)
{
    const struct producer *producer = container_of(node, struct producer, node);
    return producer->producer_id == *(const int64_t *)key;
}

/* What holds of a producer between any two calls. It is in the list of the silent, unless its open
 * transaction protects it or nobody counts; what is open for it stands among the transactions. */
static void assert_is_sound(const struct producer *producer)
{
    const struct producer_core *core = producer->core;
    bool is_open = producer->open_offset >= 0;
    assert(producer->producer_id >= 0);
    assert(producer->batch_count <= PRODUCER_WINDOW);
    assert(list_node_is_linked(&producer->silent) == (core->budget != NULL && !is_open));
    assert(!is_open || core->transactions.count > core->transactions.ended_count);
    assert(core->budget == NULL || core->budget->count >= core->producers.count);
}

void producer_budget_init(struct producer_budget *budget, uint32_t count_max)
{
    assert(count_max > 0);
    *budget = (struct producer_budget){.count_max = count_max};
    list_init(&budget->silent);
}

void producer_core_init(struct producer_core *core, int64_t expiration_ms,
                        struct producer_budget *budget)
{
    assert(expiration_ms > 0);
    assert(budget == NULL || budget->count_max > 0);
    map_init(&core->producers, has_key);
    core->transactions = (struct transaction_core){0};
    core->expiration_ms = expiration_ms;
    core->budget = budget;
}

static void forget(struct producer *producer)
{
    struct producer_core *core = producer->core;
    assert(core->producers.count > 0);
    map_remove(&core->producers, &producer->node);
    list_remove(&producer->silent);
    if (core->budget != NULL) {
        assert(core->budget->count > 0);
        core->budget->count--;
        assert(core->budget->count >= core->producers.count);
    }
    free(producer);
}

void producer_core_deinit(struct producer_core *core)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &core->producers)
    {
        forget(container_of(node, struct producer, node));
    }
    assert(core->producers.count == 0);
    map_deinit(&core->producers);
    transaction_core_deinit(&core->transactions);
}

const struct producer *producer_core_find(const struct producer_core *core, int64_t producer_id)
{
    struct map_node *node = map_find(&core->producers, hash_of(producer_id), &producer_id);
    return node == NULL ? NULL : container_of(node, struct producer, node);
}

/* A reservation whose batch was refused after all (no memory) is as good as unknown. */
static bool is_expired(const struct producer_core *core, const struct producer *producer,
                       int64_t now_ms)
{
    assert(producer->core == core);
    assert(core->expiration_ms > 0);
    if (!producer_is_noted(producer))
        return true;
    return producer->open_offset < 0 && now_ms > producer->noted_ms &&
           now_ms - producer->noted_ms >= core->expiration_ms;
}

static bool find_duplicate(const struct producer *producer, const struct producer_event *event,
                           struct producer_batch *original)
{
    assert(event->epoch == producer->epoch);
    assert(event->last_offset_delta >= 0);
    assert(original != NULL);
    int32_t last_sequence = batch_sequence_add(event->base_sequence, event->last_offset_delta);
    for (uint32_t i = 0; i < producer->batch_count; i++) {
        const struct producer_batch *batch = &producer->batches[i];
        if (batch->base_sequence == event->base_sequence && batch->last_sequence == last_sequence) {
            *original = *batch;
            return true;
        }
    }
    return false;
}

/* After a marker with a newer epoch, there is an epoch and no batch of it: the first is due.
 * Without an epoch (-1, which no client sends) sequences have no order, as in Kafka. */
static bool is_next(const struct producer *producer, const struct producer_event *event)
{
    assert(event->epoch >= producer->epoch);
    if (producer->epoch < 0)
        return true;
    if (producer->batch_count == 0 || event->epoch > producer->epoch)
        return event->base_sequence == 0;
    assert(producer->batch_count <= PRODUCER_WINDOW);
    const struct producer_batch *last = &producer->batches[producer->batch_count - 1];
    return event->base_sequence == batch_sequence_add(last->last_sequence, 1);
}

enum status producer_core_check(const struct producer_core *core,
                                const struct producer_event *event, struct producer_batch *original)
{
    assert(event->producer_id >= 0);
    assert(event->base_sequence >= 0);
    const struct producer *producer = producer_core_find(core, event->producer_id);
    if (producer == NULL || is_expired(core, producer, event->now_ms))
        return event->epoch < -1 ? STATUS_STALE_EPOCH : STATUS_OK;
    assert_is_sound(producer);
    if (event->epoch < producer->epoch)
        return STATUS_STALE_EPOCH;
    if (event->epoch == producer->epoch && find_duplicate(producer, event, original))
        return STATUS_DUPLICATE;
    if (!is_next(producer, event))
        return STATUS_SEQUENCE_GAP;
    bool is_open = producer->open_offset >= 0;
    return is_open && !event->is_transactional ? STATUS_OPEN_TRANSACTION : STATUS_OK;
}

enum status producer_core_check_marker(const struct producer_core *core,
                                       const struct producer_marker *marker)
{
    assert(marker->producer_id >= 0);
    const struct producer *producer = producer_core_find(core, marker->producer_id);
    if (producer == NULL || is_expired(core, producer, marker->now_ms))
        return STATUS_OK;
    assert_is_sound(producer);
    if (marker->epoch < producer->epoch)
        return STATUS_STALE_EPOCH;
    return marker->coordinator_epoch < producer->coordinator_epoch ? STATUS_FENCED : STATUS_OK;
}

/* More than one has to go when a start has restored more than there may be now. */
static bool make_room(struct producer_budget *budget)
{
    while (budget != NULL && budget->count >= budget->count_max) {
        struct list_node *node = list_first(&budget->silent);
        if (node == NULL)
            return false;
        struct producer *producer = container_of(node, struct producer, silent);
        assert(producer->open_offset < 0);
        forget(producer);
        budget->forgotten_count++;
    }
    assert(budget == NULL || budget->count < budget->count_max);
    return true;
}

/* Last in the list, or in none while its transaction is open. */
static void place_in_list(struct producer *producer)
{
    struct producer_budget *budget = producer->core->budget;
    list_remove(&producer->silent);
    if (budget != NULL && producer->open_offset < 0)
        list_push_back(&budget->silent, &producer->silent);
    assert_is_sound(producer);
}

static bool add(struct producer_core *core, int64_t producer_id)
{
    assert(producer_core_find(core, producer_id) == NULL);
    struct producer *producer = calloc(1, sizeof *producer);
    if (producer == NULL)
        return false;
    list_node_init(&producer->silent);
    producer->core = core;
    producer->producer_id = producer_id;
    producer->epoch = -1;
    producer->coordinator_epoch = -1;
    producer->noted_ms = -1;
    producer->open_offset = -1;
    map_insert(&core->producers, &producer->node, hash_of(producer_id));
    if (core->budget != NULL)
        core->budget->count++;
    place_in_list(producer);
    return true;
}

bool producer_core_reserve(struct producer_core *core, int64_t producer_id)
{
    assert(producer_id >= 0);
    if (producer_core_find(core, producer_id) != NULL)
        return true;
    return make_room(core->budget) && add(core, producer_id);
}

bool producer_core_reserve_transaction(struct producer_core *core)
{
    return transaction_core_reserve(&core->transactions);
}

static void push_batch(struct producer *producer, const struct producer_batch *batch)
{
    uint32_t count = producer->batch_count;
    assert(count <= PRODUCER_WINDOW);
    assert(count == 0 || producer->batches[count - 1].last_offset < batch->base_offset);
    if (count == PRODUCER_WINDOW) {
        memmove(&producer->batches[0], &producer->batches[1],
                (PRODUCER_WINDOW - 1) * sizeof producer->batches[0]);
        producer->batch_count--;
    }
    producer->batches[producer->batch_count++] = *batch;
    assert(producer->batch_count <= PRODUCER_WINDOW);
}

static struct producer *find_reserved(const struct producer_core *core, int64_t producer_id)
{
    struct map_node *node = map_find(&core->producers, hash_of(producer_id), &producer_id);
    assert(node != NULL);
    struct producer *producer = container_of(node, struct producer, node);
    assert(producer->core == core);
    return producer;
}

/* Of another epoch, or one that is expired, no sequence counts any more. */
static void note_epoch(const struct producer_core *core, struct producer *producer, int16_t epoch,
                       int64_t now_ms)
{
    assert(producer->core == core);
    if (epoch != producer->epoch || is_expired(core, producer, now_ms))
        producer->batch_count = 0;
    producer->epoch = epoch;
    producer->noted_ms = now_ms < 0 ? 0 : now_ms;
    assert(producer_is_noted(producer));
}

void producer_core_note(struct producer_core *core, const struct producer_event *event)
{
    assert(event->base_sequence >= 0);
    assert(event->base_offset >= 0);
    assert(event->last_offset_delta >= 0);
    struct producer *producer = find_reserved(core, event->producer_id);
    assert(producer->open_offset < event->base_offset);
    note_epoch(core, producer, event->epoch, event->now_ms);
    push_batch(producer, &(struct producer_batch){
                             .base_sequence = event->base_sequence,
                             .last_sequence =
                                 batch_sequence_add(event->base_sequence, event->last_offset_delta),
                             .base_offset = event->base_offset,
                             .last_offset = event->base_offset + event->last_offset_delta,
                             .append_time_ms = event->append_time_ms,
                         });
    if (event->is_transactional && producer->open_offset < 0) {
        producer->open_offset = event->base_offset;
        transaction_core_begin(&core->transactions, event->producer_id, event->base_offset);
    }
    place_in_list(producer);
}

bool producer_core_note_marker(struct producer_core *core, const struct producer_marker *marker,
                               struct aborted_transaction *aborted)
{
    assert(aborted != NULL);
    assert(marker->offset >= 0);
    struct producer *producer = find_reserved(core, marker->producer_id);
    note_epoch(core, producer, marker->epoch, marker->now_ms);
    producer->coordinator_epoch = marker->coordinator_epoch;
    int64_t first_offset = producer->open_offset;
    assert(first_offset < marker->offset);
    producer->open_offset = -1;
    place_in_list(producer);
    if (first_offset < 0)
        return false;
    transaction_core_end(&core->transactions, first_offset, marker->offset);
    *aborted = (struct aborted_transaction){marker->producer_id, first_offset, marker->offset};
    return marker->is_abort;
}

void producer_core_note_epoch(struct producer_core *core, int64_t producer_id, int16_t epoch,
                              int64_t now_ms)
{
    struct producer *producer = find_reserved(core, producer_id);
    note_epoch(core, producer, epoch, now_ms);
    place_in_list(producer);
}

void producer_core_expire(struct producer_core *core, int64_t now_ms)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &core->producers)
    {
        struct producer *producer = container_of(node, struct producer, node);
        if (is_expired(core, producer, now_ms))
            forget(producer);
    }
}

bool producer_core_restore(struct producer_core *core, const struct producer *saved)
{
    assert(saved->producer_id >= 0);
    assert(saved->batch_count <= PRODUCER_WINDOW);
    assert(producer_is_noted(saved));
    if (producer_core_find(core, saved->producer_id) == NULL && !add(core, saved->producer_id))
        return false;
    struct producer *producer = find_reserved(core, saved->producer_id);
    producer->epoch = saved->epoch;
    producer->coordinator_epoch = saved->coordinator_epoch;
    producer->noted_ms = saved->noted_ms;
    producer->batch_count = saved->batch_count;
    memcpy(producer->batches, saved->batches, sizeof producer->batches);
    assert_is_sound(producer);
    return true;
}

enum status producer_core_restore_transaction(struct producer_core *core,
                                              const struct transaction *saved)
{
    assert(saved->producer_id >= 0);
    assert(saved->first_offset >= 0);
    if (!transaction_core_reserve(&core->transactions))
        return STATUS_NO_MEMORY;
    struct map_node *node =
        map_find(&core->producers, hash_of(saved->producer_id), &saved->producer_id);
    struct producer *producer = node == NULL ? NULL : container_of(node, struct producer, node);
    bool is_open = saved->last_offset == TRANSACTION_OPEN;
    if (is_open && (producer == NULL || producer->open_offset >= 0))
        return STATUS_CORRUPT;
    transaction_core_begin(&core->transactions, saved->producer_id, saved->first_offset);
    if (is_open) {
        producer->open_offset = saved->first_offset;
        place_in_list(producer);
    } else {
        transaction_core_end(&core->transactions, saved->first_offset, saved->last_offset);
    }
    return STATUS_OK;
}
