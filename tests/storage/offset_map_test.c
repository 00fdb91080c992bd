/* The newest offset of each key, in little memory. */
#include "storage/offset_map.h"

#include "base/prng.h"
#include "tests/storage/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 4096 };

static const struct hash_seed seed = {{11, 12}};

struct fixture {
    struct offset_map map;
    void *memory;
};

/* Filled with rubbish, as recycled memory is. */
static void begin(struct fixture *fixture, uint64_t key_count)
{
    size_t size = offset_map_size(key_count);
    fixture->memory = malloc(size);
    memset(fixture->memory, 0x5a, size);
    offset_map_init(&fixture->map, fixture->memory, size, seed);
    while (offset_map_clear(&fixture->map, 1000))
        ;
    assert_true(fixture->map.key_count_max >= key_count);
}

static void end(struct fixture *fixture)
{
    free(fixture->memory);
}

/* The newest offset of a key counts, in whatever order they come; other keys are not known. */
static void newest_offset_counts(void **state)
{
    struct fixture fixture;
    begin(&fixture, 10);
    struct offset_map *map = &fixture.map;
    assert_int_equal(offset_map_get(map, bytes_of_text("a")), -1);
    assert_true(offset_map_put(map, bytes_of_text("a"), 5));
    assert_true(offset_map_put(map, bytes_of_text("b"), 0));
    assert_true(offset_map_put(map, bytes_of_text("a"), 9));
    assert_true(offset_map_put(map, bytes_of_text("a"), 7));
    assert_true(offset_map_put(map, bytes_of_text(""), 8));
    assert_int_equal(offset_map_get(map, bytes_of_text("a")), 9);
    assert_int_equal(offset_map_get(map, bytes_of_text("b")), 0);
    assert_int_equal(offset_map_get(map, bytes_of_text("")), 8);
    assert_int_equal(offset_map_get(map, bytes_of_text("c")), -1);
    assert_int_equal(map->key_count, 3);
    end(&fixture);
}

/* A full map takes no new key and goes on with those that it knows. */
static void full_map_knows_its_keys(void **state)
{
    struct fixture fixture;
    begin(&fixture, 100);
    struct offset_map *map = &fixture.map;
    char key[16];
    int64_t taken = 0;
    for (; taken < 1000; taken++) {
        snprintf(key, sizeof key, "key-%d", (int)taken);
        if (!offset_map_put(map, bytes_of_text(key), taken))
            break;
    }
    assert_int_equal(taken, map->key_count_max);
    assert_int_equal(offset_map_get(map, bytes_of_text(key)), -1);
    assert_true(map->key_count_max * 10 <= map->slot_count * 9);
    for (int64_t i = 0; i < taken; i++) {
        snprintf(key, sizeof key, "key-%d", (int)i);
        assert_int_equal(offset_map_get(map, bytes_of_text(key)), i);
        assert_true(offset_map_put(map, bytes_of_text(key), 5000 + i));
        assert_int_equal(offset_map_get(map, bytes_of_text(key)), 5000 + i);
    }
    end(&fixture);
}

/* Keys whose hashes agree in one half, so that all want the same slot, the last one, are different
 * keys all the same. */
static void half_equal_hashes_are_different_keys(void **state)
{
    struct fixture fixture;
    begin(&fixture, 64);
    struct offset_map *map = &fixture.map;
    for (uint64_t i = 0; i < 30; i++) {
        assert_true(offset_map_put_hash(map, (struct hash128){{UINT64_MAX, i}}, (int64_t)i));
        assert_true(
            offset_map_put_hash(map, (struct hash128){{UINT64_MAX - 1 - i, 3}}, 100 + (int64_t)i));
    }
    assert_int_equal(map->key_count, 60);
    for (uint64_t i = 0; i < 30; i++) {
        assert_int_equal(offset_map_get_hash(map, (struct hash128){{UINT64_MAX, i}}), i);
        assert_int_equal(offset_map_get_hash(map, (struct hash128){{UINT64_MAX - 1 - i, 3}}),
                         100 + i);
        assert_int_equal(offset_map_get_hash(map, (struct hash128){{UINT64_MAX, 30 + i}}), -1);
    }
    end(&fixture);
}

/* Whatever is put in, the map says what an array says. */
static void equals_an_array(void **state)
{
    struct prng prng;
    prng_init(&prng, 1);
    for (uint32_t round = 0; round < 20; round++) {
        struct fixture fixture;
        static int64_t newest[KEYS_MAX];
        uint64_t keys = 1 + prng_below(&prng, KEYS_MAX);
        begin(&fixture, keys);
        memset(newest, -1, sizeof newest);
        for (uint32_t i = 0; i < 3 * keys; i++) {
            uint64_t key = prng_below(&prng, keys);
            int64_t offset = (int64_t)prng_below(&prng, 1000000);
            assert_true(offset_map_put(&fixture.map, bytes_of(&key, sizeof key), offset));
            newest[key] = newest[key] < offset ? offset : newest[key];
        }
        for (uint64_t key = 0; key < keys; key++)
            assert_int_equal(offset_map_get(&fixture.map, bytes_of(&key, sizeof key)), newest[key]);
        end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_offset_counts),
        cmocka_unit_test(full_map_knows_its_keys),
        cmocka_unit_test(half_equal_hashes_are_different_keys),
        cmocka_unit_test(equals_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
