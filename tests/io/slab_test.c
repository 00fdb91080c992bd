/* Slabs: a limit, one empty one kept, and one more that has been touched before it is needed. */
#include "io/slab.h"
#include "io/system.h"
#include "tests/io/real_harness.h"

#include <string.h>
#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * KIB };

struct fixture {
    struct real_harness real;
    struct io **doors;
    struct slab_set set;
};

static void fixture_open(struct fixture *fixture, size_t size_bytes_max)
{
    real_harness_init(&fixture->real, "slab", IO_BACKEND_POSIX);
    fixture->doors = fixture->real.harness.open(&fixture->real.harness, 1);
    assert_non_null(fixture->doors);
    slab_set_init(&fixture->set, fixture->doors[0], size_bytes_max);
}

static void fixture_close(struct fixture *fixture)
{
    slab_set_deinit(&fixture->set);
    fixture->real.harness.close(&fixture->real.harness, fixture->doors, 1);
    real_harness_deinit(&fixture->real);
}

static void runs_lie_beside_each_other_in_aligned_slabs(void **state)
{
    /* A slab begins at a multiple of its size, what is taken fills it from its beginning, and all
     * of it can be written. */
    struct fixture fixture;
    fixture_open(&fixture, 8 * MIB);
    assert_int_equal(fixture.set.count, 0);
    struct slab *slab;
    struct slab *other;
    uint8_t *first = slab_set_take(&fixture.set, 64 * KIB + 1, &slab);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % IO_SLAB_SIZE, 0);
    uint8_t *second = slab_set_take(&fixture.set, IO_SLAB_SIZE - 68 * KIB, &other);
    assert_ptr_equal(second, first + (size_t)68 * KIB);
    assert_ptr_equal(slab, other);
    memset(first, 1, (size_t)68 * KIB);
    memset(second, 2, IO_SLAB_SIZE - (size_t)68 * KIB);
    assert_int_equal(fixture.set.count, 1);
    slab_set_give(&fixture.set, slab, first, 64 * KIB + 1);
    slab_set_give(&fixture.set, slab, second, IO_SLAB_SIZE - 68 * KIB);
    fixture_close(&fixture);
}

static void one_empty_slab_is_kept(void **state)
{
    /* Who takes and gives back in turns does not go to the system each time; what is left after a
     * rush goes there. */
    struct fixture fixture;
    fixture_open(&fixture, 8 * MIB);
    struct slab *slabs[3];
    uint8_t *runs[3];
    for (uint32_t i = 0; i < 3; i++) {
        runs[i] = slab_set_take(&fixture.set, 2 * MIB, &slabs[i]);
        assert_non_null(runs[i]);
        assert_int_equal(fixture.set.count, i + 1);
        assert_int_equal(fixture.set.empty_count, 0);
    }
    static const uint32_t counts[] = {3, 2, 1};
    for (uint32_t i = 0; i < 3; i++) {
        slab_set_give(&fixture.set, slabs[i], runs[i], 2 * MIB);
        assert_int_equal(fixture.set.count, counts[i]);
        assert_int_equal(fixture.set.empty_count, 1);
    }
    assert_ptr_equal(slab_set_take(&fixture.set, 2 * MIB, &slabs[0]), runs[0]);
    slab_set_give(&fixture.set, slabs[0], runs[0], 2 * MIB);
    fixture_close(&fixture);
}

static void a_set_has_a_limit(void **state)
{
    /* What may be out fits even if it leaves gaps, and there is an end to what is held. */
    struct fixture fixture;
    fixture_open(&fixture, 4 * MIB);
    struct slab *slabs[8];
    uint8_t *runs[8];
    uint32_t count = 0;
    while ((runs[count] = slab_set_take(&fixture.set, 1 * MIB + 1, &slabs[count])) != NULL)
        count++;
    assert_int_equal(count, 4);
    assert_int_equal(fixture.set.count, fixture.set.count_max);
    slab_set_give(&fixture.set, slabs[1], runs[1], 1 * MIB + 1);
    assert_ptr_equal(slab_set_take(&fixture.set, 2 * MIB, &slabs[1]), runs[1]);
    slab_set_give(&fixture.set, slabs[1], runs[1], 2 * MIB);
    for (uint32_t i = 0; i < count; i++) {
        if (i != 1)
            slab_set_give(&fixture.set, slabs[i], runs[i], 1 * MIB + 1);
    }
    fixture_close(&fixture);
}

/* What the door has ahead, when it has been touched. */
static uint8_t *await_ahead(struct fixture *fixture)
{
    const struct slab_memory *memory = &system_of(fixture->doors[0])->slabs;
    while (atomic_load(&memory->is_being_touched))
        sched_yield();
    return memory->ahead;
}

