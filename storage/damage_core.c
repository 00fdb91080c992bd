/* Ranges in an array, found by bisection. */
#include "storage/damage_core.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void damage_core_deinit(struct damage_core *core)
{
    free(core->ranges);
    *core = (struct damage_core){0};
}

/* The first range that ends at or behind `offset`; `count` when all end before it. */
static uint32_t first_ending_at(const struct damage_core *core, int64_t offset)
{
    assert(core->count <= core->capacity);
    uint32_t low = 0;
    uint32_t high = core->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (core->ranges[middle].to < offset)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == core->count || core->ranges[low].to >= offset);
    assert(low == 0 || core->ranges[low - 1].to < offset);
    return low;
}

static bool has_room(struct damage_core *core)
{
    assert(core->count <= DAMAGES_MAX);
    if (core->count < core->capacity)
        return true;
    if (core->count == DAMAGES_MAX)
        return false;
    uint32_t capacity = core->capacity == 0 ? 4 : core->capacity * 2;
    struct log_damage *ranges = realloc(core->ranges, capacity * sizeof *ranges);
    if (ranges == NULL)
        return false;
    core->ranges = ranges;
    core->capacity = capacity;
    assert(core->count < core->capacity);
    return true;
}

/* Replaces the ranges [first, last) by one. */
static void replace(struct damage_core *core, uint32_t first, uint32_t last, struct log_damage by)
{
    assert(first < last || core->count < core->capacity);
    assert(last <= core->count);
    memmove(&core->ranges[first + 1], &core->ranges[last],
            (core->count - last) * sizeof *core->ranges);
    core->ranges[first] = by;
    core->count = core->count - (last - first) + 1;
    /* What touches is one range, so between two there is a gap. */
    assert(first == 0 || core->ranges[first - 1].to < by.from);
    assert(first + 1 == core->count || by.to < core->ranges[first + 1].from);
    assert(core->count <= DAMAGES_MAX);
}

bool damage_core_note(struct damage_core *core, int64_t from, int64_t to)
{
    assert(from >= 0);
    assert(from < to);
    struct log_damage merged = {from, to};
    uint32_t first = first_ending_at(core, from);
    uint32_t last = first;
    while (last < core->count && core->ranges[last].from <= to) {
        const struct log_damage *range = &core->ranges[last++];
        if (range->from <= from && range->to >= to)
            return false;
        merged.from = range->from < merged.from ? range->from : merged.from;
        merged.to = range->to > merged.to ? range->to : merged.to;
    }
    if (first < last || has_room(core))
        replace(core, first, last, merged);
    return true;
}

const struct log_damage *damage_core_find(const struct damage_core *core, int64_t offset)
{
    assert(offset >= 0);
    uint32_t i = first_ending_at(core, offset + 1);
    if (i == core->count || core->ranges[i].from > offset)
        return NULL;
    assert(core->ranges[i].from <= offset);
    assert(core->ranges[i].to > offset);
    return &core->ranges[i];
}
