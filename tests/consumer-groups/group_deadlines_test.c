#include "consumer-groups/group_deadlines.h"

#include "base/prng.h"
#include "tests/consumer-groups/check.h"

enum { COUNT = 300, STEPS = 20000 };

static int64_t earliest(const struct group_deadline *all)
{
    int64_t at_ms = INT64_MAX;
    for (uint32_t i = 0; i < COUNT; i++) {
        if (group_deadline_is_set(&all[i]) && all[i].at_ms < at_ms)
            at_ms = all[i].at_ms;
    }
    return at_ms;
}

/* Whatever is set, moved and cleared, the earliest deadline is at hand. */
static void test_the_earliest_is_first(void **state)
{
    struct group_deadline all[COUNT] = {0};
    struct group_deadlines deadlines = {0};
    struct prng prng;
    prng_init(&prng, 1);
    for (uint32_t step = 0; step < STEPS; step++) {
        struct group_deadline *one = &all[prng_below(&prng, COUNT)];
        if (prng_chance(&prng, 1, 4)) {
            group_deadline_clear(&deadlines, one);
            assert_false(group_deadline_is_set(one));
        } else {
            int64_t at_ms = (int64_t)prng_below(&prng, 1000);
            group_deadline_set(&deadlines, one, at_ms);
            assert_int_equal(one->at_ms, at_ms);
        }
        assert_int_equal(group_deadlines_next_ms(&deadlines), earliest(all));
    }
}

/* Taken out one after the other, deadlines come in their order, each once. */
static void test_they_come_in_order(void **state)
{
    struct group_deadline all[COUNT] = {0};
    struct group_deadlines deadlines = {0};
    struct prng prng;
    prng_init(&prng, 2);
    for (uint32_t i = 0; i < COUNT; i++)
        group_deadline_set(&deadlines, &all[i], (int64_t)prng_below(&prng, 100));
    int64_t before_ms = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(deadlines.first->at_ms >= before_ms);
        before_ms = deadlines.first->at_ms;
        group_deadline_clear(&deadlines, deadlines.first);
    }
    assert_int_equal(group_deadlines_next_ms(&deadlines), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_earliest_is_first),
        cmocka_unit_test(test_they_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
