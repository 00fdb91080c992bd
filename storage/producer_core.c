/* A map of producers, each with a window of five batches. */
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

void producer_core_init(struct producer_core *core, int64_t expiration_ms)
{
    assert(expiration_ms > 0);
    map_init(&core->producers, has_key);
    core->expiration_ms = expiration_ms;
}

void producer_core_deinit(struct producer_core *core)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &core->producers)
    {
        map_remove(&core->producers, node);
        free(container_of(node, struct producer, node));
    }
    map_deinit(&core->producers);
}

const struct producer *producer_core_find(const struct producer_core *core, int64_t producer_id)
{
    struct map_node *node = map_find(&core->producers, hash_of(producer_id), &producer_id);
    return node == NULL ? NULL : container_of(node, struct producer, node);
}

static const struct producer_batch *last_batch(const struct producer *producer)
{
    return producer->batch_count == 0 ? NULL : &producer->batches[producer->batch_count - 1];
}

/* A producer without batches is a reservation whose batch was refused after all (no memory): as
 * good as unknown. */
static bool is_expired(const struct producer_core *core, const struct producer *producer,
                       int64_t now_ms)
{
    const struct producer_batch *last = last_batch(producer);
    return last == NULL ||
           (now_ms > last->append_time_ms && now_ms - last->append_time_ms >= core->expiration_ms);
}

static bool find_duplicate(const struct producer *producer, const struct producer_event *event,
                           struct producer_batch *original)
{
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

enum status producer_core_check(const struct producer_core *core,
                                const struct producer_event *event, struct producer_batch *original)
{
    assert(event->producer_id >= 0);
    assert(event->base_sequence >= 0);
    const struct producer *producer = producer_core_find(core, event->producer_id);
    if (producer == NULL || is_expired(core, producer, event->now_ms))
        return STATUS_OK;
    assert(producer->batch_count <= PRODUCER_WINDOW);
    if (event->epoch < producer->epoch)
        return STATUS_STALE_EPOCH;
    if (event->epoch > producer->epoch)
        return event->base_sequence == 0 ? STATUS_OK : STATUS_SEQUENCE_GAP;
    if (find_duplicate(producer, event, original))
        return STATUS_DUPLICATE;
    const struct producer_batch *last = last_batch(producer);
    if (event->base_sequence == batch_sequence_add(last->last_sequence, 1))
        return STATUS_OK;
    return STATUS_SEQUENCE_GAP;
}

bool producer_core_reserve(struct producer_core *core, int64_t producer_id)
{
    assert(producer_id >= 0);
    if (producer_core_find(core, producer_id) != NULL)
        return true;
    struct producer *producer = calloc(1, sizeof *producer);
    if (producer == NULL)
        return false;
    producer->producer_id = producer_id;
    producer->epoch = -1;
    map_insert(&core->producers, &producer->node, hash_of(producer_id));
    return true;
}

static void push_batch(struct producer *producer, const struct producer_batch *batch)
{
    assert(producer->batch_count <= PRODUCER_WINDOW);
    if (producer->batch_count == PRODUCER_WINDOW) {
        memmove(&producer->batches[0], &producer->batches[1],
                (PRODUCER_WINDOW - 1) * sizeof producer->batches[0]);
        producer->batch_count--;
    }
    producer->batches[producer->batch_count++] = *batch;
}

void producer_core_note(struct producer_core *core, const struct producer_event *event)
{
    struct map_node *node =
        map_find(&core->producers, hash_of(event->producer_id), &event->producer_id);
    assert(node != NULL);
    assert(event->base_sequence >= 0);
    assert(event->base_offset >= 0);
    assert(event->last_offset_delta >= 0);
    struct producer *producer = container_of(node, struct producer, node);
    if (event->epoch != producer->epoch || is_expired(core, producer, event->now_ms)) {
        producer->epoch = event->epoch;
        producer->batch_count = 0;
    }
    push_batch(producer, &(struct producer_batch){
                             .base_sequence = event->base_sequence,
                             .last_sequence =
                                 batch_sequence_add(event->base_sequence, event->last_offset_delta),
                             .base_offset = event->base_offset,
                             .last_offset = event->base_offset + event->last_offset_delta,
                             .append_time_ms = event->now_ms,
                         });
}

void producer_core_expire(struct producer_core *core, int64_t now_ms)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &core->producers)
    {
        struct producer *producer = container_of(node, struct producer, node);
        if (!is_expired(core, producer, now_ms))
            continue;
        map_remove(&core->producers, node);
        free(producer);
    }
}

bool producer_core_restore(struct producer_core *core, const struct producer *saved)
{
    assert(saved->batch_count <= PRODUCER_WINDOW);
    if (!producer_core_reserve(core, saved->producer_id))
        return false;
    struct map_node *node =
        map_find(&core->producers, hash_of(saved->producer_id), &saved->producer_id);
    struct producer *producer = container_of(node, struct producer, node);
    producer->epoch = saved->epoch;
    producer->batch_count = saved->batch_count;
    memcpy(producer->batches, saved->batches, sizeof producer->batches);
    return true;
}
