/* One entry for each producer with a transaction that has begun and whose marker is to come. */
#include "storage/compaction_transactions.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "storage/marker.h"

#include <stdlib.h>

struct ongoing {
    struct map_node node;
    int64_t producer_id;
    bool is_aborted;
    bool has_data; /* a batch of it has been met */
};

static uint64_t hash_of(int64_t producer_id)
{
    return hash_u64((struct hash_seed){{0x636c6561, 0x6e696e67}}, (uint64_t)producer_id);
}

static bool has_key(const struct map_node *node, const void *key)
{
    return container_of(node, struct ongoing, node)->producer_id == *(const int64_t *)key;
}

void compaction_transactions_init(struct compaction_transactions *transactions,
                                  const struct aborted_transaction *aborted, uint32_t aborted_count)
{
    assert(aborted != NULL || aborted_count == 0);
    *transactions = (struct compaction_transactions){
        .aborted = aborted,
        .aborted_count = aborted_count,
    };
    map_init(&transactions->ongoing, has_key);
}

void compaction_transactions_deinit(struct compaction_transactions *transactions)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &transactions->ongoing)
    {
        map_remove(&transactions->ongoing, node);
        free(container_of(node, struct ongoing, node));
    }
    map_deinit(&transactions->ongoing);
}

static struct ongoing *find(const struct compaction_transactions *transactions, int64_t producer_id)
{
    struct map_node *node = map_find(&transactions->ongoing, hash_of(producer_id), &producer_id);
    return node == NULL ? NULL : container_of(node, struct ongoing, node);
}

/* The producer's entry, made if there is none; NULL without memory. */
static struct ongoing *find_or_make(struct compaction_transactions *transactions,
                                    int64_t producer_id)
{
    struct ongoing *ongoing = find(transactions, producer_id);
    if (ongoing != NULL)
        return ongoing;
    ongoing = calloc(1, sizeof *ongoing);
    if (ongoing == NULL)
        return NULL;
    ongoing->producer_id = producer_id;
    map_insert(&transactions->ongoing, &ongoing->node, hash_of(producer_id));
    return ongoing;
}

/* Aborted transactions that have begun by the end of the batch, and were not over before it. */
static enum status begin_aborted(struct compaction_transactions *transactions,
                                 const struct batch_header *header)
{
    while (transactions->aborted_index < transactions->aborted_count) {
        uint32_t index = transactions->aborted_index;
        const struct aborted_transaction *aborted = &transactions->aborted[index];
        assert(index == 0 || aborted[-1].first_offset <= aborted->first_offset);
        if (aborted->first_offset > batch_last_offset(header))
            return STATUS_OK;
        transactions->aborted_index++;
        if (aborted->last_offset < header->base_offset)
            continue;
        struct ongoing *ongoing = find_or_make(transactions, aborted->producer_id);
        if (ongoing == NULL)
            return STATUS_NO_MEMORY;
        ongoing->is_aborted = true;
        ongoing->has_data = false;
    }
    return STATUS_OK;
}

static enum status note_data(struct compaction_transactions *transactions, int64_t producer_id,
                             bool *may_go)
{
    struct ongoing *ongoing = find_or_make(transactions, producer_id);
    if (ongoing == NULL)
        return STATUS_NO_MEMORY;
    ongoing->has_data = true;
    *may_go = ongoing->is_aborted;
    return STATUS_OK;
}

/* An empty one is what an earlier compaction has left for the producer's sake. */
static bool end_transaction(struct compaction_transactions *transactions,
                            const struct batch_header *header, struct bytes batch)
{
    if (header->record_count == 0)
        return true;
    struct marker marker;
    if (!marker_read(batch, &marker))
        return false;
    struct ongoing *ongoing = find(transactions, header->producer_id);
    if (ongoing == NULL)
        return true;
    bool had_data = ongoing->has_data;
    map_remove(&transactions->ongoing, &ongoing->node);
    free(ongoing);
    return !had_data;
}

enum status compaction_transactions_step(struct compaction_transactions *transactions,
                                         const struct batch_header *header, struct bytes batch,
                                         bool *may_go)
{
    assert(batch.size >= BATCH_HEADER_SIZE);
    *may_go = false;
    enum status status = begin_aborted(transactions, header);
    if (status != STATUS_OK)
        return status;
    if (batch_is_control(header))
        *may_go = end_transaction(transactions, header, batch);
    else if (batch_is_transactional(header))
        status = note_data(transactions, header->producer_id, may_go);
    return status;
}
