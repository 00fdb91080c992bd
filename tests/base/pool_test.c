#include "base/pool.h"

#include "tests/base/check.h"

#include <string.h>

/* A pool gives exactly count_max objects and then answers NULL until one comes back. */
static void test_limit(void **state)
{
    struct pool pool;
    pool_init(&pool, 40, 3);
    assert_int_equal(pool.made_count, 0);
    void *objects[3];
    for (int i = 0; i < 3; i++) {
        objects[i] = pool_acquire(&pool);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        memset(objects[i], i, 40);
    }
    assert_true(pool_is_empty(&pool));
    assert_null(pool_acquire(&pool));
    assert_int_equal(pool.refused_count, 1);

    pool_release(&pool, objects[1]);
    assert_false(pool_is_empty(&pool));
    assert_ptr_equal(pool_acquire(&pool), objects[1]);
    for (int i = 0; i < 3; i++)
        pool_release(&pool, objects[i]);
    assert_int_equal(pool.in_use_count, 0);
    assert_int_equal(pool.in_use_peak, 3);
    pool_deinit(&pool);
}

/* Objects of all slabs are distinct and do not overlap. */
static void test_slabs(void **state)
{
    enum { COUNT = 1000, SIZE = 100 };
    static uint8_t *objects[COUNT];
    struct pool pool;
    pool_init(&pool, SIZE, COUNT);
    for (int i = 0; i < COUNT; i++) {
        objects[i] = pool_acquire(&pool);
        assert_non_null(objects[i]);
        memset(objects[i], i % 251, SIZE);
    }
    assert_int_equal(pool.made_count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < SIZE; k++)
            assert_int_equal(objects[i][k], i % 251);
        pool_release(&pool, objects[i]);
    }
    pool_deinit(&pool);
}

/* An object larger than a slab gets a slab of its own, and memory is taken only when needed. */
static void test_large_objects(void **state)
{
    struct pool pool;
    pool_init(&pool, 100000, 1000);
    void *object = pool_acquire(&pool);
    assert_non_null(object);
    assert_int_equal(pool.made_count, 1);
    memset(object, 1, 100000);
    pool_release(&pool, object);
    pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_large_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
