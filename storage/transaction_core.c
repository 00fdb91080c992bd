/* An array in order of first offsets: transactions begin at its end, and end anywhere. */
#include "storage/transaction_core.h"

#include "base/assert.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 4 };

void transaction_core_deinit(struct transaction_core *core)
{
    free(core->entries);
    *core = (struct transaction_core){0};
}

bool transaction_core_reserve(struct transaction_core *core)
{
    assert(core->count <= core->capacity);
    if (core->count < core->capacity)
        return true;
    uint32_t capacity = core->capacity == 0 ? CAPACITY_MIN : core->capacity * 2;
    struct transaction *entries = realloc(core->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    core->entries = entries;
    core->capacity = capacity;
    assert(core->count < core->capacity);
    return true;
}

void transaction_core_begin(struct transaction_core *core, int64_t producer_id,
                            int64_t first_offset)
{
    assert(core->count < core->capacity);
    assert(producer_id >= 0);
    assert(first_offset >= 0);
    assert(core->count == 0 || core->entries[core->count - 1].first_offset < first_offset);
    core->entries[core->count++] =
        (struct transaction){producer_id, first_offset, TRANSACTION_OPEN};
}

static struct transaction *find(struct transaction_core *core, int64_t first_offset)
{
    assert(core->count > core->ended_count); /* It is open. */
    uint32_t low = 0;
    uint32_t high = core->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (core->entries[middle].first_offset < first_offset)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low < core->count);
    assert(core->entries[low].first_offset == first_offset);
    return &core->entries[low];
}

void transaction_core_end(struct transaction_core *core, int64_t first_offset, int64_t last_offset)
{
    struct transaction *transaction = find(core, first_offset);
    assert(transaction->last_offset == TRANSACTION_OPEN);
    assert(first_offset < last_offset);
    transaction->last_offset = last_offset;
    core->ended_count++;
    assert(core->ended_count <= core->count);
}

static bool is_decided(const struct transaction *transaction, int64_t high_watermark)
{
    assert(transaction->last_offset == TRANSACTION_OPEN ||
           transaction->last_offset > transaction->first_offset);
    return transaction->last_offset != TRANSACTION_OPEN &&
           transaction->last_offset < high_watermark;
}

void transaction_core_commit(struct transaction_core *core, int64_t high_watermark)
{
    assert(core->ended_count <= core->count);
    assert(high_watermark >= 0);
    if (core->ended_count == 0)
        return;
    int64_t first_unstable = transaction_core_first_unstable(core);
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < core->count; i++) {
        if (is_decided(&core->entries[i], high_watermark))
            core->ended_count--;
        else
            core->entries[kept_count++] = core->entries[i];
    }
    /* The first unstable offset never moves back. */
    assert(kept_count == 0 || core->entries[0].first_offset >= first_unstable);
    core->count = kept_count;
    assert(core->ended_count <= core->count);
}

int64_t transaction_core_first_unstable(const struct transaction_core *core)
{
    if (core->count == 0)
        return INT64_MAX;
    assert(core->entries[0].first_offset >= 0);
    return core->entries[0].first_offset;
}
