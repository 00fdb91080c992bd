/* What grows begins as large as those before it became: tables and a story. */
#include "storage/growth_core.h"

#include "tests/storage/check.h"

/* Upwards at once, downwards by a quarter, and never below what there was last. */
static void sizes_are_followed(void **state)
{
    static const struct {
        uint32_t likely;
        uint32_t final;
        uint32_t next;
    } rows[] = {
        {0, 1, 1},
        {0, 60000, 60000},
        {1000, 60000, 60000},
        {60000, 60000, 60000},
        {60000, 1, 45000},
        {60000, 45000, 45000},
        {60000, 50000, 50000},
        {4, 1, 3},
        {UINT32_MAX, 1, UINT32_MAX - UINT32_MAX / 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(growth_core_likely(rows[i].likely, rows[i].final), rows[i].next);
}

/* A large one that came once is forgotten within two dozen small ones. */
static void a_large_one_is_forgotten(void **state)
{
    uint32_t likely = growth_core_likely(0, 1 << 20);
    uint32_t count = 0;
    for (; likely > 4096; count++)
        likely = growth_core_likely(likely, 1000);
    assert_in_range(count, 8, 24);
}

/* Doubling leaves less than half of the memory empty; half of it and more is given back. */
static void half_empty_is_too_large(void **state)
{
    assert_false(growth_core_is_too_large(4096, 4096));
    assert_false(growth_core_is_too_large(65536, 36864));
    assert_true(growth_core_is_too_large(65536, 32768));
    assert_true(growth_core_is_too_large(65536, 4096));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_followed),
        cmocka_unit_test(a_large_one_is_forgotten),
        cmocka_unit_test(half_empty_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
