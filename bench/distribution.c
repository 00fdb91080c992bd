#include "bench/distribution.h"

#include "base/assert.h"
#include "base/text.h"

static enum status parse_size(struct bytes text, uint32_t min, uint32_t max, uint32_t *value)
{
    int64_t size;
    enum status status = text_parse_size(text, &size);
    if (status != STATUS_OK)
        return status;
    if (size < min || size > max)
        return STATUS_OUT_OF_RANGE;
    *value = (uint32_t)size;
    return STATUS_OK;
}

/* "SIZE" or "SIZE-SIZE". */
static enum status parse_range(struct bytes text, uint32_t min, uint32_t max,
                               struct distribution_part *part)
{
    struct bytes low;
    if (!text_next_item(&text, '-', &low))
        return STATUS_INVALID;
    enum status status = parse_size(low, min, max, &part->low);
    part->high = part->low;
    if (status == STATUS_OK && !bytes_are_null(text))
        status = parse_size(text, min, max, &part->high);
    if (status == STATUS_OK && part->high < part->low)
        status = STATUS_INVALID;
    return status;
}

static enum status parse_part(struct bytes text, uint32_t min, uint32_t max,
                              struct distribution_part *part)
{
    struct bytes range;
    int64_t weight = 1;
    if (!text_next_item(&text, ':', &range))
        return STATUS_INVALID;
    enum status status = parse_range(range, min, max, part);
    if (status == STATUS_OK && !bytes_are_null(text) &&
        text_parse_i64(text, 1, DISTRIBUTION_WEIGHT_MAX, &weight) != STATUS_OK)
        status = STATUS_INVALID;
    part->weight = (uint32_t)weight;
    return status;
}

enum status distribution_parse(struct bytes text, uint32_t min, uint32_t max,
                               struct distribution *distribution)
{
    assert(min <= max);
    struct distribution parsed = {0};
    struct bytes item;
    while (text_next_item(&text, ',', &item)) {
        if (parsed.part_count == DISTRIBUTION_PARTS_MAX)
            return STATUS_INVALID;
        enum status status = parse_part(item, min, max, &parsed.parts[parsed.part_count++]);
        if (status != STATUS_OK)
            return status;
    }
    if (parsed.part_count == 0)
        return STATUS_INVALID;
    *distribution = parsed;
    return STATUS_OK;
}

bool distribution_is_fixed(const struct distribution *distribution)
{
    assert(distribution->part_count > 0);
    return distribution->part_count == 1 &&
           distribution->parts[0].low == distribution->parts[0].high;
}

uint32_t distribution_min(const struct distribution *distribution)
{
    assert(distribution->part_count > 0);
    uint32_t min = UINT32_MAX;
    for (uint32_t i = 0; i < distribution->part_count; i++)
        if (distribution->parts[i].low < min)
            min = distribution->parts[i].low;
    return min;
}

uint32_t distribution_max(const struct distribution *distribution)
{
    assert(distribution->part_count > 0);
    uint32_t max = 0;
    for (uint32_t i = 0; i < distribution->part_count; i++)
        if (distribution->parts[i].high > max)
            max = distribution->parts[i].high;
    return max;
}

uint32_t distribution_draw(const struct distribution *distribution, struct prng *prng)
{
    assert(distribution->part_count > 0);
    uint64_t weights = 0;
    for (uint32_t i = 0; i < distribution->part_count; i++)
        weights += distribution->parts[i].weight;
    uint64_t left = prng_below(prng, weights);
    uint32_t i = 0;
    for (; left >= distribution->parts[i].weight; i++)
        left -= distribution->parts[i].weight;
    assert(i < distribution->part_count);
    return (uint32_t)prng_between(prng, distribution->parts[i].low, distribution->parts[i].high);
}
