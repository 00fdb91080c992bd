/* Chunks: limits, reuse, and the way home from another core. */
#include "io/chunk.h"
#include "tests/io/real_harness.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KIB = 1024 };

struct fixture {
    struct real_harness real;
    struct io **doors;
    struct chunk_pool pool;
};

static void fixture_open(struct fixture *fixture, size_t limit_bytes)
{
    real_harness_init(&fixture->real, "chunk", IO_BACKEND_POSIX);
    fixture->doors = fixture->real.harness.open(&fixture->real.harness, 2);
    assert_non_null(fixture->doors);
    chunk_pool_init(&fixture->pool, fixture->doors[0], limit_bytes);
}

static void fixture_close(struct fixture *fixture)
{
    chunk_pool_deinit(&fixture->pool);
    fixture->real.harness.close(&fixture->real.harness, fixture->doors, 2);
    real_harness_deinit(&fixture->real);
}

static void chunks_are_aligned_and_large_enough(void **state)
{
    /* A chunk has at least the size asked for, rounded up to the next of four sizes in each
     * doubling, on a block boundary. */
    struct fixture fixture;
    fixture_open(&fixture, 2 * (size_t)CHUNK_SIZE_MAX);
    static const size_t sizes[][2] = {
        {0, 4 * KIB},
        {1, 4 * KIB},
        {4096, 4 * KIB},
        {4097, 8 * KIB},
        {17 * KIB, 20 * KIB},
        {32 * KIB, 32 * KIB},
        {32 * KIB + 1, 40 * KIB},
        {40 * KIB + 1, 48 * KIB},
        {56 * KIB + 1, 64 * KIB},
        {64 * KIB + 64, 80 * KIB},
        {100000, 112 * KIB},
        {112 * KIB + 1, 128 * KIB},
        {1025 * KIB, 1280 * KIB},
        {1793 * KIB, 2048 * KIB},
        {2048 * KIB + 1, 2560 * KIB},
        {CHUNK_SIZE_MAX / 8 * 7, CHUNK_SIZE_MAX / 8 * 7},
        {CHUNK_SIZE_MAX / 8 * 7 + 1, CHUNK_SIZE_MAX},
        {CHUNK_SIZE_MAX, CHUNK_SIZE_MAX},
    };
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct chunk *chunk = chunk_acquire(&fixture.pool, sizes[i][0]);
        assert_non_null(chunk);
        assert_int_equal(chunk->capacity_bytes, sizes[i][1]);
        assert_int_equal((uintptr_t)chunk->data % IO_BLOCK_SIZE, 0);
        chunk->data[chunk->capacity_bytes - 1] = 1;
        chunk_release(chunk, fixture.doors[0]);
    }
    assert_null(chunk_acquire(&fixture.pool, (size_t)CHUNK_SIZE_MAX + 1));
    assert_int_equal(fixture.pool.used_bytes, 0);
    fixture_close(&fixture);
}

static void the_limit_holds(void **state)
{
    /* At the limit acquire answers NULL; what is given back can be had again. */
    struct fixture fixture;
    fixture_open(&fixture, 16 * KIB);
    struct chunk *small = chunk_acquire(&fixture.pool, 4 * KIB);
    struct chunk *large = chunk_acquire(&fixture.pool, 8 * KIB);
    assert_true(small != NULL && large != NULL);
    assert_null(chunk_acquire(&fixture.pool, 8 * KIB));
    struct chunk *last = chunk_acquire(&fixture.pool, 4 * KIB);
    assert_non_null(last);
    assert_null(chunk_acquire(&fixture.pool, 1));
    chunk_release(large, fixture.doors[0]);
    large = chunk_acquire(&fixture.pool, 8 * KIB);
    assert_non_null(large);
    chunk_release(large, fixture.doors[0]);
    chunk_release(last, fixture.doors[0]);
    chunk_release(small, fixture.doors[0]);
    fixture_close(&fixture);
}

