#include "base/arena.h"

#include "tests/base/check.h"

#include <stddef.h>
#include <string.h>

/* Allocations are aligned, distinct and writable to their last byte. */
static void test_allocations(void **state)
{
    enum { COUNT = 300 };
    struct arena arena;
    uint8_t *parts[COUNT];
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        parts[i] = arena_allocate(&arena, i);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % 16, 0);
        memset(parts[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(parts[i][k], i % 251);
    arena_deinit(&arena);
}

/* At its limit an arena answers NULL, also for sizes whose sum or product would overflow. */
static void test_limit(void **state)
{
    struct arena arena;
    arena_init(&arena, 10000);
    assert_null(arena_allocate(&arena, 10001));
    assert_non_null(arena_allocate(&arena, 5000));
    assert_null(arena_allocate(&arena, 6000));
    assert_null(arena_allocate(&arena, SIZE_MAX));
    assert_null(arena_allocate(&arena, SIZE_MAX - 8));
    assert_null(arena_allocate_array(&arena, SIZE_MAX / 2, 3));
    assert_true(arena.total_bytes <= 10000);
    arena_deinit(&arena);
}

/* All of the limit that is a multiple of the alignment can be had, and no more; asking for nothing
 * answers something, however little there is. */
static void test_last_bytes(void **state)
{
    enum { LIMIT = 1000, STEP = 16 };
    struct arena arena;
    uint32_t count = 0;
    arena_init(&arena, LIMIT);
    assert_non_null(arena_allocate(&arena, 0));
    while (arena_allocate(&arena, STEP - 1) != NULL)
        count++;
    assert_int_equal(count, LIMIT / STEP);
    assert_int_equal(arena.total_bytes, LIMIT / STEP * STEP);
    assert_non_null(arena_allocate(&arena, 0));
    arena_deinit(&arena);
}

/* After a reset the whole limit is there again, and at most one small block was kept. */
static void test_reset(void **state)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++)
            assert_non_null(arena_allocate(&arena, 100000));
        arena_reset(&arena);
        assert_true(arena.total_bytes <= 64 * 1024);
    }
    assert_non_null(arena_allocate(&arena, 10));
    size_t kept = arena.total_bytes;
    arena_reset(&arena);
    assert_int_equal(arena.total_bytes, kept);
    arena_deinit(&arena);
}

/* An arena takes from its owner's memory first, goes on elsewhere when that is full, and gives back
 * only what it took itself. */
static void test_owner_memory(void **state)
{
    _Alignas(max_align_t) uint8_t memory[513];
    struct arena arena;
    arena_init_in(&arena, memory + 1, 512, 10000);
    uint8_t *inside = arena_allocate(&arena, 400);
    assert_int_equal((uintptr_t)inside % _Alignof(max_align_t), 0);
    assert_true(inside >= memory + 1);
    assert_true(inside + 400 <= memory + sizeof memory);
    uint8_t *outside = arena_allocate(&arena, 400);
    assert_non_null(outside);
    assert_true(outside + 400 <= memory || outside >= memory + sizeof memory);
    memset(inside, 1, 400);
    memset(outside, 2, 400);
    assert_int_equal(inside[399], 1);
    assert_null(arena_allocate(&arena, 9000));
    assert_true(arena.total_bytes <= 10000);
    arena_deinit(&arena);

    arena_init_in(&arena, memory + 1, 512, 10000);
    assert_ptr_equal(arena_allocate(&arena, 400), inside);
    arena_reset(&arena);
    assert_ptr_equal(arena_allocate(&arena, 400), inside);
    arena_deinit(&arena);
}

/* Arrays are cleared, even in memory that was used before; copies end with a zero byte. */
static void test_array_and_text(void **state)
{
    struct arena arena;
    arena_init(&arena, 4096);
    memset(arena_allocate(&arena, 256), 0xff, 256);
    arena_reset(&arena);
    const uint32_t *numbers = arena_allocate_array(&arena, 32, sizeof *numbers);
    for (int i = 0; i < 32; i++)
        assert_int_equal(numbers[i], 0);
    assert_string_equal(arena_copy_text(&arena, "topic!", 5), "topic");
    assert_string_equal(arena_copy_text(&arena, NULL, 0), "");
    assert_null(arena_copy_text(&arena, "x", 4096));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations),  cmocka_unit_test(test_limit),
        cmocka_unit_test(test_last_bytes),   cmocka_unit_test(test_reset),
        cmocka_unit_test(test_owner_memory), cmocka_unit_test(test_array_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
