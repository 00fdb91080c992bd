/* Which offsets are known to be damaged: ranges beside a naive array of bits. */
#include "base/prng.h"
#include "storage/damage_core.h"
#include "tests/storage/check.h"

enum { OFFSETS = 400 };

static void check_equal(const struct damage_core *core, const bool *is_damaged)
{
    for (uint32_t i = 0; i < core->count; i++) {
        assert_true(core->ranges[i].from < core->ranges[i].to);
        assert_true(i == 0 || core->ranges[i - 1].to < core->ranges[i].from);
    }
    for (int64_t offset = 0; offset < OFFSETS; offset++)
        assert_int_equal(damage_core_find(core, offset) != NULL, is_damaged[offset]);
}

/* After any notes the ranges are sorted, do not touch, and hold exactly what was noted;
 * and a note answers whether it was news. */
static void like_a_set_of_offsets(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (uint32_t story = 0; story < 200; story++) {
        struct damage_core core = {0};
        bool is_damaged[OFFSETS] = {0};
        for (uint32_t step = 0; step < 30; step++) {
            int64_t from = (int64_t)prng_below(&prng, OFFSETS - 20);
            int64_t to = from + 1 + (int64_t)prng_below(&prng, 20);
            bool is_news = false;
            for (int64_t offset = from; offset < to; offset++) {
                is_news = is_news || !is_damaged[offset];
                is_damaged[offset] = true;
            }
            assert_int_equal(damage_core_note(&core, from, to), is_news);
            check_equal(&core, is_damaged);
        }
        damage_core_deinit(&core);
    }
}

/* Beyond its limit nothing is remembered, and nothing breaks. */
static void has_a_limit(void **state)
{
    (void)state;
    struct damage_core core = {0};
    for (int64_t i = 0; i < DAMAGES_MAX; i++)
        assert_true(damage_core_note(&core, i * 3, i * 3 + 1));
    assert_true(damage_core_note(&core, DAMAGES_MAX * 3, DAMAGES_MAX * 3 + 1));
    assert_int_equal(core.count, DAMAGES_MAX);
    assert_null(damage_core_find(&core, DAMAGES_MAX * 3));
    assert_true(damage_core_note(&core, 1, 3)); /* two become one */
    assert_int_equal(core.count, DAMAGES_MAX - 1);
    damage_core_deinit(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_set_of_offsets),
        cmocka_unit_test(has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