static void growing_doubles(void **state)
{
    /* A chunk that is full is exchanged for one of twice its size, or for one that is large enough.
     */
    struct fixture fixture;
    fixture_open(&fixture, 64 * KIB);
    struct chunk *chunk = chunk_acquire(&fixture.pool, 16 * KIB);
    assert_non_null(chunk);
    assert_int_equal(chunk_size_grown(chunk, 16 * KIB + 1), 32 * KIB);
    assert_int_equal(chunk_size_grown(chunk, 40 * KIB), 40 * KIB);
    chunk_release(chunk, fixture.doors[0]);
    fixture_close(&fixture);
}

static void payload_lies_in_slabs(void **state)
{
    /* Sizes that payload has on its way are taken from slabs and found there again; small and very
     * large chunks are not, and cost no slab. */
    struct fixture fixture;
    fixture_open(&fixture, 32 * (size_t)KIB * KIB);
    static const uint32_t sizes[] = {4 * KIB, 28 * KIB, 32 * KIB, 80 * KIB, 2048 * KIB, 2560 * KIB};
    static const bool is_in_slab[] = {false, false, true, true, true, false};
    struct chunk *chunks[6];
    for (uint32_t i = 0; i < 6; i++) {
        chunks[i] = chunk_acquire(&fixture.pool, sizes[i]);
        assert_non_null(chunks[i]);
        memset(chunks[i]->data, (int)i, chunks[i]->capacity_bytes);
        assert_int_equal(chunks[i]->slab != NULL, is_in_slab[i]);
    }
    assert_int_equal(fixture.pool.slabs.count, 2);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(chunks[i]->data[0], i);
        assert_int_equal(chunks[i]->data[chunks[i]->capacity_bytes - 1], i);
        chunk_release(chunks[i], fixture.doors[0]);
    }
    fixture_close(&fixture);
}

static void gaps_do_not_refuse_what_the_limit_allows(void **state)
{
    /* A chunk for which all gaps are too short lies by itself; and idle chunks make way for one
     * that fits where they are. */
    struct fixture fixture;
    fixture_open(&fixture, 16 * (size_t)KIB * KIB);
    enum { MANY = 11, IDLE = 3 };
    struct chunk *chunks[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        chunks[i] = chunk_acquire(&fixture.pool, 1280 * KIB);
        assert_non_null(chunks[i]);
    }
    assert_int_equal(fixture.pool.slabs.count, fixture.pool.slabs.count_max);
    struct chunk *lone = chunk_acquire(&fixture.pool, 1024 * KIB);
    assert_non_null(lone);
    assert_null(lone->slab);
    memset(lone->data, 1, lone->capacity_bytes);
    chunk_release(lone, fixture.doors[0]);
    for (uint32_t i = 0; i < IDLE; i++)
        chunk_release(chunks[i], fixture.doors[0]);
    assert_int_equal(fixture.pool.kept_bytes, IDLE * 1280 * KIB);
    struct chunk *large = chunk_acquire(&fixture.pool, 2048 * KIB);
    assert_non_null(large);
    assert_non_null(large->slab);
    chunk_release(large, fixture.doors[0]);
    for (uint32_t i = IDLE; i < MANY; i++)
        chunk_release(chunks[i], fixture.doors[0]);
    fixture_close(&fixture);
}

static void idle_chunks_make_room(void **state)
{
    /* Chunks that lie idle are freed when another size needs their room: out and idle together
     * never exceed the limit. */
    struct fixture fixture;
    fixture_open(&fixture, 64 * KIB);
    struct chunk *small[4];
    for (uint32_t i = 0; i < 4; i++)
        small[i] = chunk_acquire(&fixture.pool, 4 * KIB);
    for (uint32_t i = 0; i < 4; i++)
        chunk_release(small[i], fixture.doors[0]);
    assert_int_equal(fixture.pool.kept_bytes, 16 * KIB);
    struct chunk *all = chunk_acquire(&fixture.pool, 64 * KIB);
    assert_non_null(all);
    assert_int_equal(fixture.pool.kept_bytes, 0);
    chunk_release(all, fixture.doors[0]);
    assert_true(fixture.pool.kept_bytes <= fixture.pool.kept_bytes_max);
    fixture_close(&fixture);
}