static bool is_resident(uint8_t *slab)
{
    unsigned char pages[IO_SLAB_SIZE / IO_BLOCK_SIZE];
    assert_int_equal(mincore(slab, IO_SLAB_SIZE, pages), 0);
    for (uint32_t i = 0; i < IO_SLAB_SIZE / IO_BLOCK_SIZE; i++)
        if ((pages[i] & 1) == 0)
            return false;
    return true;
}

static void the_next_slab_is_touched_before_it_is_needed(void **state)
{
    /* When half of a slab has been taken, and not before, the next one is made, all of it is
     * touched, and it is what is begun next. */
    struct fixture fixture;
    fixture_open(&fixture, 8 * MIB);
    struct slab *slabs[3];
    uint8_t *half = slab_set_take(&fixture.set, 1 * MIB, &slabs[0]);
    assert_null(await_ahead(&fixture));
    uint8_t *more = slab_set_take(&fixture.set, 1, &slabs[1]);
    uint8_t *ahead = await_ahead(&fixture);
    assert_non_null(ahead);
    assert_true(is_resident(ahead));
    assert_int_equal(fixture.set.count, 1);
    assert_ptr_equal(slab_set_take(&fixture.set, 1 * MIB, &slabs[2]), ahead);
    assert_int_equal(fixture.set.count, 2);
    assert_null(await_ahead(&fixture));
    slab_set_give(&fixture.set, slabs[0], half, 1 * MIB);
    slab_set_give(&fixture.set, slabs[1], more, 1);
    slab_set_give(&fixture.set, slabs[2], ahead, 1 * MIB);
    fixture_close(&fixture);
}

static void a_slab_that_comes_back_is_the_next(void **state)
{
    /* A set that may have no more expects none; of two that are given back it keeps one, and the
     * door the other. */
    struct fixture fixture;
    fixture_open(&fixture, 1);
    assert_int_equal(fixture.set.count_max, 2);
    struct slab *slabs[2];
    uint8_t *first = slab_set_take(&fixture.set, 2 * MIB, &slabs[0]);
    uint8_t *second = await_ahead(&fixture);
    assert_ptr_equal(slab_set_take(&fixture.set, 2 * MIB, &slabs[1]), second);
    assert_null(await_ahead(&fixture));
    slab_set_give(&fixture.set, slabs[0], first, 2 * MIB);
    slab_set_give(&fixture.set, slabs[1], second, 2 * MIB);
    assert_int_equal(fixture.set.count, 1);
    assert_ptr_equal(await_ahead(&fixture), second);
    assert_ptr_equal(slab_set_take(&fixture.set, 2 * MIB, &slabs[0]), first);
    assert_ptr_equal(slab_set_take(&fixture.set, 2 * MIB, &slabs[1]), second);
    slab_set_give(&fixture.set, slabs[0], first, 2 * MIB);
    slab_set_give(&fixture.set, slabs[1], second, 2 * MIB);
    fixture_close(&fixture);
}

static void a_slab_that_is_not_ready_is_passed_over(void **state)
{
    /* Nobody waits for the thread that touches: it may be long in coming. */
    struct slab_memory memory;
    slab_memory_init(&memory);
    uint8_t *late = slab_memory_take(&memory);
    assert_non_null(late);
    slab_memory_give(&memory, late);
    atomic_store(&memory.is_being_touched, true);
    uint8_t *other = slab_memory_take(&memory);
    assert_non_null(other);
    assert_ptr_not_equal(other, late);
    atomic_store(&memory.is_being_touched, false);
    assert_ptr_equal(slab_memory_take(&memory), late);
    slab_memory_give(&memory, other);
    slab_memory_give(&memory, late);
    slab_memory_deinit(&memory);
}

static void a_door_may_go_while_a_slab_is_made(void **state)
{
    /* Nobody takes it then. */
    struct fixture fixture;
    fixture_open(&fixture, 8 * MIB);
    struct slab *slab;
    uint8_t *run = slab_set_take(&fixture.set, 2 * MIB, &slab);
    assert_non_null(system_of(fixture.doors[0])->slabs.ahead);
    slab_set_give(&fixture.set, slab, run, 2 * MIB);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_lie_beside_each_other_in_aligned_slabs),
        cmocka_unit_test(one_empty_slab_is_kept),
        cmocka_unit_test(a_set_has_a_limit),
        cmocka_unit_test(the_next_slab_is_touched_before_it_is_needed),
        cmocka_unit_test(a_slab_that_comes_back_is_the_next),
        cmocka_unit_test(a_slab_that_is_not_ready_is_passed_over),
        cmocka_unit_test(a_door_may_go_while_a_slab_is_made),
    };
    return cmocka_run_group_tests_name("io_slab", tests, NULL, NULL);
}
