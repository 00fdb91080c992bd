/* All questions about two sets are one walk over both, side by side. */
#include "consumer-groups/partition_set.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

int partition_item_compare(const struct partition_item *left, const struct partition_item *right)
{
    int order = memcmp(&left->topic_id, &right->topic_id, sizeof left->topic_id);
    if (order != 0)
        return order;
    return (left->partition > right->partition) - (left->partition < right->partition);
}

bool partition_set_reserve(struct partition_set *set, struct group_memory *memory, uint32_t count)
{
    *set = (struct partition_set){NULL, 0, 0};
    if (count == 0)
        return true;
    set->items = group_memory_allocate(memory, count * sizeof *set->items);
    if (set->items == NULL)
        return false;
    set->capacity = count;
    return true;
}

void partition_set_destroy(struct partition_set *set, struct group_memory *memory)
{
    group_memory_free(memory, set->items, set->capacity * sizeof *set->items);
    *set = (struct partition_set){NULL, 0, 0};
}

bool partition_set_reserve_in(struct partition_set *set, struct arena *arena, uint32_t count)
{
    *set = (struct partition_set){NULL, 0, count};
    if (count == 0)
        return true;
    set->items = arena_allocate_array(arena, count, sizeof *set->items);
    return set->items != NULL;
}

void partition_set_push(struct partition_set *set, const struct partition_item *item)
{
    assert(set->count < set->capacity);
    set->items[set->count++] = *item;
}

static int compare(const void *left, const void *right)
{
    return partition_item_compare(left, right);
}

void partition_set_sort(struct partition_set *set)
{
    if (set->count < 2)
        return;
    qsort(set->items, set->count, sizeof *set->items, compare);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < set->count; i++)
        if (partition_item_compare(&set->items[i], &set->items[kept - 1]) != 0)
            set->items[kept++] = set->items[i];
    assert(kept >= 1);
    assert(kept <= set->count);
    set->count = kept;
}

bool partition_set_copy(struct partition_set *to, struct group_memory *memory,
                        const struct partition_set *from)
{
    assert(to != from);
    if (!partition_set_reserve(to, memory, from->count))
        return false;
    if (from->count > 0)
        memcpy(to->items, from->items, from->count * sizeof *from->items);
    to->count = from->count;
    assert(to->count <= to->capacity);
    return true;
}

const struct partition_item *partition_set_find(const struct partition_set *set,
                                                struct uuid topic_id, int32_t partition)
{
    if (set->count == 0)
        return NULL;
    struct partition_item key = {.topic_id = topic_id, .partition = partition};
    return bsearch(&key, set->items, set->count, sizeof *set->items, compare);
}

bool partition_set_equal(const struct partition_set *left, const struct partition_set *right)
{
    return left->count == right->count && partition_set_is_subset(left, right);
}

bool partition_set_is_subset(const struct partition_set *part, const struct partition_set *whole)
{
    uint32_t w = 0;
    for (uint32_t p = 0; p < part->count; p++) {
        while (w < whole->count && partition_item_compare(&whole->items[w], &part->items[p]) < 0)
            w++;
        if (w == whole->count || partition_item_compare(&whole->items[w], &part->items[p]) != 0)
            return false;
    }
    return true;
}

bool partition_set_overlap(const struct partition_set *left, const struct partition_set *right)
{
    uint32_t r = 0;
    for (uint32_t l = 0; l < left->count; l++) {
        while (r < right->count && partition_item_compare(&right->items[r], &left->items[l]) < 0)
            r++;
        if (r < right->count && partition_item_compare(&right->items[r], &left->items[l]) == 0)
            return true;
    }
    return false;
}
