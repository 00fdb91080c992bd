/* Units of a slab: where runs are found, and that none is taken twice. */
#include "base/prng.h"
#include "io/slab_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void the_lowest_run_that_is_long_enough_serves(void **state)
{
    /* A table of steps: what is taken, or given back, and where it must begin. */
    static const struct {
        bool is_take;
        uint32_t count;
        uint32_t first; /* expected, or given back from */
    } steps[] = {
        {true, 17, 0},
        {true, 17, 17},
        {true, 64, 34}, /* over the end of the second word */
        {true, 1, 98},
        {false, 17, 17}, /* a gap of 17 */
        {true, 18, 99},
        {true, 16, 17},
        {true, 2, 117},
        {true, 1, 33}, /* the last unit of the gap */
        {true, SLAB_UNIT_COUNT - 119, 119},
        {true, 1, SLAB_NOWHERE},
        {false, 64, 34},
        {true, 65, SLAB_NOWHERE},
        {false, 1, 98}, /* joins the gap before it */
        {true, 65, 34},
        {false, SLAB_UNIT_COUNT, 0}, /* all at once, however it was taken */
        {true, SLAB_UNIT_COUNT, 0},
    };
    struct slab_core core;
    slab_core_init(&core);
    for (uint32_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].is_take)
            assert_int_equal(slab_core_take(&core, steps[i].count), steps[i].first);
        else
            slab_core_give(&core, steps[i].first, steps[i].count);
    }
    assert_int_equal(core.free_count, 0);
}

struct model {
    bool is_taken[SLAB_UNIT_COUNT];
    uint32_t run_first[SLAB_UNIT_COUNT];
    uint32_t run_length[SLAB_UNIT_COUNT];
    uint32_t run_count;
};

/* The answer by looking at each unit. */
static uint32_t model_find(const struct model *model, uint32_t count)
{
    uint32_t length = 0;
    for (uint32_t unit = 0; unit < SLAB_UNIT_COUNT; unit++) {
        length = model->is_taken[unit] ? 0 : length + 1;
        if (length == count)
            return unit + 1 - count;
    }
    return SLAB_NOWHERE;
}

static void model_mark(struct model *model, uint32_t first, uint32_t count, bool is_taken)
{
    for (uint32_t unit = first; unit < first + count; unit++) {
        assert_int_equal(model->is_taken[unit], !is_taken);
        model->is_taken[unit] = is_taken;
    }
}

static void model_take(struct model *model, struct slab_core *core, uint32_t count)
{
    uint32_t expected = model_find(model, count);
    assert_int_equal(slab_core_take(core, count), expected);
    if (expected == SLAB_NOWHERE)
        return;
    model_mark(model, expected, count, true);
    model->run_first[model->run_count] = expected;
    model->run_length[model->run_count++] = count;
}

static void model_give(struct model *model, struct slab_core *core, uint32_t index)
{
    uint32_t first = model->run_first[index];
    uint32_t count = model->run_length[index];
    slab_core_give(core, first, count);
    model_mark(model, first, count, false);
    model->run_count--;
    model->run_first[index] = model->run_first[model->run_count];
    model->run_length[index] = model->run_length[model->run_count];
}

static void nothing_is_taken_twice(void **state)
{
    /* Whatever is taken and given back in whatever order, each answer is the one that looking at
     * every unit gives: no run overlaps another, and none that is there is missed. */
    struct prng prng;
    prng_init(&prng, 26);
    for (uint32_t story = 0; story < 40; story++) {
        struct model model = {.run_count = 0};
        struct slab_core core;
        slab_core_init(&core);
        uint64_t length_max = prng_between(&prng, 1, 1 + prng_below(&prng, SLAB_UNIT_COUNT));
        for (uint32_t step = 0; step < 2000; step++) {
            bool is_take = model.run_count == 0 || prng_chance(&prng, 5, 9);
            if (is_take)
                model_take(&model, &core, (uint32_t)prng_between(&prng, 1, length_max));
            else
                model_give(&model, &core, (uint32_t)prng_below(&prng, model.run_count));
        }
        while (model.run_count > 0)
            model_give(&model, &core, 0);
        assert_int_equal(core.free_count, SLAB_UNIT_COUNT);
        assert_int_equal(slab_core_take(&core, SLAB_UNIT_COUNT), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_run_that_is_long_enough_serves),
        cmocka_unit_test(nothing_is_taken_twice),
    };
    return cmocka_run_group_tests_name("io_slab_core", tests, NULL, NULL);
}
