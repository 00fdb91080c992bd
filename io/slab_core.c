#include "io/slab_core.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>

void slab_core_init(struct slab_core *core)
{
    assert(core != NULL);
    for (uint32_t i = 0; i < SLAB_WORD_COUNT; i++)
        core->free[i] = UINT64_MAX;
    core->free_count = SLAB_UNIT_COUNT;
    core->run_bound = SLAB_UNIT_COUNT;
}

/* The first unit from `from` on that is free, or that is not; SLAB_UNIT_COUNT if there is none. */
static uint32_t next_unit(const struct slab_core *core, uint32_t from, bool is_free)
{
    uint64_t passed = UINT64_MAX << (from % SLAB_WORD_UNITS);
    for (uint32_t i = from / SLAB_WORD_UNITS; i < SLAB_WORD_COUNT; i++) {
        uint64_t word = (is_free ? core->free[i] : ~core->free[i]) & passed;
        if (word != 0)
            return i * SLAB_WORD_UNITS + (uint32_t)__builtin_ctzll(word);
        passed = UINT64_MAX;
    }
    return SLAB_UNIT_COUNT;
}

/* Every unit of the run was the contrary: nothing is taken twice, nothing given back twice. */
static void mark(struct slab_core *core, uint32_t first, uint32_t count, bool is_free)
{
    assert(count > 0);
    assert(count <= SLAB_UNIT_COUNT - first);
    for (uint32_t unit = first; unit < first + count;) {
        uint32_t in_word = unit % SLAB_WORD_UNITS;
        uint32_t rest = first + count - unit;
        uint32_t length = rest < SLAB_WORD_UNITS - in_word ? rest : SLAB_WORD_UNITS - in_word;
        uint64_t bits = (UINT64_MAX >> (SLAB_WORD_UNITS - length)) << in_word;
        uint64_t *word = &core->free[unit / SLAB_WORD_UNITS];
        assert((*word & bits) == (is_free ? 0 : bits));
        *word ^= bits;
        unit += length;
    }
}

uint32_t slab_core_take(struct slab_core *core, uint32_t count)
{
    assert(count > 0);
    assert(count <= SLAB_UNIT_COUNT);
    if (count > core->run_bound)
        return SLAB_NOWHERE;
    uint32_t longest = 0;
    uint32_t end;
    for (uint32_t first = next_unit(core, 0, true); first < SLAB_UNIT_COUNT;
         first = next_unit(core, end, true)) {
        end = next_unit(core, first, false);
        if (end - first >= count) {
            assert(core->free_count >= count);
            mark(core, first, count, false);
            core->free_count -= count;
            return first;
        }
        longest = end - first > longest ? end - first : longest;
    }
    assert(longest < count);
    core->run_bound = longest; /* so that the next search need not look again */
    return SLAB_NOWHERE;
}

void slab_core_give(struct slab_core *core, uint32_t first, uint32_t count)
{
    assert(first < SLAB_UNIT_COUNT);
    mark(core, first, count, true);
    core->free_count += count;
    core->run_bound = core->free_count;
    assert(core->free_count <= SLAB_UNIT_COUNT);
}