static void chunks_are_used_again(void **state)
{
    /* The chunk that was given back last is the next of its size. */
    struct fixture fixture;
    fixture_open(&fixture, 64 * KIB);
    struct chunk *first = chunk_acquire(&fixture.pool, 4 * KIB);
    assert_non_null(first);
    chunk_release(first, fixture.doors[0]);
    assert_ptr_equal(chunk_acquire(&fixture.pool, 100), first);
    chunk_release(first, fixture.doors[0]);
    fixture_close(&fixture);
}

static void sizes_out_of_use_make_way(void **state)
{
    /* Chunks of a size that was wanted once do not keep others from being used again: when too many
     * lie idle, the ones that have lain longest go. */
    struct fixture fixture;
    fixture_open(&fixture, 64 * KIB);
    struct chunk *small[4];
    for (uint32_t i = 0; i < 4; i++)
        small[i] = chunk_acquire(&fixture.pool, 4 * KIB);
    for (uint32_t i = 0; i < 4; i++)
        chunk_release(small[i], fixture.doors[0]);
    assert_int_equal(fixture.pool.kept_bytes, fixture.pool.kept_bytes_max);
    struct chunk *large = chunk_acquire(&fixture.pool, 8 * KIB);
    chunk_release(large, fixture.doors[0]);
    assert_int_equal(fixture.pool.kept_bytes, fixture.pool.kept_bytes_max);
    assert_ptr_equal(list_first(&fixture.pool.free[1]), &large->home.node);
    assert_ptr_equal(chunk_acquire(&fixture.pool, 8 * KIB), large);
    assert_ptr_equal(chunk_acquire(&fixture.pool, 4 * KIB), small[3]);
    chunk_release(small[3], fixture.doors[0]);
    chunk_release(large, fixture.doors[0]);
    fixture_close(&fixture);
}

static void the_last_reference_counts(void **state)
{
    /* A chunk goes back with its last reference and not before. */
    struct fixture fixture;
    fixture_open(&fixture, 16 * KIB);
    struct chunk *chunk = chunk_acquire(&fixture.pool, 16 * KIB);
    assert_non_null(chunk);
    chunk_retain(chunk);
    chunk_release(chunk, fixture.doors[0]);
    assert_null(chunk_acquire(&fixture.pool, 1));
    chunk_release(chunk, fixture.doors[0]);
    assert_int_equal(fixture.pool.used_bytes, 0);
    fixture_close(&fixture);
}

static void foreign_releases_come_home_by_mail(void **state)
{
    /* Released last on another core, a chunk is out until its mail has landed at home. */
    struct fixture fixture;
    fixture_open(&fixture, 4 * KIB);
    for (uint32_t round = 0; round < 3; round++) {
        struct chunk *chunk = chunk_acquire(&fixture.pool, 4 * KIB);
        assert_non_null(chunk);
        chunk_release(chunk, fixture.doors[1]);
        assert_int_equal(fixture.pool.used_bytes, 4 * KIB);
        assert_null(chunk_acquire(&fixture.pool, 4 * KIB));
        io_turn(fixture.doors[0]);
        assert_int_equal(fixture.pool.used_bytes, 0);
    }
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_aligned_and_large_enough),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(growing_doubles),
        cmocka_unit_test(payload_lies_in_slabs),
        cmocka_unit_test(gaps_do_not_refuse_what_the_limit_allows),
        cmocka_unit_test(idle_chunks_make_room),
        cmocka_unit_test(chunks_are_used_again),
        cmocka_unit_test(sizes_out_of_use_make_way),
        cmocka_unit_test(the_last_reference_counts),
        cmocka_unit_test(foreign_releases_come_home_by_mail),
    };
    return cmocka_run_group_tests_name("io_chunk", tests, NULL, NULL);
}
