/* The memory of a life: what was allocated in it and not freed goes with it, all else stays. */
#include "sim/heap.h"
#include "sim/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_life_takes_its_memory_along(void **state)
{
    /* Everything allocated inside counts, in every way to allocate, and dies with the heap. */
    struct heap heap;
    heap_init(&heap);
    struct heap *outside = heap_enter(&heap);
    char *text = strdup("abc");
    char *part = strndup("abcdef", 2);
    char *grown = realloc(malloc(10), 100);
    void *block = aligned_alloc(4096, 8192);
    int *zeros = calloc(4, sizeof *zeros);
    heap_enter(outside);
    assert_string_equal(text, "abc");
    assert_string_equal(part, "ab");
    assert_non_null(grown);
    assert_int_equal((uintptr_t)block % 4096, 0);
    assert_int_equal(zeros[3], 0);
    assert_int_equal(heap.block_count, 5);
    assert_int_equal(heap.used_bytes, 4 + 3 + 100 + 8192 + 4 * sizeof(int));
    heap_deinit(&heap);
    assert_int_equal(heap.block_count, 0);
}

static void test_freed_memory_is_not_counted(void **state)
{
    /* What is freed, inside or outside of the turn, leaves the heap; the peak remembers it. */
    struct heap heap;
    heap_init(&heap);
    struct heap *outside = heap_enter(&heap);
    void *first = malloc(100);
    void *second = malloc(50);
    free(first);
    heap_enter(outside);
    free(second);
    assert_int_equal(heap.used_bytes, 0);
    assert_int_equal(heap.peak_bytes, 150);
    heap_deinit(&heap);
}

static void test_simulator_is_of_no_life(void **state)
{
    /* Memory of the simulator that is needed in the middle of a turn survives the life. */
    struct heap heap;
    heap_init(&heap);
    struct heap *outside = heap_enter(&heap);
    int *numbers = must_allocate(1, sizeof *numbers);
    numbers = must_grow(numbers, 1, 2, sizeof *numbers);
    heap_enter(outside);
    assert_int_equal(heap.block_count, 0);
    heap_deinit(&heap);
    numbers[1] = 5;
    assert_int_equal(numbers[1], 5);
    free(numbers);
}

static void test_grown_memory_stays_in_its_life(void **state)
{
    /* A block belongs to the life that began it, whoever makes it larger. */
    struct heap heap;
    heap_init(&heap);
    void *block = malloc(10);
    struct heap *outside = heap_enter(&heap);
    block = realloc(block, 1000);
    heap_enter(outside);
    assert_int_equal(heap.block_count, 0);
    heap_deinit(&heap);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_takes_its_memory_along),
        cmocka_unit_test(test_freed_memory_is_not_counted),
        cmocka_unit_test(test_simulator_is_of_no_life),
        cmocka_unit_test(test_grown_memory_stays_in_its_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
